"""One blueprint per trigger family; each function parses, calls and renders, and decides nothing."""
