"""Many links: batches, the queue they wait in, and the workers that work through them.

``lists`` reads what somebody sends, ``making`` makes a batch of it, ``shards`` does the work, ``politeness`` says how
hosts are treated, ``progress`` counts, ``control`` pauses, resumes, cancels and retries, ``tasks`` and ``worker`` are
the process. ``queue`` is Procrastinate, which nothing outside this package imports.
"""


def includeme(config):
    """``request.batches``: what makes and fills them."""
    from belfoot_img.batches.making import BatchMaker

    maker = BatchMaker(config.registry["settings"].bulk)
    config.add_request_method(lambda request: maker, "batches", reify=True)
