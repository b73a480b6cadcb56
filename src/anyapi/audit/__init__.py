"""The audit log as values and arithmetic: hash tree, proofs, tiles, signed checkpoints, entries, receipts. Opens no file and no store."""
