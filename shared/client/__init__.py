"""The Scheduler REST API as seen by whoever calls it."""
