"""Wire formats of clients: one module each, wire to typed and back."""
