"""`python -m shared.wire.openapi` writes the document to standard output: `make openapi` keeps it in docs/reference."""

import sys

from shared.wire.openapi.document import encode_document

if __name__ == "__main__":
    sys.stdout.write(encode_document())
