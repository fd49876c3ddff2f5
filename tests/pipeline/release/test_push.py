"""A release pushed to a hub on loopback is there, byte for byte, and no token is told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from dataset_hub import DatasetHub, serve_hub

from pipeline.engine.errors import StickerworksError
from pipeline.release.build import Release
from pipeline.release.push import Destination, push_release

TOKEN = "hf_secret"


@pytest.fixture
def hub() -> Iterator[DatasetHub]:
    with serve_hub(token=TOKEN) as hub:
        yield hub


def to(hub: DatasetHub, token: str | None = TOKEN, repo: str = "me/stickers") -> Destination:
    return Destination(repo, hub.url, private=True, token=token)


def test_every_file_is_there_and_read_back(hub: DatasetHub, released: Release) -> None:
    done = push_release(released.path, to(hub))
    ours = {
        path.relative_to(released.path).as_posix(): path.read_bytes()
        for path in released.path.rglob("*")
        if path.is_file()
    }
    assert hub.files == ours
    assert (hub.private, hub.commits, done.files) == (True, 1, len(ours))
    assert hub.kept_large
    assert not set(hub.files) <= hub.kept_large
    assert not list(released.path.rglob(".cache"))


def test_again_sends_nothing_twice_and_removes_what_is_stale(
    hub: DatasetHub, released: Release
) -> None:
    push_release(released.path, to(hub))
    hub.files["data/old.parquet"] = b"old"
    hub.asked.clear()
    push_release(released.path, to(hub))
    assert not [asked for asked in hub.asked if asked.path.startswith("/storage/")]
    assert "data/old.parquet" not in hub.files


def test_what_differs_at_the_hub_is_told(hub: DatasetHub, released: Release) -> None:
    for name in ("README.md", "data/train-00000-of-00002.parquet"):
        hub.damage = name
        with pytest.raises(StickerworksError, match=f"{name} has other bytes"):
            push_release(released.path, to(hub))


def test_a_repository_of_something_else_is_refused(hub: DatasetHub, released: Release) -> None:
    hub.files["weights.bin"], hub.private = b"others", True
    with pytest.raises(StickerworksError, match="1 files that are no release"):
        push_release(released.path, to(hub))
    push_release(released.path, to(hub), force=True)
    assert "weights.bin" not in hub.files


def test_refusals_and_outages_are_one_line_without_the_token(
    hub: DatasetHub, released: Release
) -> None:
    for given, told in (("hf_wrong", "401"), (None, "HF_TOKEN is not set")):
        with pytest.raises(StickerworksError, match=told) as refused:
            push_release(released.path, to(hub, given))
        assert "hf_" not in str(refused.value)
    hub.full = True
    with pytest.raises(StickerworksError, match="507"):
        push_release(released.path, to(hub))
    with pytest.raises(StickerworksError, match="--repo"):
        push_release(released.path, to(hub, repo="../x"))
    with pytest.raises(StickerworksError, match="--endpoint"):
        push_release(released.path, Destination("a/b", "http://me:pw@h/", token=TOKEN))
    with pytest.raises(StickerworksError, match="broke off"):
        push_release(released.path, Destination("a/b", "http://127.0.0.1:9", token=TOKEN))


def test_private_never_goes_to_a_public_repository(hub: DatasetHub, released: Release) -> None:
    hub.private = False
    for force in (False, True):
        with pytest.raises(StickerworksError, match="is public"):
            push_release(released.path, to(hub), force=force)
    assert (hub.files, hub.commits) == ({}, 0)
    push_release(released.path, Destination("me/stickers", hub.url, token=TOKEN))
    assert hub.commits == 1


def test_only_an_earlier_version_of_the_same_name_gives_way(
    hub: DatasetHub, released: Release
) -> None:
    ours = json.loads((released.path / "croissant.json").read_text("utf-8"))
    assert (ours["name"], ours["version"]) == ("drawn", "0.1.0")
    for name, version, told in (
        ("drawn", "0.1.0", "with other files"),
        ("drawn", "0.10.0", "with other files"),
        ("cats", "0.0.9", "another data set, cats"),
        (None, None, "doesn't tell"),
    ):
        facts = json.dumps({"name": name, "version": version}).encode()
        hub.files, hub.private = {"SHA256SUMS": b"others", "croissant.json": facts}, True
        with pytest.raises(StickerworksError, match=told):
            push_release(released.path, to(hub))
        assert hub.files["SHA256SUMS"] == b"others"
    push_release(released.path, to(hub), force=True)
    assert hub.files["SHA256SUMS"] != b"others"
    earlier = json.dumps({"name": "drawn", "version": "0.0.9"}).encode()
    hub.files, hub.kept_large = {"SHA256SUMS": b"others", "croissant.json": earlier}, set()
    push_release(released.path, to(hub))
    assert hub.files["SHA256SUMS"] != b"others"


def test_a_commit_of_somebody_else_meanwhile_is_not_undone(
    hub: DatasetHub, released: Release
) -> None:
    def meanwhile(line: str) -> None:
        hub.commits += line.startswith("pushing")

    with pytest.raises(StickerworksError, match="412"):
        push_release(released.path, to(hub), say=meanwhile)
    assert not hub.files
