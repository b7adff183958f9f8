from __future__ import annotations

import pytest


@pytest.fixture
def ini(database, database_url, tmp_path, monkeypatch):
    """An .ini of this test's database, which the commands find by themselves."""
    path = tmp_path / "test.ini"
    path.write_text("[app:main]\nuse = egg:belfoot_img\nsqlalchemy.url = ${DATABASE_URL}\n")
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("BELFOOT_IMG_INI", str(path))
    return path
