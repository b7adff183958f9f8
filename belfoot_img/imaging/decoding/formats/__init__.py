"""The formats that are decoded: a table of them (``table``), and a module for each that needs more than a plugin."""
