"""What a database has to do with the keys that its secrets are sealed under: whether they fit, and their rotation."""
