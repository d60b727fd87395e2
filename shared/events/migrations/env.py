"""Alembic's environment for the tables of events."""

from shared.sql.migrations import run_environment

run_environment()
