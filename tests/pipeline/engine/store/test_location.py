"""Addresses, and the working folders that belong to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.engine.store.location import (
    Location,
    address_of,
    is_address,
    open_address,
    parse_location,
)
from schemas.storage import StorageConfig


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("s3://stickers", Location("s3", "stickers", "")),
        ("s3://stickers/", Location("s3", "stickers", "")),
        ("gs://my-bucket/a/b c/", Location("gs", "my-bucket", "a/b c")),
    ],
)
def test_an_address_is_a_bucket_and_a_folder(text: str, location: Location) -> None:
    assert parse_location(text) == location
    assert parse_location(str(location)) == location


@pytest.mark.parametrize(
    "text",
    [
        "s3://", "s3://Bad_Bucket/x", "ftp://host/x", "s3://b/../x", "s3://bb/a//b", "s3://bb/?",
        "s3:/bucket/x", "s3:bucket",
    ],
)  # fmt: skip
def test_what_is_no_address_is_one_line(text: str) -> None:
    assert is_address(text)
    with pytest.raises(StickerworksError, match="is no address of a folder in a bucket"):
        parse_location(text)


def test_credentials_in_an_address_are_refused_and_not_shown() -> None:
    with pytest.raises(StickerworksError) as caught:
        parse_location("s3://key:secret@stickers/x")
    assert "secret" not in str(caught.value)


def test_a_working_folder_leads_to_its_bucket(tmp_path: Path) -> None:
    settings = StorageConfig(folder=str(tmp_path), endpoint="https://store.example")
    folder = open_address("s3://stickers/demo", settings)
    assert folder.parent == tmp_path
    assert address_of(folder) == (Location("s3", "stickers", "demo"), settings)
    assert open_address("s3://stickers/demo", settings) == folder
    other = settings.model_copy(update={"endpoint": "https://other.example"})
    assert open_address("s3://stickers/demo", other) != folder


def test_an_endpoint_of_the_environment_is_part_of_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = StorageConfig(folder=str(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://one.example")
    one = open_address("s3://stickers/demo", settings)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://two.example")
    assert open_address("s3://stickers/demo", settings) != one
    found = address_of(one)
    assert found is not None
    assert found[1].endpoint == "https://one.example"


def test_a_mark_that_came_with_somebodys_folder_leads_nowhere(tmp_path: Path) -> None:
    folder = open_address("s3://stickers/demo", StorageConfig(folder=str(tmp_path)))
    moved = folder.rename(tmp_path / "mine")
    assert address_of(moved) is None
    assert address_of(tmp_path) is None
