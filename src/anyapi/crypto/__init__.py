"""API keys and their hashes, secrets that do not print, root keys and envelopes."""
