"""Alembic's environment and the revisions. Loaded by `storage/migrate.py` alone, never by a running server."""
