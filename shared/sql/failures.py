"""What an error of PostgreSQL means for whoever asked, and what of it may be shown."""

import psycopg
from sqlalchemy.exc import DBAPIError

from shared.errors import TransientError

READ_ONLY = "25006"
# Classes of SQLSTATE: connection, resources (disk, memory, connections), operator's intervention, system.
UNAVAILABLE_CLASSES = ("08", "53", "57", "58")
UNAVAILABLE = frozenset(
    {
        READ_ONLY,  # the server has just become a standby
        "25P03",  # idle in a transaction for too long, which a process is that was stopped
        "40003",  # it is not known whether a statement was carried out
        "55P03",  # a lock was not to be had in time
    }
)
REPEATABLE = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: rolled back for sure, and likely to pass when run again."""
DATA_EXCEPTION = "22"
"""Messages of this class quote the value."""


def cause_of(error: BaseException) -> psycopg.Error | None:
    """Return the driver's own error, also from below SQLAlchemy's."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return cause if isinstance(cause, psycopg.Error) else None


def is_repeatable(error: BaseException) -> bool:
    """Whether the transaction may be run again at once."""
    cause = cause_of(error)
    return cause is not None and cause.sqlstate in REPEATABLE


def is_unavailable(error: BaseException) -> bool:
    """Whether the database cannot be used at present, or the connection was lost and with it the outcome."""
    cause = cause_of(error)
    if cause is None:
        return False
    state = cause.sqlstate
    if state is None:
        # The driver's own: no answer, or one that was cut off.
        return isinstance(cause, psycopg.OperationalError)
    return state in UNAVAILABLE | REPEATABLE or state.startswith(UNAVAILABLE_CLASSES)


def is_forbidden(error: BaseException) -> bool:
    """Whether something was to be written where nothing may be."""
    cause = cause_of(error)
    return cause is not None and cause.sqlstate == READ_ONLY


def no_answer(error: BaseException) -> TransientError:
    """Return what the operator is told at start."""
    return TransientError(f"the database cannot be used at present: {text_of(error)}")


def without_values(error: Exception) -> Exception:
    """Return the error without the rows and values that PostgreSQL quotes in its details (P8)."""
    cause = cause_of(error)
    if cause is not None and cause.sqlstate is not None:
        whole, short = str(cause), text_of(cause)
        cause.args = (short,)
        if error is not cause:
            error.args = tuple(
                one.replace(whole, short) if isinstance(one, str) else one for one in error.args
            )
    return error


def text_of(error: BaseException) -> str:
    """Return what of an error the operator may be shown."""
    cause = cause_of(error)
    if cause is None or cause.sqlstate is None:
        return " ".join(str(cause or error).split())
    if cause.sqlstate.startswith(DATA_EXCEPTION):
        return f"{type(cause).__name__} ({cause.sqlstate})"
    return cause.diag.message_primary or type(cause).__name__
