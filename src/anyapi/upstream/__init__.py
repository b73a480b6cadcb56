"""Connections to providers, and what differs between providers. Secrets exist only here and in crypto."""
