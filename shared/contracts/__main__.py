"""`python -m shared.contracts FOLDER` writes the schema of each event's data there: `make schemas` keeps them."""

import sys
from pathlib import Path

from shared.contracts.event_schemas import encoded, event_schema
from shared.events.event_types import EventType

if __name__ == "__main__":
    for event_type in EventType:
        path = Path(sys.argv[1]) / f"{event_type.value}.json"
        path.write_text(encoded(event_schema(event_type)))
