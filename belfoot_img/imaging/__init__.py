"""img_converter: the bytes behind a link become the best JPEG under the size limit.

The package knows nothing of HTTP requests, the database or base64, so that ``belfoot-img convert`` and the processes
that convert use it without them; this ``includeme`` is the one place where it meets the application.
"""


def includeme(config):
    """Builds ``registry["converter"]`` once from the settings."""
    from belfoot_img import metrics
    from belfoot_img.imaging.converter import Converter

    settings = config.registry["settings"].imaging
    converter = Converter.from_settings(settings, waiting=metrics.conversions_waiting.inc)
    config.registry["converter"] = converter
