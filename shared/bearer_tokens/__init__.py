"""Bearer tokens: whose they are, and what they open; both apps take them (docs/adr/0010-bearer-tokens.md)."""
