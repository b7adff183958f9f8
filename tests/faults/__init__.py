"""What happens when each part of a production host fails: real NGINX, gunicorn and PostgreSQL, stopped, killed, frozen
and filled up, with what was counted. ``make faults`` runs every row in full, tests/functional/test_faults.py in short.
"""
