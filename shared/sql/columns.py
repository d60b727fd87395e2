"""Types and options of tables that mean the same in SQLite and PostgreSQL."""

import sys
from typing import Any

from sqlalchemy import BigInteger, Integer, Text

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""A row's number, given by the database where it is the key; SQLite does that for what is called INTEGER alone."""

BY_CODE_POINT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is sorted and compared by code points, whatever language the server was made for."""


def only_where(condition: Any) -> dict[str, Any]:
    """Return the options of an index that has only the rows of this condition.

    Naming an option of PostgreSQL loads its dialect; who migrates such a database has it, and nobody else wants it.
    """
    options = {"sqlite_where": condition}
    if "sqlalchemy.dialects.postgresql" in sys.modules:
        options["postgresql_where"] = condition
    return options
