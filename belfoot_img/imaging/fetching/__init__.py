"""A URL → the bytes it leads to, from a hostile internet."""
