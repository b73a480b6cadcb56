"""The control plane's part that exists so far: publishing snapshots and answering the CLI of a running server."""
