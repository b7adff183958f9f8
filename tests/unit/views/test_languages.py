"""Every message that the API may give is there in English and in Russian."""

from __future__ import annotations

import ast
import re

import pytest
from pyramid.request import Request

from belfoot_img.errors import ServiceError
from belfoot_img.imaging.fetching.fetcher import REASONS
from belfoot_img.passwords import hash_password
from belfoot_img.views.languages import FIELD, as_pattern, negotiated, translated
from belfoot_img.views.russian import MESSAGES, SENTENCES
from testbed import PROJECT

FAMILY = ServiceError.family()
PUT_TOGETHER = {"", "1: 1", "11: it is missing1.", "password: 1.", "data.1"}
"""Messages without words of their own; their parts are tested below."""
NAMES = {error.__name__ for error in FAMILY.values()}


def written_messages() -> dict[str, str]:
    """Each message that an error is raised with, ``1`` in place of what differs → where; and the reasons of origins."""
    found = {}
    for path in sorted((PROJECT / "belfoot_img").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(getattr(node, "func", None), "id", "")
            if name in NAMES and node.args and isinstance(node.args[0], ast.Constant | ast.JoinedStr):
                found[_example(node.args[0])] = f"{path.name}:{node.lineno}"
    return {message: place for message, place in found.items() if message not in PUT_TOGETHER}


def _example(node) -> str:
    if isinstance(node, ast.Constant):
        return node.value
    return "".join(part.value if isinstance(part, ast.Constant) else "1" for part in node.values)


@pytest.mark.parametrize("code", FAMILY)
def test_every_code_has_both_languages(code):
    english, russian = FAMILY[code].message, SENTENCES[code]
    assert re.search("[а-яё]", russian) and russian.endswith(".")
    assert english.isascii() or "…" in english
    assert translated(code, english, "ru") == russian and translated(code, english, "en") == english


def test_no_sentence_is_left_of_a_code_that_is_gone():
    assert set(SENTENCES) == set(FAMILY)


@pytest.mark.parametrize(("message", "place"), written_messages().items())
def test_every_message_that_is_raised_has_its_russian(message, place):
    russian = translated("internal_error", message, "ru")
    assert russian != SENTENCES["internal_error"], f"{place}: add its Russian to belfoot_img/views/russian.py"
    assert re.search("[а-яё]", russian)


@pytest.mark.parametrize(("english", "russian"), MESSAGES.items())
def test_a_translation_says_what_the_message_says(english, russian):
    assert set(re.findall(r"\{(\w+)\}", russian)) <= set(re.findall(r"\{(\w+)\}", english))
    assert re.search("[а-яё]", russian)
    assert as_pattern(english).fullmatch(re.sub(r"\{\w+\}", "x", english))


@pytest.mark.parametrize(
    ("message", "russian"),
    [
        ("https://a.example: it answered 404, not 200", "https://a.example: сайт ответил 404, а не 200."),
        ("data.items[3].url: The URL does not begin with http:// or https://.", "data.items[3].url: Ссылка не "),
        ("data.effort: send low, normal, high or nothing.", "data.effort: допустимые значения: low, normal, high;"),
        ("limt: there is no such key of the query; this request knows none.", "limt: такого параметра в адресе нет; у"),
        (
            "The service is busy: it is taking in as many images as it can; try again later.",
            "Сервис занят: принимается",
        ),
    ],
)
def test_what_differs_stays_and_the_rest_is_russian(message, russian):
    assert translated("invalid_field", message, "ru").startswith(russian)


@pytest.mark.parametrize("reason", [reason for _, reason in REASONS if isinstance(reason, str)])
def test_every_reason_of_an_origin_that_fails_has_its_russian(reason):
    message = f"https://a.example: {reason}"
    assert translated("origin_failed", message, "ru").startswith("https://a.example: ")


def test_a_password_that_will_not_do_is_explained():
    with pytest.raises(ValueError, match="at least") as refused:
        hash_password("short")
    assert translated("invalid_field", f"data.password: {refused.value}.", "ru").startswith("data.password: в пароле")


def test_what_nobody_has_translated_gets_the_sentence_of_its_code():
    assert translated("busy", "Something quite new.", "ru") == SENTENCES["busy"]
    assert FIELD.fullmatch("Something quite new.") is None


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("ru", "ru"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("de, ru;q=0.5", "ru"),
        ("en;q=0.9, ru;q=0.1", "en"),
        ("ru;q=0", "en"),
        ("de", "en"),
        ("*", "en"),
        ("\xff;;;", "en"),
    ],
)
def test_the_language_is_the_one_that_the_caller_prefers(header, language):
    request = Request.blank("/", headers={} if header is None else {"Accept-Language": header})
    assert negotiated(request) == language


def test_a_message_as_deep_as_a_caller_likes_gets_the_sentence_of_its_code():
    assert translated("invalid_field", "x: " * 5000, "ru") == translated("invalid_field", "unknown", "ru")
