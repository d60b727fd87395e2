"""Service Bus semantics on SQLite, in the file and the writer thread of the stores."""
