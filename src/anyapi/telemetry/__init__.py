"""Logs and metrics by allow-list of fields."""
