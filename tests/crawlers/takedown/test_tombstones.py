"""Crawls after something was taken down: nothing of it comes back, and nothing says its name."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from crawlers.crawl import crawl
from crawlers.ledger.ledger import LEDGER, open_ledger
from crawlers.observation import Observation
from crawlers.takedown.entries import make_entry
from crawlers.takedown.finding import named_stickers
from crawlers.takedown.purge import purge_crawl
from crawlers.takedown.takedown import Takedown
from crawlers.takedown.tombstones import Tombstones, blocked_name
from pipeline.engine.decoding.one_pass import hash_file
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig, DecodeConfig, SourceConfig
from schemas.tables import TOMBSTONES


def picture(kind: str = "PNG", colour: str = "gold", **options: int) -> bytes:
    drawn = Image.new("RGB", (120, 120), "white")
    pen = ImageDraw.Draw(drawn)
    pen.ellipse((20, 10, 100, 90), fill=colour)
    pen.rectangle((50, 60, 110, 118), fill="navy")
    file = io.BytesIO()
    drawn.save(file, kind, **options)
    return file.getvalue()


def captioned(text: str) -> bytes:
    drawn = Image.open(io.BytesIO(picture())).resize((240, 240))
    pen = ImageDraw.Draw(drawn)
    pen.text((60, 200), text, fill="white", font=ImageFont.load_default(size=24))
    file = io.BytesIO()
    drawn.save(file, "PNG")
    return file.getvalue()


def hashes_of(data: bytes) -> tuple[bytes, bytes]:
    found = hash_file(data, "png", DecodeConfig())
    assert found is not None
    return found


def stones(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist([{"request": 1, **row} for row in rows], schema=TOMBSTONES.schema)


def blocks(kind: str, value: str) -> Tombstones:
    entry = make_entry(kind, value)
    length = len(entry.value) - 1 if entry.value.endswith("*") else None
    blocked = blocked_name(kind, entry.value)
    return Tombstones(stones({"kind": kind, "blocked": blocked, "length": length}))


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("pack", "giphy/cats", {"pack_id": "cats"}),
        ("pack", "cats", {"pack_id": "cats"}),
        ("author", "Ann LEE", {"author": " ann\tLee"}),
        ("url", "https://example.org/a.gif", {"media_url": "http://EXAMPLE.org:80/a.gif#x"}),
        ("url", "https://example.org/u/*", {"page_url": "https://example.org/u/1/2"}),
    ],
)
def test_names_and_addresses_are_known_by_their_hashes(kind, value, said):
    found = blocks(kind, value)
    assert found.name(Observation("1", **said), "giphy")
    assert not found.name(Observation("1", **dict.fromkeys(said, "https://example.com/")), "giphy")
    failure = Takedown(tombstones=found).objection(Observation("1", **said), "giphy")
    assert failure is not None
    assert failure.error_class == "taken_down"
    assert failure.policy is None


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_pack_is_blocked_by_itself_alone(one, other):
    try:
        found = blocks("pack", one)
    except ValueError:
        return
    assert found.name(Observation("1", pack_id=make_entry("pack", one).value), "any")
    try:
        same = make_entry("pack", other).value == make_entry("pack", one).value
    except ValueError:
        return
    prefixed = make_entry("pack", one).value == f"any/{make_entry('pack', other).value}"
    assert found.name(Observation("1", pack_id=other), "any") == (same or prefixed)


def test_looks_refuse_copies_but_not_what_was_there_and_stayed():
    looks, signs = hashes_of(picture())
    takedown = Takedown(tombstones=Tombstones(stones(
        {"kind": "copy", "phash": looks}, {"kind": "looks", "phash": looks, "blocked": signs.hex()}
    )))  # fmt: skip
    copy = picture("JPEG", quality=60)
    digest = hashlib.sha256(copy).hexdigest()
    refused = takedown.objection_to_bytes(digest, copy, "jpeg")
    assert refused is not None
    assert refused.error_class == "taken_down"
    assert takedown.objection_to_bytes(digest, copy, "jpeg", held=True) is None
    assert takedown.told_of_alike("x") == "x: left out 1 file that looks like what was taken down"
    assert takedown.told_of_alike("x") is None


def test_another_caption_on_the_same_picture_is_no_copy():
    """Both lie within four bits of the perceptual hash."""
    one, other = captioned("HAPPY DAY"), captioned("NO THANKS")
    (looks, signs), (theirs, _) = hashes_of(one), hashes_of(other)
    bits = (int.from_bytes(looks, "big") ^ int.from_bytes(theirs, "big")).bit_count()
    assert 0 < bits <= 4
    stone = {"kind": "copy", "phash": looks}
    with_signs = {"kind": "looks", "phash": looks, "blocked": signs.hex()}
    for rows in ((stone,), (stone, with_signs)):
        takedown = Takedown(tombstones=Tombstones(stones(*rows)))
        assert takedown.objection_to_bytes("0" * 64, other, "png") is None
        assert takedown.objection_to_bytes("0" * 64, one, "png") is not None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "stickers"
    for name in ("a", "b", "c"):
        (folder / name).mkdir(parents=True)
        for n in range(3):
            data = picture("PNG", f"#{ord(name) * 2:02x}{n * 60:02x}55")
            (folder / name / f"{name}{n}-title.png").write_bytes(data)
    return folder


@pytest.fixture
def crawl_again(folder: Path, tmp_path: Path):
    workspace = Workspace(tmp_path / "workspace")
    config = CrawlConfig(
        sources=[SourceConfig(source="folder", options={"path": str(folder)})], shard_rows=4
    )

    def run() -> Workspace:
        crawl(workspace, config)
        return workspace

    return run


def ids_of(workspace: Workspace) -> list[str]:
    return workspace.read("stickers", columns=["id"])["id"].to_pylist()


def take_down(workspace: Workspace, *ids: str) -> None:
    """The tombstones, and the ledger without these."""
    rows = stones(*({"id": id_, "kind": "sha256"} for id_ in ids))
    workspace.write("tombstones", None, rows, Proof("takedown", ""))
    purge_crawl(workspace, ids, ())


def test_a_crawl_leaves_it_out_and_no_row_says_so(crawl_again):
    workspace = crawl_again()
    before = ids_of(workspace)
    take_down(workspace, before[1], before[5])
    left = [id_ for id_ in before if id_ not in (before[1], before[5])]
    assert ids_of(workspace) == left
    crawl_again()
    assert ids_of(workspace) == left
    assert len(workspace.read("unfetched")) == 0
    held = (workspace.root / LEDGER).read_bytes()
    assert before[1].encode() not in held
    assert b"a1-title" not in held


def test_new_stickers_take_places_that_are_free(crawl_again, folder):
    workspace = crawl_again()
    before = ids_of(workspace)
    take_down(workspace, *before[2:9])
    assert workspace.parts == (0,)
    (folder / "d").mkdir()
    (folder / "d" / "new.jpg").write_bytes(picture("JPEG", "tomato"))
    crawl_again()
    assert set(ids_of(workspace)) >= set(before[:2])
    assert len(ids_of(workspace)) == 3
    with open_ledger(workspace.root / LEDGER) as ledger:
        rows = ledger.connection.execute("SELECT part, row FROM blobs ORDER BY 1, 2").fetchall()
    assert [tuple(row) for row in rows] == [(0, 0), (0, 1), (0, 2)]


def test_purging_twice_changes_nothing_more(crawl_again):
    workspace = crawl_again()
    gone = ids_of(workspace)[1]
    take_down(workspace, gone)
    tables = workspace.root / "tables"
    before = {path: path.read_bytes() for path in tables.rglob("*.parquet")}
    purge_crawl(workspace, [gone], ())
    assert {path: path.read_bytes() for path in tables.rglob("*.parquet")} == before


def test_packs_and_authors_name_stickers(crawl_again):
    workspace = crawl_again()
    found = named_stickers(workspace, [make_entry("pack", "folder/a"), make_entry("pack", "zz")])
    names = {row["id"]: row["pack_id"] for row in workspace.read("observations").to_pylist()}
    assert set(found) == {id_ for id_, pack in names.items() if pack == "a"}
    assert set(found.values()) == {"pack"}
    assert named_stickers(workspace, [make_entry("url", "https://a.example/*")]) == {}
