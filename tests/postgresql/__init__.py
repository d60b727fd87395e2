"""The contracts of the stores on PostgreSQL, and what only several processes over one server can show."""
