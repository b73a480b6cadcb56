"""Commands. Each module is one command group."""
