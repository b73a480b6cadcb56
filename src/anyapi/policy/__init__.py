"""The policy core: pure functions from values to values with reasons. No clock, no network, no file, no logger."""
