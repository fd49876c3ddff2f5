"""Logins that ended stay ended, over a restart, whichever of their cookies comes."""

from __future__ import annotations

import base64
import json
import stat
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.human.gateway.logouts import Logouts
from pipeline.engine.errors import StickerworksError


def cookie(user: int, at: float, *, signed: str = "1vQ:sig", packed: bool = False) -> str:
    content = json.dumps({"_auth_user_id": str(user), "last_login": at, "more": 1}).encode()
    content = zlib.compress(content) if packed else content
    text = base64.urlsafe_b64encode(content).decode().rstrip("=")
    return f"{'.' if packed else ''}{text}:{signed}"


def test_all_cookies_of_a_login_end_with_it(tmp_path: Path) -> None:
    path = tmp_path / "logouts.json"
    logouts = Logouts(path)
    assert not logouts.ended(cookie(1, 5.25))
    logouts.end(cookie(1, 5.25))
    for known in (logouts, Logouts(path)):
        assert known.ended(cookie(1, 5.25))
        assert known.ended(cookie(1, 5.25, signed="later:other", packed=True))
        assert not known.ended(cookie(1, 6.5))
        assert not known.ended(cookie(2, 5.25))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "5.25" not in path.read_text()


def test_old_ones_go(tmp_path: Path) -> None:
    path = tmp_path / "logouts.json"
    path.write_text(json.dumps({"an old one": 5.0}))
    Logouts(path).end(cookie(1, 5.25))
    assert len(json.loads(path.read_text())) == 1


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: base64.b64encode(b).decode()))
def test_any_cookie_can_be_asked_about(session: str) -> None:
    logouts = Logouts(Path("there is none"))
    assert not logouts.ended(session)
    assert not logouts.ended(f".{session}:x")


def test_a_cookie_that_swells_is_not_unpacked(tmp_path: Path) -> None:
    bomb = base64.urlsafe_b64encode(zlib.compress(b"[" * 50_000_000)).decode()
    logouts = Logouts(tmp_path / "logouts.json")
    logouts.end(f".{bomb}:x")
    assert logouts.ended(f".{bomb}:x")


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "logouts.json"
    for text in ("{", "[]", '{"a": "b"}'):
        path.write_text(text)
        with pytest.raises(StickerworksError, match=r"logouts\.json can't be read"):
            Logouts(path)
