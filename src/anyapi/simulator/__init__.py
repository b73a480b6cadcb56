"""Simulated providers: wire formats, scripted faults, an exact token ledger. Imports nothing of the product."""
