"""Adapters of the operation store."""
