"""The bearer token that a caller of the connector may have to bring: from a file, or from the environment.

It is never an argument, since everybody on the machine may read those.
"""

import re
from pathlib import Path

from shared.errors import ConfigurationError
from shared.settings import CONNECTOR_TOKEN, load_connector_token

# RFC 6750, 2.1; nothing else may go into a header.
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def connector_token(file: Path | None) -> str | None:
    """Return the token in a file, else that of the environment; None where neither is given.

    Raises:
        ConfigurationError: there is no token in it; what there is instead is not told.
    """
    if file is not None:
        return read_token_file(file)
    given = load_connector_token()
    return None if given is None else checked_token(given, CONNECTOR_TOKEN)


def read_token_file(file: Path) -> str:
    """Return the token in a file, without what stands around it.

    Raises:
        ConfigurationError: it cannot be read, or holds none.
    """
    try:
        content = file.read_text(encoding="ascii")
    except OSError as error:
        raise ConfigurationError(f"cannot read the token in {file}: {error.strerror}") from error
    except ValueError:
        raise ConfigurationError(f"{file} holds no bearer token") from None
    return checked_token(content, str(file))


def checked_token(text: str, where: str) -> str:
    token = text.strip()
    if TOKEN.fullmatch(token) is None:
        raise ConfigurationError(f"{where} holds no bearer token")
    return token
