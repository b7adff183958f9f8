"""img_converter: a link becomes the best JPEG under the size limit.

Knows nothing of HTTP requests, Pyramid or the database, so that ``belfoot-img convert`` and the worker processes can
use it without them; this ``includeme`` is the one place where it meets the application.
"""


def includeme(config):
    """``request.converter``, built once from the settings."""
    from belfoot_img import metrics
    from belfoot_img.imaging.converter import Converter

    converter = Converter.from_settings(config.registry["settings"].imaging)
    converter.workers.queued = metrics.conversions_waiting.inc
    config.registry["converter"] = converter
    config.add_request_method(lambda request: converter, "converter", reify=True)
