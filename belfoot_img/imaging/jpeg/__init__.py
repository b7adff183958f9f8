"""A JPEG as a sequence of markers, without decoding its pixels."""
