"""What each code of an error means to a person, and what to do about it."""

from __future__ import annotations

from pyramid.i18n import TranslationString

from belfoot_img.console.language import _

EXPLANATIONS: dict[str, TranslationString] = {
    "malformed_json": _("The request could not be read. Go back and try again."),
    "malformed_path": _("The address of this page is damaged. Start again from the list of images."),
    "credentials_missing": _("Sign in to see this page."),
    "credentials_wrong": _("The user name or the password is wrong."),
    "forbidden": _("Your role does not allow this. Ask the administrator if you need it."),
    "not_found": _("There is no such page."),
    "image_not_found": _("This article has no image. It may have been deleted."),
    "method_not_allowed": _("This page cannot be used like that. Start again from the list of images."),
    "request_too_large": _("What was sent is too large."),
    "invalid_field": _("A field is missing or wrong."),
    "url_refused": _(
        "This link may not be fetched: only public web addresses that the administrator allows can be used."
    ),
    "not_an_image": _(
        "The link does not lead to a picture in a format that the service knows. Open it in a browser: "
        "it should show the picture alone, not a page around it."
    ),
    "image_damaged": _("The picture is damaged or cannot be decoded in time. Save it anew or choose another."),
    "image_too_large": _("The picture has too many bytes or pixels. Make it smaller or choose another."),
    "cannot_fit": _("No JPEG of this picture fits the size limit."),
    "too_many_failures": _("Too many wrong passwords. Wait a little before you try again."),
    "origin_failed": _("The website with the picture did not deliver it. Check the link, or try again later."),
    "origin_timed_out": _("The website with the picture did not deliver it in time. Try again later."),
    "user_exists": _("This user exists already. Choose another name."),
    "user_not_found": _("There is no such user."),
    "last_admin": _("This is the last active administrator. Make somebody else one first."),
    "batch_not_found": _("There is no such batch."),
    "key_reused": _("This list was sent before under the same key, and was another one. Send it again."),
    "too_many_items": _("Too many of your pictures are waiting. Send more when some are done."),
    "busy": _("The service is busy. Try again shortly."),
    "database_unavailable": _("The database does not answer. Try again shortly."),
    "internal_error": _("The service failed. Tell the administrator the request id below."),
}


def explanation(code: str) -> TranslationString:
    """Returns a sentence for any code; one that is not known here gets that of a fault."""
    return EXPLANATIONS.get(code, EXPLANATIONS["internal_error"])
