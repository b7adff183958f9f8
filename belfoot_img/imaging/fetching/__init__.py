"""Downloading: the bytes behind a URL, from origins that may be hostile.

Rules of this package:

- A URL is parsed once, strictly (``target``). The request is built from that result, and nothing parses the URL again.
- A host is resolved once a request, every address of the answer must be permitted (``addresses``), and the connection
  goes to those addresses only (``connection``).
- Each redirect is checked like the first URL (``fetcher``).
- One deadline bounds the whole fetch: look-ups, connections, TLS, headers, bodies and redirects. Bytes are bounded too.
- Every failure is UrlRefused, OriginFailed, OriginTimedOut or ImageTooLarge. Messages name the origin alone.
"""
