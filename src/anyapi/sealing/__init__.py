"""Seals prompt logs with age to keys that only their owners hold. Loaded when there is something to seal, and not before."""
