"""AnyAPI: a gateway to AI model providers that keeps its word about data."""

__version__ = "0.1.0"
