"""Key hashes and (later) envelopes."""
