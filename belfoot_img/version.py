"""The version of the package, for setup.py, the commands, the user agent and the hash of the settings."""

__version__ = "1.0.0"
