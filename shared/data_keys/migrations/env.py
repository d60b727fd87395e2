"""Alembic's environment for the table of the data-key check."""

from shared.sql.migrations import run_environment

run_environment()
