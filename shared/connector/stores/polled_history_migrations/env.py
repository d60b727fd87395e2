"""Alembic's environment for the tables of polled history."""

from shared.sql.migrations import run_environment

run_environment()
