"""Inputs made at random, from a seed: ``make fuzz`` goes on for minutes where it stopped, the suite does a few steps.

``conversions`` runs pictures through one process in random order, ``requests`` sends mutated requests to NGINX and
gunicorn, ``links`` gives generated links to the fetcher. A step depends on the seed and its number alone. What a step
finds is written into ``var/fuzz``, with the bytes of a file that went wrong; one that is put into ``tests/fuzz/cases``
is tried by the suite from then on.
"""
