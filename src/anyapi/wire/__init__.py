"""What both hops share below HTTP: read buffers that forget, TLS, deadlines. Knows nothing of requests or providers."""
