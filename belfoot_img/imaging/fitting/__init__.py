"""Pixels and a size limit → the JPEG to store: what every fit policy shares, and the two policies."""
