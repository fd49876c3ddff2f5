"""What a naming changes of the tag set in use, where it decides about the same proposals again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from pipeline.engine.text import plain, some
from pipeline.tags.name_forms import same_name
from pipeline.tags.named import Tables, read_named
from pipeline.tags.naming.freeze import Frozen

_GONE = {"drop": "dropped", "block": "blocked"}


@dataclass(frozen=True)
class Correction:
    """The set that is corrected, who named it and when, and what is decided otherwise now."""

    number: int
    who: str | None
    when: str | None
    changes: tuple[str, ...]

    def __str__(self) -> str:
        rows = "1 row" if len(self.changes) == 1 else f"{len(self.changes):,} rows"
        by = ", ".join(part for part in (self.who and f"by {self.who}", self.when) if part)
        what = f"tag set {self.number} ({by})" if by else f"tag set {self.number}"
        return plain(f"This corrects {what}: {rows} decided otherwise: {some(self.changes)}")

    def is_of_another(self, who: str | None) -> bool:
        """Whether somebody else named that set, as far as both are known."""
        return bool(self.who and who) and same_name(self.who or "") != same_name(who or "")


def correction(tables: Tables, frozen: Frozen) -> Correction | None:
    """What a set that isn't written yet corrects; None where it changes nothing, or begins anew."""
    named = read_named(tables)
    if not named.number or not frozen.changed or frozen.tags["basis"][0].as_py() != named.basis:
        return None
    naming = tables.read("naming")
    before = _by_row(naming.filter(pc.equal(naming["number"], named.number)).to_pylist())
    after = _by_row(frozen.naming.to_pylist())
    ids = dict(zip(*(named.tags[name].to_pylist() for name in ("tag", "id")), strict=True))
    first = named.tags.slice(0, 1).to_pylist()[0]
    changes = [
        _change(before.get(row), after.get(row), ids)
        for row in sorted({*before, *after}, key=_order)
        if _decided(before.get(row)) != _decided(after.get(row))
    ]
    return Correction(named.number, first["named_by"], first["named_at"], tuple(changes))


def _by_row(rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows by their key; those that were added by their name."""
    return {(row["key"] or "", "" if row["key"] else same_name(row["name"])): row for row in rows}


def _order(row: tuple[str, str]) -> tuple[bool, int, str, str]:
    key, name = row
    return not key, len(key), key, name


def _decided(row: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (row or {}).items() if name != "number"}


def _change(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, ids: Mapping[str, str]
) -> str:
    row = before or after or {}
    id_ = ids.get(before["name"] or "") if before and before["decision"] in ("keep", "add") else ""
    told, was, now = id_ or row["key"] or "", _told(before), _told(after)
    if was == now:
        names = ("english", "group", "aliases", "keywords", "words", "note", "name")
        other = [n for n in names if before and after and before[n] != after[n]]
        now = f"{now}, with another {' and '.join(other)}" if other else now
    return f"{told} {was} -> {now}".strip()


def _told(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "nothing"
    if row["decision"] == "merge":
        return f"merged into {row['into']}"
    return _GONE.get(row["decision"]) or str(row["name"])
