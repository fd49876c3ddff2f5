"""A real object store on loopback, and one in front of it that misbehaves."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from object_store_faults import FaultyStore, between

from pipeline.engine.store.location import parse_location
from pipeline.engine.store.objects import ObjectStore
from schemas.storage import StorageConfig

MakeStore = Callable[..., ObjectStore]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-anyones-eyes")


@pytest.fixture
def make_store(object_store: str) -> MakeStore:
    """Makes stores below a folder of this test's own; ``url`` is the real server's unless given."""
    folder = uuid.uuid4().hex

    def make(url: str = object_store, bucket: str = "stickers", **settings: object) -> ObjectStore:
        config = StorageConfig.model_validate(
            {"endpoint": url, "allow_http": True, "timeout_s": 10, **settings}
        )
        return ObjectStore(parse_location(f"s3://{bucket}/{folder}"), config, remembers=True)

    return make


@pytest.fixture
def faulty(object_store: str) -> Iterator[FaultyStore]:
    with between(object_store) as server:
        yield server
