"""The pages. A view takes what the request offers, calls one thing, and returns what its template shows."""
