"""Files that the server shows."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from annotation.human.studio.files import allow_files, place_sticker
from crawlers.sniff import FORMATS
from pipeline.engine.errors import StickerworksError

ID = hashlib.sha256(b"sticker").hexdigest()
FRAMES = (b"first", b"last")


@pytest.fixture
def media(tmp_path: Path) -> Path:
    path = tmp_path / "media.gif"
    path.write_bytes(b"GIF89a bytes")
    return path


def everything(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_a_sticker_and_its_key_frames_lie_where_the_paths_say(tmp_path: Path, media: Path) -> None:
    files = tmp_path / "files"
    path, frames = place_sticker(files, ID, "gif", media, FRAMES)
    assert path == f"stickers/{ID[:2]}/{ID}.gif"
    assert frames == (f"frames/{ID[:2]}/{ID}-0.jpeg", f"frames/{ID[:2]}/{ID}-1.jpeg")
    assert everything(files) == {path: b"GIF89a bytes", frames[0]: b"first", frames[1]: b"last"}


def test_bytes_are_linked_and_take_no_room_twice(tmp_path: Path, media: Path) -> None:
    path, _ = place_sticker(tmp_path / "files", ID, "gif", media, ())
    assert (tmp_path / "files" / path).samefile(media)


def test_bytes_are_copied_where_links_are_refused(
    tmp_path: Path, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    path, _ = place_sticker(tmp_path / "files", ID, "gif", media, ())
    assert not (tmp_path / "files" / path).samefile(media)
    assert everything(tmp_path / "files") == {path: b"GIF89a bytes"}


def test_bytes_of_a_pack_become_a_file(tmp_path: Path) -> None:
    path, _ = place_sticker(tmp_path / "files", ID, "gif", b"GIF89a bytes", ())
    assert everything(tmp_path / "files") == {path: b"GIF89a bytes"}


def test_placing_twice_changes_nothing(tmp_path: Path, media: Path) -> None:
    files = tmp_path / "files"
    first = place_sticker(files, ID, "gif", media, FRAMES)
    held = everything(files)
    times = [path.stat().st_mtime_ns for path in sorted(files.rglob("*"))]
    assert place_sticker(files, ID, "gif", media, FRAMES) == first
    assert everything(files) == held
    assert [path.stat().st_mtime_ns for path in sorted(files.rglob("*"))] == times


def test_a_copy_that_was_cut_off_leaves_no_half_file(
    tmp_path: Path, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(_: Path, target: Path) -> None:
        target.write_bytes(b"GIF8")
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError()))
    monkeypatch.setattr("shutil.copyfile", cut)
    with pytest.raises(KeyboardInterrupt):
        place_sticker(tmp_path / "files", ID, "gif", media, ())
    assert everything(tmp_path / "files") == {}


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_shows_a_file_whose_name_a_browser_understands(
    tmp_path: Path, media: Path, format_: str
) -> None:
    path, frames = place_sticker(tmp_path / "files", ID, format_, media, FRAMES)
    assert (tmp_path / "files" / path).is_file()
    if format_ in ("heic", "jxl", "tiff", "tgs"):
        assert path == frames[0]
    else:
        assert path.startswith("stickers/")
        assert path.endswith("." + ("png" if format_ == "apng" else format_))


def test_what_cannot_be_shown_at_all_has_no_path(tmp_path: Path, media: Path) -> None:
    assert place_sticker(tmp_path / "files", ID, "tgs", media, ()) == ("", ())


@pytest.mark.parametrize("format_", ["html", "svg", "../x", "GIF"])
def test_a_format_that_sniffing_never_says_becomes_no_extension(
    tmp_path: Path, media: Path, format_: str
) -> None:
    path, frames = place_sticker(tmp_path / "files", ID, format_, media, FRAMES)
    assert path == frames[0]


@pytest.mark.parametrize("sticker", ["", "../../etc", "a/b", "..", "é" * 64])
def test_an_id_that_could_leave_the_folder_is_refused(
    tmp_path: Path, media: Path, sticker: str
) -> None:
    with pytest.raises(StickerworksError, match="no id"):
        place_sticker(tmp_path / "files", sticker, "gif", media, FRAMES)
    assert everything(tmp_path / "files") == {}


def test_a_missing_original_is_said_by_name(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match=r"gone\.gif"):
        place_sticker(tmp_path / "files", ID, "gif", tmp_path / "gone.gif", FRAMES)


@dataclass
class Storages:
    """The server's list of import storages, as the client speaks with it."""

    paths: list[tuple[int, str]] = field(default_factory=list)

    def list(self, *, project: int) -> Any:
        return [type("S", (), {"path": path}) for of, path in self.paths if of == project]

    def create(self, *, project: int, path: str, title: str, use_blob_urls: bool) -> None:
        assert use_blob_urls
        assert title
        self.paths.append((project, path))


def client_of(storages: Storages) -> Any:
    local = type("L", (), {"local": storages})
    return type("C", (), {"import_storage": local})


def test_a_project_is_allowed_the_two_folders_once(tmp_path: Path) -> None:
    storages = Storages()
    for project in (1, 1, 2):
        allow_files(client_of(storages), project, tmp_path / "x" / ".." / "files")
    folders = [str(tmp_path / "files" / name) for name in ("stickers", "frames")]
    assert storages.paths == [(n, folder) for n in (1, 2) for folder in folders]
    assert all(Path(folder).is_dir() for folder in folders)
