"""A release pushed to a hub on loopback is there, byte for byte, and no token is told."""

from __future__ import annotations

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
    hub.files["weights.bin"] = b"others"
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
