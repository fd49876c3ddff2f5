"""What one release has that another hasn't, and why: rows, splits, labels, texts, licences."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.engine.counting import count_together
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import one_line
from pipeline.release.checksums import listed_sums
from pipeline.release.diff_columns import Flags, Shards, differing, open_shards
from schemas.release import ANSWER_AGREEMENT, VOTED
from schemas.tables import DESCRIPTION_FIELDS

TAKEN_DOWN = "taken_down.csv"
_EXAMPLES = 20
_MOST_BYTES = 1 << 30

LABELS = ("tags", "label_status", "domain")
"""Columns of labels; with them those of answers to questions, but for their agreement."""
TEXTS = (*(name for name, _ in DESCRIPTION_FIELDS), "ocr_text")
LICENCES = ("licence", "licence_basis", "licence_url")


@dataclass(frozen=True)
class ReleaseDiff:
    """What changed from one release to another.

    ``removed`` counts stickers by why they went: taken down, dropped by a rule, left out, failed or
    vanished (the second release says nothing of them). ``moved`` counts those in both by their old
    and new split. ``changed`` counts stickers in both by what differs: relabelled, texts, licences,
    test sets, and every column by its name. ``examples`` are ids, at most twenty of each.
    """

    first: str
    second: str
    rows: tuple[int, int]
    added: int
    removed: dict[str, int]
    both: int
    moved: dict[str, int]
    changed: dict[str, int]
    columns: dict[str, list[str]]
    notes: list[str] = field(default_factory=list)
    examples: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether the two say the same of the same stickers."""
        told = (self.added, self.removed, self.moved, self.changed, any(self.columns.values()))
        return not any(told)


def diff_releases(
    first: Path, second: Path, taken_down: Collection[str] = frozenset()
) -> ReleaseDiff:
    """Compare two folders of releases, one column at a time.

    ``taken_down`` are ids that are known to be, beside those that the second release lists.
    StickerworksError where a folder holds no release of ours, or not all of one.
    """
    one, other = open_shards(first), open_shards(second)
    places = pc.index_in(one.ids, value_set=other.ids.combine_chunks())
    there = pc.is_valid(places)
    ids = one.ids.filter(there)
    gone = one.ids.filter(pc.invert(there))
    added = other.ids.filter(pc.invert(pc.is_in(other.ids, value_set=one.ids.combine_chunks())))
    examples = {"added": added.slice(0, _EXAMPLES).to_pylist()}
    found = _Found(one, other, there, places.filter(there), ids, examples)
    columns = _columns(one.schema, other.schema)
    return ReleaseDiff(
        str(first),
        str(second),
        (len(one.ids), len(other.ids)),
        len(added),
        _reasons(second, gone, taken_down, examples),
        len(ids),
        found.moved(),
        found.changed(
            [n for n in one.schema.names if n not in columns["removed"] + columns["types"]]
        ),
        columns,
        _notes(first, second),
        examples,
    )


@dataclass(frozen=True)
class _Found:
    """Stickers in both: which rows of ``one`` they are, and their places in ``other``."""

    one: Shards
    other: Shards
    there: pa.ChunkedArray
    places: pa.ChunkedArray
    ids: pa.ChunkedArray
    examples: dict[str, list[str]]

    def moved(self) -> dict[str, int]:
        """Stickers by old and new split, where these differ."""
        before = self.one.splits.filter(self.there)
        after = self.other.splits.take(self.places)
        where = pc.not_equal(before, after)
        pairs = count_together([before.filter(where), after.filter(where)])
        self._show("moved", pc.fill_null(where, False).to_numpy())
        return {f"{old} to {new}": count for (old, new), count in sorted(pairs.items())}

    def changed(self, names: list[str]) -> dict[str, int]:
        """Stickers by what differs of them: groups of columns, then columns."""
        groups = {
            "relabelled": LABELS,
            "texts": TEXTS,
            "licences": LICENCES,
            "test sets": ("test_sets",),
        }
        any_of = {group: np.zeros(len(self.ids), np.bool_) for group in groups}
        columns: dict[str, int] = {}
        for name in names:
            if name == "id":
                continue
            before = self.one.column(name).filter(self.there)
            where = differing(before, self.other.column(name).take(self.places))
            if not where.any():
                continue
            columns[name] = int(where.sum())
            self._show(name, where)
            for group, members in groups.items():
                if name in members or (group == "relabelled" and _is_answer(name)):
                    any_of[group] |= where
        for group, where in any_of.items():
            self._show(group, where)
        told = {group: int(where.sum()) for group, where in any_of.items() if where.any()}
        return told | columns

    def _show(self, name: str, where: Flags) -> None:
        shown = np.flatnonzero(where)[:_EXAMPLES]
        if len(shown):
            self.examples[name] = self.ids.take(pa.array(shown)).to_pylist()


def _is_answer(column: str) -> bool:
    return column.startswith(VOTED) and not column.endswith(ANSWER_AGREEMENT)


def _reasons(
    second: Path,
    gone: pa.ChunkedArray,
    taken_down: Collection[str],
    examples: dict[str, list[str]],
) -> dict[str, int]:
    reasons = dict.fromkeys(gone.to_pylist(), "vanished")
    reasons |= _decided(second / "decisions.parquet", gone)
    for id_ in {*taken_down, *_listed(second / TAKEN_DOWN)} & reasons.keys():
        reasons[id_] = "taken down"
    for id_, reason in reasons.items():
        shown = examples.setdefault(reason, [])
        if len(shown) < _EXAMPLES:
            shown.append(id_)
    return dict(sorted(Counter(reasons.values()).items()))


def _decided(path: Path, gone: pa.ChunkedArray) -> dict[str, str]:
    """Why stickers went, by the decisions of the second release: the first rule of each."""
    found: dict[str, str] = {}
    if not path.is_file() or not len(gone):
        return found
    chosen = gone.combine_chunks()
    try:
        with pq.ParquetFile(path) as file:
            if not set(_DECIDED) <= set(file.schema_arrow.names):
                return found
            if not all(fits(file.schema_arrow.field(n).type) for n, fits in _DECIDED.items()):
                raise _unreadable(path, "its columns have other types than those of a release")
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, list(_DECIDED))
                for row in rows.filter(pc.is_in(rows["id"], value_set=chosen)).to_pylist():
                    rules = (reason and reason["rule"] for reason in row["reasons"] or ())
                    rule = next(filter(None, rules), None)
                    outcome = str(row["outcome"]).replace("_", " ")
                    found[row["id"]] = f"{outcome} by {rule}" if rule else outcome
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, one_line(error, 200)) from error
    return found


def _are_reasons(kind: pa.DataType) -> bool:
    if not pa.types.is_list(kind) or not pa.types.is_struct(kind.value_type):
        return False
    place = kind.value_type.get_field_index("rule")
    return place >= 0 and bool(pa.types.is_string(kind.value_type.field(place).type))


_DECIDED = {"id": pa.types.is_string, "outcome": pa.types.is_string, "reasons": _are_reasons}
"""Columns that say why a sticker went, and whether their types are those of a release."""


def _unreadable(path: Path, why: str) -> StickerworksError:
    return StickerworksError(
        f"{path} can't be read: {why}.", "Get that file again: it says why stickers went."
    )


def _listed(path: Path) -> set[str]:
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        return set()
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            return {row[0] for row in csv.reader(file) if row}
    except (csv.Error, OSError) as error:
        raise _unreadable(path, one_line(error, 200)) from error


def _columns(one: pa.Schema, other: pa.Schema) -> dict[str, list[str]]:
    both = set(one.names) & set(other.names)
    types = [n for n in one.names if n in both and one.field(n).type != other.field(n).type]
    return {
        "added": [name for name in other.names if name not in both],
        "removed": [name for name in one.names if name not in both],
        "types": types,
    }


def _notes(first: Path, second: Path) -> list[str]:
    names = [_title(first), _title(second)]
    sums = [listed_sums(first), listed_sums(second)]
    if sums[0] and sums[0] == sums[1]:
        return ["Both have the same checksums: they are the same release."]
    if names[0] and names[0] == names[1]:
        return [f"Both call themselves {names[0]}, and they are not the same."]
    return []


def _title(folder: Path) -> str | None:
    try:
        with (folder / "README.md").open(encoding="utf-8", errors="replace") as card:
            found = (line[2:].strip() for line in card if line.startswith("# "))
            return next(found, None)
    except OSError:
        return None
