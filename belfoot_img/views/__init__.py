"""What the service answers. A view decides nothing: it takes what ``request`` offers, calls one thing, returns a dict."""

from pyramid.renderers import JSON


def includeme(config):
    config.add_renderer("json", JSON(separators=(",", ":")))
    config.add_accept_view_order("application/json", weighs_more_than="image/jpeg")
    config.scan()
