"""Service Bus semantics on SQLite, in the file and the commits of the stores."""
