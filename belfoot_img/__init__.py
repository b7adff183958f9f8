"""belfoot_img: a link goes in, the best JPEG under a size limit comes back by article id."""

import warnings

from belfoot_img.version import __version__ as __version__

# Pyramid 2.1 imports pkg_resources, which says at each start that it will be removed; setup.py keeps what has it.
warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)


def main(global_config, **settings):
    """The WSGI application, for pserve and gunicorn (``paste.app_factory``)."""
    from pyramid.config import Configurator

    from belfoot_img.settings import refusing_in_one_line

    with refusing_in_one_line(), Configurator(settings=settings) as config:
        config.include("belfoot_img.settings")
        config.include("belfoot_img.tweens")
        config.include("belfoot_img.client_address")
        config.include("pyramid_tm")
        config.include("belfoot_img.models")
        config.include("belfoot_img.payload")
        config.include("belfoot_img.resources")
        config.include("belfoot_img.security")
        config.include("belfoot_img.imaging")
        config.include("belfoot_img.store")
        config.include("belfoot_img.batches")
        config.include("belfoot_img.console")
        config.include("belfoot_img.views")
    return config.make_wsgi_app()
