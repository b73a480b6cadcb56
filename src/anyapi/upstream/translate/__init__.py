"""Pure translators between a client's and a provider's format, named client_to_provider."""
