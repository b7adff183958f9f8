"""The console: pages for people at ``/console/``, rendered on the server, in English and Russian.

People sign in with the same credentials as the API's callers, kept by the browser as HTTP Basic credentials; there is
no session and no cookie. Every page, file and redirect is a resource of the traversal tree (``console.resources``).
"""

from belfoot_img.settings import Settings


def includeme(config):
    """Adds the console, unless the settings turn it off or do not accept HTTP Basic, which it depends on."""
    settings: Settings = config.registry["settings"]
    if not settings.console or "basic" not in settings.security.authentication:
        return
    from belfoot_img.console import language, rendering, resources, swagger

    config.registry["branches"]["console"] = resources.Console
    config.include(language)
    config.include(rendering)
    config.include(swagger)
    config.scan("belfoot_img.console.views")
