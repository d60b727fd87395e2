"""Alembic runs this file."""

from shared.sql.migrations import run_environment

run_environment()
