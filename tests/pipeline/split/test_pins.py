"""Splits that stay from release to release, groups that join, and named test sets."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.released_splits import number_of
from pipeline.engine.storage import Proof, write_table
from pipeline.engine.workspace import Workspace
from pipeline.release.records import Record, record_path, save_record
from pipeline.release.splits import forget_splits, keep_splits
from pipeline.split.stages import SPLIT
from schemas.config import Config, ReleaseConfig, SplitConfig
from schemas.tables import TABLES

SHARD = 24


class Collection:
    """Stickers in shards of 24, each with its template, one tag and whether it is kept."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root)
        self.rows: list[tuple[str, str, bool]] = []

    def add(self, *stickers: tuple[str, str], kept: bool = True) -> None:
        self.rows += [(id_, template, kept) for id_, template in stickers]

    def change(self, **changes: Any) -> None:
        """By id: another template, or False to drop it, or None to take it out of the crawl."""
        rows = []
        for id_, template, kept in self.rows:
            value = changes.get(id_, template)
            if value is None:
                continue
            rows.append((id_, template, False) if value is False else (id_, value, kept))
        self.rows = rows

    def write(self) -> None:
        shards: dict[str, dict[int, pa.Table]] = defaultdict(dict)
        for part in range(max(1, -(-len(self.rows) // SHARD))):
            rows = self.rows[part * SHARD : (part + 1) * SHARD]
            ids, templates, kept = zip(*rows, strict=True) if rows else ((), (), ())
            columns = {"id": ids, "group": ids, "template_id": templates, "kept": kept}
            columns["tags"] = [[id_[-1]] for id_ in ids]
            for table in ("stickers", "decisions", "duplicates", "suggestions"):
                shards[table][part] = _table(table, columns, len(ids))
        for part, rows in shards.pop("stickers").items():
            # Tests wait for no disk.
            path = self.workspace.path("stickers", part)
            write_table(path, rows, Proof("test", ""), lasting=False)
        for table, blocks in shards.items():
            self.workspace.write_block(table, blocks, Proof("test", ""))

    def reserve(self, *picks: tuple[str, str]) -> None:
        some = {"picked_by": "ann", "picked_at": "2026-01-01T00:00:00.000+00:00"}
        rows = [{"id": id_, "test_set": name, **some} for id_, name in picks]
        made = pa.Table.from_pylist(rows, schema=TABLES["reserved"].schema)
        self.workspace.write("reserved", None, made, Proof("test", ""))

    def split(self, version: str, **shares: Any) -> dict[str, pa.Table]:
        """The tables that the step writes, which are kept as well."""
        self.write()
        outputs = SPLIT.run(self.workspace, SPLIT.settings(config(version, **shares)))
        return {table: rows for table, _, rows in outputs}

    def release(self, version: str, **shares: Any) -> dict[str, str]:
        """Split, keep what is released, and return each sticker's split."""
        made = self.split(version, **shares)
        self.keep(version, made)
        return splits_of(made)

    def keep(self, version: str, made: Mapping[str, pa.Table]) -> None:
        """As a release of that version does."""
        self.workspace.write("splits", self.workspace.parts, made["splits"], Proof("test", ""))
        keep_splits(self.workspace, config(version).release)


def _table(name: str, columns: Mapping[str, Sequence[Any]], rows: int) -> pa.Table:
    """Rows of a table with the columns that are given, and something in those that need it."""
    fields = list(TABLES[name].schema)
    some = {"representative": [True] * rows, "outcome": ["kept"] * rows}
    known = {**some, **columns}
    return pa.table(
        {f.name: pa.array(known.get(f.name, [None] * rows), f.type) for f in fields},
        schema=TABLES[name].schema,
    )


def config(version: str, **shares: Any) -> Config:
    return Config(split=SplitConfig(**shares), release=ReleaseConfig(version=f"0.0.{version}"))


def splits_of(made: Mapping[str, pa.Table]) -> dict[str, str]:
    return {row["id"]: row["split"] for row in made["splits"].to_pylist() if row["split"]}


def moves(made: Mapping[str, pa.Table]) -> list[tuple[str, str, str, str]]:
    return [(row["id"], row["from"], row["to"], row["joined"]) for row in made["moved"].to_pylist()]


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    made = Collection(tmp_path)
    made.add(*((f"{n:03d}", f"t{n}") for n in range(60)))
    return made


def one_of(splits: Mapping[str, str], name: str, skip: int = 0) -> str:
    return sorted(id_ for id_, split in splits.items() if split == name)[skip]


def test_what_was_released_stays_and_new_stickers_fill_what_is_lacking(
    collection: Collection,
) -> None:
    first = collection.release("1")
    collection.add(*((f"1{n:02d}", f"u{n}") for n in range(40)))
    made = collection.split("2", ratio="6:2:2", seed=7)
    second = splits_of(made)
    assert {id_: second[id_] for id_ in first} == first
    assert moves(made) == []
    sizes = [list(second.values()).count(name) for name in ("train", "validation", "test")]
    assert sizes == [60, 20, 20]
    whole = {row["kind"]: row for row in made["leakage"].to_pylist()}["earlier_release"]
    assert (whole["shared"], whole["leaking"]) == (60, 0)


@pytest.mark.parametrize(
    ("one", "other", "taken"),
    [("test", "train", "train"), ("validation", "test", "validation"),
     ("validation", "train", "train")],
)  # fmt: skip
def test_groups_that_join_take_the_split_nearest_to_training_and_are_listed(
    collection: Collection, one: str, other: str, taken: str
) -> None:
    first = collection.release("1")
    pair = {name: one_of(first, name) for name in (one, other)}
    template = f"t{int(pair[taken])}"
    moved = pair[one if taken == other else other]
    collection.change(**{moved: template})
    collection.add(("200", template))
    made = collection.split("2")
    second = splits_of(made)
    assert second["200"] == second[moved] == taken
    assert moves(made) == [(moved, first[moved], taken, pair[taken])]
    assert {id_: second[id_] for id_ in first if id_ != moved} == {
        id_: split for id_, split in first.items() if id_ != moved
    }
    whole = {row["kind"]: row for row in made["leakage"].to_pylist()}["earlier_release"]
    assert (whole["leaking"], whole["examples"]) == (1, [moved])


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_what_was_public_binds_its_group_even_where_it_is_dropped_since(
    collection: Collection, split: str
) -> None:
    first = collection.release("1")
    gone = one_of(first, split)
    collection.change(**{gone: False})
    new = [f"3{n:02d}" for n in range(5)]
    collection.add(*((id_, f"t{int(gone)}") for id_ in new))
    second = splits_of(collection.split("2"))
    assert gone not in second
    assert {second[id_] for id_ in new} == {split}


def test_a_sticker_that_is_gone_leaves_nothing_behind(collection: Collection) -> None:
    first = collection.release("1")
    gone, stays = one_of(first, "train"), one_of(first, "train", 1)
    collection.change(**{gone: None})
    collection.release("2")
    kept = collection.workspace.read("released_splits")["id"].to_pylist()
    assert gone not in kept
    assert stays in kept


def test_a_release_that_is_made_anew_is_not_bound_by_itself(collection: Collection) -> None:
    first = collection.split("1")
    collection.keep("1", first)
    before = collection.workspace.read("released_splits")
    again = collection.split("1")
    collection.keep("1", again)
    assert all(again[table].equals(first[table]) for table in first)
    assert collection.workspace.read("released_splits").equals(before)
    for version in ("1", "2"):
        assert splits_of(collection.split(version, seed=5)) == splits_of(first)
    forget_splits(collection.workspace, config("2").release)
    assert collection.workspace.read("released_splits").equals(before), "it is of another"
    forget_splits(collection.workspace, config("1").release)
    assert splits_of(collection.split("1", seed=5)) != splits_of(first)
    assert all(rows.equals(first[table]) for table, rows in collection.split("1").items())


def test_a_release_that_moves_nothing_is_remembered_and_an_older_one_forgets_nothing(
    collection: Collection,
) -> None:
    first = collection.release("1")
    assert collection.release("2") == first
    workspace = collection.workspace
    before = [workspace.read(table) for table in ("released_splits", "released")]
    assert [number_of(workspace, f"stickers-0.0.{n}") for n in (1, 2, 3)] == [1, 2, 3]
    forget_splits(workspace, config("1").release)
    assert collection.release("1", seed=7) == first
    assert [workspace.read(table) for table in ("released_splits", "released")] == before
    assert splits_of(collection.split("3", seed=7)) == first
    moved = one_of(first, "test")
    collection.change(**{moved: f"t{int(one_of(first, 'train'))}"})
    collection.release("1")
    assert [number_of(workspace, f"stickers-0.0.{n}") for n in (1, 2, 4)] == [3, 2, 4]
    assert splits_of(collection.split("4"))[moved] == "train"


def test_a_release_with_a_record_is_not_forgotten(collection: Collection) -> None:
    first = collection.release("1")
    record = record_path(collection.workspace.releases / "stickers-0.0.1")
    record.parent.mkdir(parents=True)
    save_record(collection.workspace.releases / "stickers-0.0.1", Record("", {}, {}))
    forget_splits(collection.workspace, config("1").release)
    assert splits_of(collection.split("1", seed=7)) == first
    record.unlink()
    forget_splits(collection.workspace, config("1").release)
    assert splits_of(collection.split("1", seed=7)) != first


def test_a_release_that_moves_stickers_is_the_same_when_it_is_made_again(
    collection: Collection,
) -> None:
    first = collection.release("1")
    moved = one_of(first, "test")
    collection.change(**{moved: f"t{int(one_of(first, 'train'))}"})
    second = collection.split("2")
    collection.keep("2", second)
    assert collection.split("2")["moved"].equals(second["moved"])
    rows = collection.workspace.read("released_splits").to_pylist()
    own = [(row["split"], row["release"], row["number"]) for row in rows if row["id"] == moved]
    assert own == [("test", "stickers-0.0.1", 1), ("train", "stickers-0.0.2", 2)]
    assert moves(collection.split("3")) == []
    assert [number_of(collection.workspace, f"stickers-0.0.{n}") for n in (1, 2, 3)] == [1, 2, 3]


def test_picked_stickers_are_test_with_their_group_before_all_others(
    collection: Collection,
) -> None:
    collection.change(**{"001": "t0", "002": "t0"})
    collection.reserve(("001", "vsd_r"), ("005", "vsd_c"), ("005", "hard"), ("999", "vsd_r"))
    made = collection.split("1")
    splits = splits_of(made)
    assert {splits[id_] for id_ in ("000", "001", "002", "005")} == {"test"}
    named = {row["id"]: row["test_sets"] for row in made["splits"].to_pylist() if row["test_sets"]}
    assert named == {"001": ["vsd_r"], "005": ["hard", "vsd_c"]}
    assert list(splits.values()).count("test") == 6


def test_picking_moves_nothing_that_was_released(collection: Collection) -> None:
    first = collection.release("1")
    train, test = one_of(first, "train"), one_of(first, "test")
    collection.add(("400", f"t{int(train)}"), ("401", "v"))
    collection.reserve((train, "vsd_r"), (test, "vsd_r"), ("400", "vsd_r"), ("401", "vsd_r"))
    made = collection.split("2")
    assert moves(made) == []
    second = splits_of(made)
    assert (second[train], second["400"], second["401"]) == ("train", "train", "test")
    named = {row["id"] for row in made["splits"].to_pylist() if row["test_sets"]}
    assert named == {test, "401"}


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, list[int], list[int]]]:
    """Releases: how many stickers are new, their templates, and which old ones are dropped."""
    releases = []
    total = 0
    for _ in range(draw(st.integers(1, 3))):
        new = draw(st.integers(1, 9))
        templates = draw(st.lists(st.integers(0, 12), min_size=new, max_size=new))
        dropped = draw(st.lists(st.integers(0, max(0, total - 1)), max_size=2)) if total else []
        releases.append((new, templates, dropped))
        total += new
    return releases


def run_history(
    releases: Sequence[tuple[int, list[int], list[int]]], joins: Mapping[int, int], shuffle: int
) -> list[dict[str, Any]]:
    """What each release made: splits, templates and moves; with rows in an order of their own."""
    found = []
    with TemporaryDirectory() as root:
        made = Collection(Path(root))
        merged = dict(joins)
        for number, (new, templates, dropped) in enumerate(releases, 1):
            start = sum(count for count, _, _ in releases[: number - 1])
            names = {k: merged.get(k, k) if number > 1 else k for k in range(13)}
            made.rows = [(i, f"t{names[int(t[1:])]}", k) for i, t, k in made.rows]
            made.change(**{f"{n:03d}": False for n in dropped})
            made.add(*((f"{start + n:03d}", f"t{names[templates[n]]}") for n in range(new)))
            given = list(made.rows)
            if shuffle:
                random.Random(shuffle).shuffle(made.rows)
            tables = made.split(str(number))
            made.keep(str(number), tables)
            template = {id_: t for id_, t, _ in made.rows}
            sets = sorted(splits_of(tables).items())
            found.append({"splits": dict(sets), "template": template, "moved": moves(tables)})
            # The shards of stickers never change their order; only the whole history differs.
            made.rows = given if not shuffle else made.rows
    return found


@settings(max_examples=25, deadline=None)
@given(histories(), st.dictionaries(st.integers(0, 12), st.integers(0, 12), max_size=3))
def test_no_group_straddles_pins_hold_and_all_that_moves_is_listed(
    releases: list[tuple[int, list[int], list[int]]], joins: dict[int, int]
) -> None:
    order = ("train", "validation", "test")
    before: dict[str, str] = {}
    for made in run_history(releases, joins, 0):
        splits, template = made["splits"], made["template"]
        together = defaultdict(set)
        for id_, split in splits.items():
            together[template[id_]].add(split)
        assert all(len(found) == 1 for found in together.values())
        earlier = defaultdict(set)
        for id_, split in before.items():
            earlier[template[id_]].add(split)
        for id_ in splits.keys() & before.keys():
            assert splits[id_] == min(earlier[template[id_]], key=order.index)
        moved = {id_ for id_ in splits if before.get(id_, splits[id_]) != splits[id_]}
        assert {id_ for id_, *_ in made["moved"]} == moved
        for id_, was, now, joined in made["moved"]:
            assert (was, now) == (before[id_], splits[id_])
            assert before[joined] == now
            assert template[joined] == template[id_]
        before |= splits


@settings(max_examples=12, deadline=None)
@given(histories(), st.integers(1, 99))
def test_the_order_of_rows_changes_nothing(
    releases: list[tuple[int, list[int], list[int]]], seed: int
) -> None:
    one, other = (run_history(releases, {}, shuffle) for shuffle in (0, seed))
    assert [made["splits"] for made in one] == [made["splits"] for made in other]
