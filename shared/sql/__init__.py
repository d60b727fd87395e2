"""Transactions as functions over one SQLAlchemy Core connection; knows no word of the domain."""
