"""Errors in the caller's language; codes, statuses and logs as ever."""

from __future__ import annotations

import pytest

from testbed.client import Client, assert_error


@pytest.mark.parametrize(
    ("header", "language", "message"),
    [
        ("ru-RU, en;q=0.5", "ru", "У этой статьи нет картинки."),
        ("fr", "en", "No image is stored"),
        ("", "en", "No image"),
    ],
)
def test_the_message_is_in_the_language_that_is_asked_for(client, header, language, message):
    answer = client.read(headers={"Accept-Language": header})
    assert assert_error(answer, 404, "image_not_found")["message"].startswith(message)
    assert answer.headers["Content-Language"] == language
    assert answer.headers["Vary"] == "Accept-Language"


def test_strangers_and_wrong_fields_too(client, origin):
    stranger = Client(client.base, None)
    answer = stranger.read(headers={"Accept-Language": "ru"})
    assert assert_error(answer, 401, "credentials_missing")["message"].startswith("Нужны имя и пароль")
    answer = client.request("GET", "/api/v1/images?limit=0", headers={"Accept-Language": "ru"})
    assert assert_error(answer, 422, "invalid_field")["message"] == "limit: нужно целое число от 1 до 200."
    answer = client.store(origin.serve(b"no image"), headers={"Accept-Language": "ru"})
    assert assert_error(answer, 422, "not_an_image")["message"].startswith(
        "По ссылке не картинка известного формата (JPEG"
    )
