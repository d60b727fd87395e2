"""Commands accepted, carried out against the Scheduler REST API, and told about."""
