"""The fit policy ``best``: resolution and quality searched together for what looks closest to the original."""
