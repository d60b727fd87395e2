"""`tocsin token`: a bearer token of the local issuer."""

import re
import sys
from datetime import timedelta
from pathlib import Path

from shared.clock import SystemClock
from shared.errors import ConfigurationError
from shared.local_issuer import LocalIssuer
from shared.settings import SUBSCRIPTION_ID

LIFETIME = re.compile(r"([1-9][0-9]{0,8})([smhd])")
UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
LONGEST = timedelta(days=366)


def print_token(folder: Path, subscription: str, *, lifetime: str) -> None:
    """Print a token that the service on a folder takes, now or when it runs; nothing else goes to stdout.

    A folder that is missing is made, and stderr says so: it may be one to come, or misspelled.

    Raises:
        ConfigurationError: subscription or lifetime are none, or the folder cannot be written.
    """
    subscription, lasts = checked_subscription(subscription), read_lifetime(lifetime)
    is_new = not folder.exists()
    # Tokens end by the machine's clock, whatever the service's own says.
    issued = LocalIssuer(folder).issue(subscription, lifetime=lasts, now=SystemClock().now())
    if is_new:
        print(
            f"tocsin: made {folder}, which was not there; the token is for a service on it alone",
            file=sys.stderr,
        )
    print(issued)


def checked_subscription(text: str) -> str:
    """Return a subscription in lower case. Raises ConfigurationError when it is none."""
    if re.fullmatch(SUBSCRIPTION_ID, text) is None:
        raise ConfigurationError(f"{text!r} is no subscription: 1 to 64 letters, digits and '-'")
    return text.lower()


def read_lifetime(text: str) -> timedelta:
    """Return a duration such as `90s`, `30m`, `1h` or `7d`. Raises ConfigurationError when it is none."""
    read = LIFETIME.fullmatch(text)
    lifetime = UNITS[read[2]] * int(read[1]) if read else None
    if lifetime is None or lifetime > LONGEST:
        raise ConfigurationError(
            f"--lifetime {text!r} is none such as 90s, 30m, 1h or 7d, up to {LONGEST.days}d"
        )
    return lifetime
