"""What the service answers. A view decides nothing: it takes what ``request`` offers, calls one thing, answers."""

from pyramid.renderers import JSON


def includeme(config):
    config.add_renderer("json", JSON(separators=(",", ":")))
    config.add_accept_view_order("application/json")  # what */* gets
    config.add_accept_view_order("image/jpeg", weighs_less_than="application/json")
    config.include("belfoot_img.views.batches")
    config.include("belfoot_img.views.derivers")
    config.scan()
