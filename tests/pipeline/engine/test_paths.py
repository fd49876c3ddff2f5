"""A path that a person names may be anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path, read_regular


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("~no-such-person/x", "no home folder for ~no-such-person"),
        ("a\0b", "a NUL"),
        ("a\udcffb", "UTF-8"),
    ],
)
def test_a_name_that_no_file_can_have_is_said_with_its_key(name: str, said: str) -> None:
    with pytest.raises(StickerworksError, match=said) as caught:
        named_path(name, "tags.user_dictionary")
    assert str(caught.value).startswith("tags.user_dictionary: ")
    str(caught.value).encode()


def test_ones_own_home_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert named_path("~/晚安", "x") == tmp_path / "晚安"
    assert named_path("./~x", "x") == Path("./~x")


@pytest.mark.timeout(20)
def test_just_regular_files_are_read_and_up_to_their_cap(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_regular(tmp_path / "file", 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        read_regular(tmp_path / "file", 4)
    os.mkfifo(tmp_path / "pipe")
    for odd in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="no regular file"):
            read_regular(odd, 5)
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path, 5)
    with pytest.raises(OSError, match="no file can have that name"):
        read_regular(Path("a\0b"), 5)
    open_before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path, 5)
    assert len(os.listdir("/proc/self/fd")) == open_before
