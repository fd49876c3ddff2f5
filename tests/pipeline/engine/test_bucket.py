"""The engine on a workspace in a bucket: the tables of a local one, whatever dies."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import misbehaving
import pyarrow as pa
import pytest
from object_store_faults import between

from pipeline.engine.errors import StickerworksError
from pipeline.engine.runner import pending, run
from pipeline.engine.storage import Proof
from pipeline.engine.store.location import open_address
from pipeline.engine.workspace import Workspace
from schemas.config import Config, EngineConfig
from schemas.storage import StorageConfig
from schemas.tables import TABLES

CONFIG = Config(engine=EngineConfig(workers=2))
SHARDS = [["fine", "crash", "ok"], ["broken", "good"], [str(n) for n in range(12)]]
Open = Callable[..., Workspace]


@pytest.fixture
def bucket(object_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a workspace in the bucket, on a machine of its own where one is named."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    address = f"s3://stickers/{uuid.uuid4().hex}"

    def open_(machine: str = "one", url: str = object_store) -> Workspace:
        settings = StorageConfig(endpoint=url, allow_http=True, folder=str(tmp_path / machine))
        return Workspace(open_address(address, settings))

    return open_


def copy(local: Workspace, bucket: Workspace) -> None:
    for table in ("media", "stickers"):
        for part in local.parts:
            bucket.write(table, part, local.read(table, part), Proof("test", "test"))


def files(workspace: Workspace) -> dict[str, bytes]:
    return {name: workspace.store.read(name) for name in workspace.store.list("tables")}


def test_workers_write_the_same_bytes_into_a_bucket(
    workspace_of: Callable[[Sequence[Sequence[str]]], Workspace],
    bucket: Open,
    display: object,
) -> None:
    stage = misbehaving.signals(seconds_per_row=0.6)  # so slow that five rows are a piece
    local = workspace_of(SHARDS)
    copy(local, bucket())
    here = run(stage, local, CONFIG, display)  # type: ignore[arg-type]
    with bucket().lock("filter"):
        there = run(stage, bucket(), CONFIG, display)  # type: ignore[arg-type]
    assert there.counts == here.counts
    assert files(bucket()) == files(local)
    assert not bucket().store.list("pieces")
    measured = Counter((bucket().root / "measured.log").read_text().split())
    whole = local.read("stickers", 2)["id"].to_pylist()
    assert {measured[sticker] for sticker in whole} == {1}
    with bucket("two").lock("filter"):
        assert pending(stage, bucket("two"), CONFIG).rows == 0


def test_a_thousand_questions_are_a_few_requests(
    workspace_of: Callable[[Sequence[Sequence[str]]], Workspace], bucket: Open, object_store: str
) -> None:
    copy(workspace_of([["fine"]] * 30), bucket())
    with between(object_store) as counted:
        workspace = bucket("two", counted.url)
        workspace.place.fetch()
        counted.requests.clear()
        for _ in range(3):
            assert len(workspace.parts) == 30
            assert workspace.complete("media")
            assert not workspace.complete("signals")
            assert [workspace.proof("signals", part) for part in workspace.parts] == [None] * 30
        assert len(counted.requests) <= 4
        assert workspace.read("stickers").num_rows == 30


def test_a_block_is_read_once_whatever_asks_for_its_shards(
    workspace_of: Callable[[Sequence[Sequence[str]]], Workspace], bucket: Open, object_store: str
) -> None:
    local = workspace_of([[f"a{n}", f"b{n}"] for n in range(30)])
    copy(local, bucket())
    ids = local.read("stickers")["id"]
    splits = pa.table([ids, ["train"] * 60, ids, [[]] * 60], schema=TABLES["splits"].schema)
    bucket().write("splits", local.parts, splits, Proof("a", "b"))
    with between(object_store) as counted:
        workspace = bucket("two", counted.url)
        for part in workspace.parts:
            assert workspace.read("splits", part)["id"].equals(ids[2 * part : 2 * part + 2])
        assert workspace.read_checked("splits", workspace.parts).num_rows == 60
        read = [path for method, path in counted.requests if method == "GET" and "splits" in path]
        assert len([path for path in read if path.endswith(".parquet")]) <= 2
        changed = splits.set_column(1, splits.field(1), [["train"] * 59 + ["test"]])
        bucket().write("splits", workspace.parts, changed, Proof("a", "b"))
        workspace.store.forget("tables")
        assert workspace.read("splits", 29)["split"].to_pylist() == ["train", "test"]


def test_a_second_driver_is_one_line(bucket: Open) -> None:
    with (
        bucket("one").lock("crawl"),
        pytest.raises(StickerworksError, match="is in use by `stickerworks crawl`"),
    ):
        bucket("two").lock("filter").__enter__()


def test_who_only_looks_replaces_nothing_that_a_command_works_on(bucket: Open) -> None:
    settings = bucket("one").root / "stickerworks.yaml"
    with bucket("two").lock("crawl"):
        (bucket("two").root / "stickerworks.yaml").write_text("a: 1")
    with bucket("one").lock("filter"):
        settings.write_text("a: 2")
        before = settings.stat().st_ino
        (bucket("one").root / ".saved.json").unlink()  # as if it were not yet written
        bucket("one").place.fetch()
        assert (settings.read_text(), settings.stat().st_ino) == ("a: 2", before)
        settings.write_text("a: 1")
    bucket("three").place.fetch()
    assert (bucket("three").root / "stickerworks.yaml").read_text() == "a: 1"


def test_a_command_knows_what_gave_way_to_what_others_saved(bucket: Open) -> None:
    (bucket("one").root / "stickerworks.yaml").write_text("a: 1")
    with bucket("two").lock("crawl"):
        (bucket("two").root / "stickerworks.yaml").write_text("a: 2")
    with bucket("one").lock("filter"):
        [aside] = bucket("one").place.replaced
        assert aside.read_text() == "a: 1"
        assert (bucket("one").root / "stickerworks.yaml").read_text() == "a: 2"


def test_a_table_that_somebody_else_wrote_is_not_overwritten(
    workspace_of: Callable[[Sequence[Sequence[str]]], Workspace], bucket: Open
) -> None:
    local = workspace_of([["fine"]])
    copy(local, bucket())
    bucket().place.remember()
    rows = local.read("media", 0)
    assert bucket().has("media", 0)
    bucket("two").write("media", 0, rows, Proof("test", "two"))
    with pytest.raises(StickerworksError, match="changed by somebody else") as caught:
        bucket().write("media", 0, rows, Proof("test", "one"))
    assert "\n" not in str(caught.value)


def test_a_table_that_is_damaged_says_where_it_lies(
    workspace_of: Callable[[Sequence[Sequence[str]]], Workspace], bucket: Open
) -> None:
    copy(workspace_of([["fine"]]), bucket())
    content = bytearray(bucket().store.read("tables/media/part-00000.parquet"))
    content[20] ^= 1
    bucket().store.write("tables/media/part-00000.parquet", bytes(content), "anything")
    with pytest.raises(StickerworksError, match=r"s3://stickers/.*/tables/media/part-00000"):
        bucket().read("media")
