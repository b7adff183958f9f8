"""The .ini: every key of the contract, its default, and one line for whatever is wrong."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace

import pytest

from belfoot_img.settings import Settings, SettingsError, keys, refusing_in_one_line
from testbed import PROJECT

URL = {"sqlalchemy.url": "postgresql://host/database"}


def read(**raw) -> Settings:
    return Settings.from_ini({**URL, **{"belfoot_img." + key: value for key, value in raw.items()}}, environ={})


def test_the_defaults_are_the_contracts():
    settings = Settings.from_ini(URL, environ={})
    assert settings.security.security_policy == "belfoot_img.security.CredentialsPolicy"
    assert settings.security.authentication == ("body", "basic")
    assert settings.imaging.size_limit == 180_000
    assert (settings.imaging.quality_step, settings.imaging.quality_range) == (5, (95, 30))
    assert (settings.imaging.max_side, settings.imaging.fit_policy) == (3840, "best")
    assert settings.imaging.background == (255, 255, 255)
    assert settings.metrics is False
    fetch = settings.imaging.fetch
    assert (fetch.max_bytes, fetch.max_pixels, fetch.deadline, fetch.redirects) == (50_000_000, 100_000_000, 15.0, 3)
    assert (fetch.ports, fetch.hosts, fetch.allow_networks) == ({80, 443}, None, ())
    assert re.fullmatch(r"belfoot_img/[\d.]+", fetch.user_agent)


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        ("180 kB", 180_000),
        ("180kB", 180_000),
        ("180 KiB", 184_320),
        ("1.5 MB", 1_500_000),
        ("2 MiB", 2_097_152),
        ("9 B", 9),
    ],
)
def test_sizes(raw, size):
    assert read(size_limit=raw).imaging.size_limit == size


def test_other_values():
    settings = read(
        **{
            "fetch.deadline": "500 ms",
            "fetch.max_pixels": "12 000 000",
            "fetch.ports": "any",
            "fetch.hosts": "Example.com *.example.org",
            "fetch.allow_networks": "10.1.2.0/24 fd00::/8",
            "background": "#0080FF",
            "authentication": "basic",
            "metrics": "on",
            "trusted_proxies": "unix 10.0.0.0/8",
        }
    )
    fetch = settings.imaging.fetch
    assert (fetch.deadline, fetch.max_pixels, fetch.ports) == (0.5, 12_000_000, None)
    assert fetch.hosts == ("example.com", "*.example.org")
    assert fetch.allow_networks == (ipaddress.ip_network("10.1.2.0/24"), ipaddress.ip_network("fd00::/8"))
    assert settings.imaging.background == (0, 128, 255)
    assert settings.security.authentication == ("basic",)
    assert settings.metrics is True
    assert settings.trusted_proxies == ("unix", ipaddress.ip_network("10.0.0.0/8"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size_limit", "180"),
        ("size_limit", "-1 kB"),
        ("size_limit", "0 kB"),
        ("size_limit", "0.5 B"),
        ("size_limit", "180 kg"),
        ("quality_step", "0"),
        ("quality_step", "five"),
        ("quality_range", "95"),
        ("quality_range", "30 95"),
        ("quality_range", "101 30"),
        ("quality_range", "95 0"),
        ("max_side", "0"),
        ("background", "white"),
        ("authentication", "cookie"),
        ("authentication", "body body"),
        ("fit_policy", "no such thing"),
        ("metrics", "maybe"),
        ("converting", "0"),
        ("fetch.deadline", "15"),
        ("fetch.deadline", "0 s"),
        ("fetch.ports", "0"),
        ("fetch.ports", "http"),
        ("fetch.hosts", "http://example.com"),
        ("fetch.allow_networks", "10.1.2.3/24"),
        ("fetch.redirects", "-1"),
        ("fetch.user_agent", "a\nb"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_that_names_key_value_and_what_is_right(key, value):
    with pytest.raises(SettingsError) as refusal:
        read(**{key: value})
    message = str(refusal.value)
    assert message.startswith(f"belfoot_img.{key} = {value!r}: should be ")
    assert "\n" not in message


def test_an_unknown_key_is_refused_with_the_one_that_is_meant():
    with pytest.raises(SettingsError, match=r"belfoot_img.size_limt: .* perhaps belfoot_img.size_limit is meant"):
        read(size_limt="180 kB")


def test_other_peoples_keys_are_left_alone():
    Settings.from_ini({**URL, "pyramid.reload_templates": "true", "whatever": "x"}, environ={})


@pytest.mark.parametrize("raw", [{}, {**URL, "belfoot_img.embedded_postgres": "var"}])
def test_exactly_one_database(raw):
    with pytest.raises(SettingsError, match=r"^sqlalchemy.url: set either it"):
        Settings.from_ini(raw, environ={})


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"converting.deadline": "30 s", "converting.cpu": "30 s"}, "converting.deadline"),
        ({"fetch.memory": "49 MB", "fetch.max_bytes": "50 MB"}, "fetch.memory"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_in_one_line(settings, key):
    with pytest.raises(SettingsError, match=f"^belfoot_img.{key} = .*: should be [^\n]*$"):
        read(**settings)


def test_values_come_from_the_environment():
    raw = {"sqlalchemy.url": "postgresql://user:${SECRET}@host/database"}
    assert Settings.from_ini(raw, {"SECRET": "s3cret"}).database.url == "postgresql://user:s3cret@host/database"
    with pytest.raises(SettingsError, match=r"^sqlalchemy.url: the environment has no variable SECRET"):
        Settings.from_ini(raw, {})


def test_what_came_from_the_environment_is_never_shown():
    with pytest.raises(SettingsError) as refusal:
        Settings.from_ini({**URL, "belfoot_img.size_limit": "${SECRET}"}, {"SECRET": "s3cret"})
    assert "s3cret" not in str(refusal.value) and "${SECRET}" in str(refusal.value)


def test_a_field_that_is_overridden_by_none_stays_as_it_is():
    settings = Settings.from_ini(URL, {}).imaging
    assert settings.overridden(effort=None, size_limit=5000) == replace(settings, size_limit=5000)


def test_production_ini_names_every_key():
    text = (PROJECT / "production.ini").read_text()
    for key in keys(Settings):
        if key != "belfoot_img.embedded_postgres":
            assert re.search(rf"^(# )?{re.escape(key)} = ", text, re.M), key


def test_production_ini_shows_the_defaults():
    text = (PROJECT / "production.ini").read_text()
    shown = dict(re.findall(r"^# (belfoot_img\.[\w.]+) = (.+)$", text, re.M))
    assert shown.pop("belfoot_img.converting")  # the machine's cores
    for name in ("url", "secret"):  # there is no webhook unless it is set
        assert shown.pop(f"belfoot_img.bulk.webhook.{name}")
    assert Settings.from_ini({**URL, **shown}, {}) == Settings.from_ini(URL, {})


def test_a_refused_start_is_one_line_and_status_3(capsys):
    with pytest.raises(SystemExit) as stop, refusing_in_one_line():
        raise SettingsError("belfoot_img.x: wrong")
    assert stop.value.code == 3
    assert capsys.readouterr().err == "belfoot_img: belfoot_img.x: wrong\n"
