"""What the tests, the fault runs, the fuzzer and the benchmarks run the service on: real servers, a real PostgreSQL,
origins on loopback, callers, and pictures. It is no part of the package and is not installed with it.
"""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
"""The checkout: the folder of Makefile, README.md and the .ini files."""
