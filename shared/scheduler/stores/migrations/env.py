"""Alembic's environment for the tables of the Scheduler service."""

from shared.sql.migrations import run_environment

run_environment()
