"""A URL is parsed as browsers parse it, or refused."""

import pytest

from belfoot_img.errors import UrlRefused
from belfoot_img.imaging.fetching import connection
from belfoot_img.imaging.fetching.target import MAX_URL_LENGTH, Target


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("https://bücher.example/ä ö.jpg", "xn--bcher-kva.example", "/%C3%A4%20%C3%B6.jpg"),
        ("https://пример.рф/фото.jpg?з=1", "xn--e1afmkfd.xn--p1ai", "/%D1%84%D0%BE%D1%82%D0%BE.jpg?%D0%B7=1"),
        ("https://sub_domain.bücher.example/", "sub_domain.xn--bcher-kva.example", "/"),
        (" HTTPS://EXAMPLE.COM/A.JPG#frag ", "example.com", "/A.JPG"),
        ("https://example.com./a%20b%d0.jpg", "example.com", "/a%20b%D0.jpg"),
        ("https://example.com?x=1&y=http://127.0.0.1/", "example.com", "/?x=1&y=http://127.0.0.1/"),
        ("https://example.com:443/100%.jpg", "example.com", "/100%25.jpg"),
        ("https://example.com/a\\b;c=[1]|{2}.jpg", "example.com", "/a/b;c=%5B1%5D%7C%7B2%7D.jpg"),
        ("https://example.com//a/@b:c", "example.com", "//a/@b:c"),
        ("https://example.com：443/", None, None),
        ("https://example。com/a.jpg", "example.com", "/a.jpg"),
    ],
)
def test_a_url_is_parsed_as_a_browser_parses_it(url, host, target):
    if host is None:
        with pytest.raises(UrlRefused):
            Target.parse(url)
    else:
        parsed = Target.parse(url)
        assert (parsed.scheme, parsed.host, parsed.port) == ("https", host, 443)
        request = connection.PinnedRequest(parsed.url, parsed.path, {}, None)
        assert connection.PinnedAdapter().request_url(request, None).upper() == target.upper()


def test_the_greatest_length_is_accepted_and_one_character_more_is_not():
    url = "http://example.com/".ljust(MAX_URL_LENGTH, "a")
    assert Target.parse(url).url == url
    with pytest.raises(UrlRefused, match=str(MAX_URL_LENGTH)):
        Target.parse(url + "a")
