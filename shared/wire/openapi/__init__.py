"""The OpenAPI 3.1 document of the Scheduler service: what the catalogue and the wire models say, for other tools."""
