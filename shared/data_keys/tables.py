"""The table of the check that a key ring is the one of a database.

It has one row: a text sealed under the key that was current when the owner of the database last started. So a ring that
lacks that key is refused at the next start, and as long as a process that seals under an older key may run, that key is
in use.
"""

from pathlib import Path

from sqlalchemy import Column, MetaData, Table, Text

from shared.sql.migrations import Schema

SCHEMA = Schema(name="data_keys", scripts=Path(__file__).parent / "migrations", head="0001")

metadata = MetaData()

data_key_check = Table("data_key_check", metadata, Column("sealed", Text, primary_key=True))
