"""What changed from one release to another."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.errors import StickerworksError
from pipeline.release.diff import diff_releases
from pipeline.release.diff_columns import differing

ROWS = pa.schema(
    [
        ("id", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("domain", pa.string()),
        ("caption_en", pa.string()),
        ("licence", pa.string()),
        ("test_sets", pa.list_(pa.string())),
        ("entropy", pa.float64()),
    ]
)
DECISIONS = pa.schema(
    [
        ("id", pa.string()),
        ("outcome", pa.string()),
        ("reasons", pa.list_(pa.struct([("rule", pa.string())]))),
    ]
)


def name(number: int) -> str:
    return f"{number:064x}"


def row(number: int, **changes: object) -> dict[str, object]:
    return {"id": name(number), "tags": ["a"], "domain": "real", "caption_en": "c",
            "licence": "CC0", "test_sets": [], "entropy": 1.5, **changes}  # fmt: skip


STRANGE = (
    pa.table({"id": [f"{1:064x}"], "outcome": ["dropped"], "reasons": [["a rule"]]}),
    pa.table({"id": [1], "outcome": ["x"], "reasons": [[{"rule": "r"}]]}),
    pa.table({"id": [f"{1:064x}"], "outcome": ["x"], "reasons": [[{"rule": 3}]]}),
)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A folder with shards of rows by split, and what became of others."""

    def make(title: str, decisions=(), schema=ROWS, **splits) -> Path:
        folder = tmp_path / title.replace(" ", "-")
        (folder / "data").mkdir(parents=True)
        for split, rows in splits.items():
            table = pa.Table.from_pylist(rows, schema=schema)
            pq.write_table(table, folder / "data" / f"{split}-00000-of-00001.parquet")
        gone = pa.Table.from_pylist(list(decisions), schema=DECISIONS)
        pq.write_table(gone, folder / "decisions.parquet")
        (folder / "README.md").write_text(f"---\nx: 1\n---\n\n# {title}\n", "utf-8")
        return folder

    return make


def test_every_kind_of_change_is_told(write):
    before = write("s 1", train=[row(n) for n in range(8)], test=[row(8), row(9)])
    after = write(
        "s 2",
        decisions=[
            {"id": name(1), "outcome": "dropped", "reasons": [{"rule": "min_side"}, {"rule": "x"}]},
            {"id": name(2), "outcome": "left_out", "reasons": [{"rule": "no_split"}]},
        ],
        train=[row(0, tags=["b", "a"]), row(5, caption_en=None), row(8), row(6, licence="MIT")],
        test=[row(7, test_sets=["vsd_r"]), row(9, entropy=2.0), row(20)],
    )
    (after / "taken_down.csv").write_text(f"sha256,date,reason\n{name(3)},,\n", "utf-8")
    found = diff_releases(before, after)
    assert found.rows == (10, 7)
    assert (found.added, found.both) == (1, 6)
    assert found.removed == {
        "dropped by min_side": 1, "left out by no_split": 1, "taken down": 1, "vanished": 1
    }  # fmt: skip
    assert found.moved == {"test to train": 1, "train to test": 1}
    assert found.changed == {
        "relabelled": 1, "texts": 1, "licences": 1, "test sets": 1,
        "tags": 1, "caption_en": 1, "licence": 1, "test_sets": 1, "entropy": 1,
    }  # fmt: skip
    assert found.examples["relabelled"] == [name(0)]
    assert found.examples["taken down"] == [name(3)]
    assert diff_releases(before, after, {name(4)}).removed["taken down"] == 2


def test_a_release_does_not_differ_from_itself(write):
    folder = write("s 1", train=[row(1), row(2, tags=None)])
    assert diff_releases(folder, folder).is_empty


def test_columns_that_came_or_went_are_named(write):
    fields = [pa.field("entropy", pa.float32()), pa.field("new", pa.string())]
    fewer = pa.schema([ROWS.field("id"), *fields])
    before = write("s 1", train=[row(1)])
    after = write("s 2", schema=fewer, train=[{"id": name(1), "entropy": 1.0, "new": None}])
    found = diff_releases(before, after)
    assert found.columns["added"] == ["new"]
    assert found.columns["types"] == ["entropy"]
    assert set(found.columns["removed"]) == set(ROWS.names) - {"id", "entropy"}
    assert not found.is_empty


def test_two_of_one_number_say_so(write, tmp_path):
    one = write("s 1", train=[row(1)])
    other = Path(shutil.move(one, tmp_path / "first"))
    (note,) = diff_releases(other, write("s 1", train=[row(2)])).notes
    assert "Both call themselves s 1" in note


def test_what_cannot_be_compared_is_told_in_a_line(write, tmp_path):
    whole = write("s 1", train=[row(1)])
    (tmp_path / "empty").mkdir()
    twice = write("s 2", train=[row(1), row(1)])
    strange = write("s 3", train=[row(1, id="../x")])
    half = write("s 4", train=[row(1)])
    (half / "SHA256SUMS").write_text(f"{'0' * 64}  data/test-00000-of-00001.parquet\n", "utf-8")
    torn = write("s 5", train=[row(1)])
    shard = next((torn / "data").iterdir())
    shard.write_bytes(shard.read_bytes()[:-9])
    for folder, told in (
        (tmp_path / "empty", "no Parquet release"), (twice, "twice"), (strange, "is no id"),
        (half, "not whole"), (torn, "can't be read"),
    ):  # fmt: skip
        with pytest.raises(StickerworksError, match=told):
            diff_releases(whole, folder)


VALUES = st.one_of(
    st.none(), st.lists(st.one_of(st.none(), st.text("ab\x1f", max_size=2)), max_size=3)
)


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=6))
def test_lists_differ_where_they_do(pairs):
    kind = pa.list_(pa.string())
    sides = zip(*pairs, strict=True)
    one, other = (pa.chunked_array([pa.array(list(some), kind)]) for some in sides)
    expected = [a != b for a, b in pairs if not _alike(a, b)]
    found = differing(one, other)
    assert [f for f, (a, b) in zip(found, pairs, strict=True) if not _alike(a, b)] == expected
    assert pc.equal(pa.array(differing(one, one)), False).to_pylist() == [True] * len(pairs)


def _alike(one, other):
    """Lists that a join with a sign of no text makes one: told apart they need not be."""

    def joined(some):
        return None if some is None else "\x1f".join("\x00" if s is None else s for s in some)

    return one != other and joined(one) == joined(other)


def test_hostile_lists_beside_a_release_are_told_in_a_line(write):
    one = write("one", train=[row(1), row(2)])
    two = write("two", train=[row(2)])
    decisions, gone = two / "decisions.parquet", two / "taken_down.csv"
    for table in STRANGE:
        pq.write_table(table, decisions)
        with pytest.raises(StickerworksError, match="other types"):
            diff_releases(one, two)
    decisions.write_bytes(b"PAR1 junk PAR1")
    with pytest.raises(StickerworksError, match=r"decisions.parquet can't be read"):
        diff_releases(one, two)
    null = [{"id": name(1), "outcome": "dropped", "reasons": [None]}]
    pq.write_table(pa.Table.from_pylist(null, schema=DECISIONS), decisions)
    assert diff_releases(one, two).removed == {"dropped": 1}
    gone.write_text("id,reason\n" + "x" * 200_000 + "\n", encoding="utf-8")
    with pytest.raises(StickerworksError, match=r"taken_down.csv can't be read"):
        diff_releases(one, two)
