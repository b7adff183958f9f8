"""Bytes → upright, opaque sRGB pixels, from a hostile file."""
