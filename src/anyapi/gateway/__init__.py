"""The data plane: HTTP in, decision, provider, HTTP out. Nothing here reads a database while serving."""
