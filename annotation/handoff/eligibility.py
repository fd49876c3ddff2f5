"""Which set a sticker may be trained or validated in, if any: test stickers never leave."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.errors import StickerworksError
from pipeline.engine.withheld import withheld_stickers
from pipeline.engine.workspace import Workspace

SETS = ("train", "validation")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COLUMNS = {
    "splits": ["id", "split", "group"],
    "duplicates": ["id", "group", "template_id"],
    "decisions": ["id", "kept"],
}

Key = tuple[str, str, str]
"""Table, column and value that related stickers share."""


@dataclass(frozen=True)
class Eligibility:
    """Where a sticker goes: ``train`` or ``validation``, or None and the reason why not."""

    split: str | None
    reason: str | None = None


@dataclass
class _Facts:
    split: str | None = None
    kept: bool | None = None
    known: bool = False
    keys: list[Key] = field(default_factory=list)


def read_eligibility(workspace: Workspace, wanted: Collection[str]) -> dict[str, Eligibility]:
    """The eligibility of each of the ``wanted`` stickers.

    Related stickers (near-duplicates, one template, one group of the split) decide together: one
    of them in test keeps all of them out. Raises StickerworksError before the first split.
    """
    if not workspace.parts or not workspace.complete("splits"):
        raise StickerworksError(
            f"{workspace.name} has stickers without a split: a training set made now could hold "
            "what will be tested on.",
            "Run `stickerworks split` first.",
        )
    facts = _read_facts(workspace, wanted)
    shared = _splits_by_key(workspace, {key for fact in facts.values() for key in fact.keys})
    withheld = withheld_stickers(workspace)
    return {id_: _decide(id_, facts[id_], shared, id_ in withheld) for id_ in wanted}


def _decide(id_: str, facts: _Facts, shared: Mapping[Key, set[str]], withheld: bool) -> Eligibility:
    around = {split for key in facts.keys for split in shared.get(key, ())}
    reasons = {
        "its id is no sha256": not _SHA256.fullmatch(id_),
        "the workspace doesn't have it": not facts.known,
        "it was flagged, or looks like one that was": withheld,
        "it was dropped": facts.kept is not True,
        "it is in no split": facts.split is None,
        "it is in test": facts.split not in SETS,
        "a sticker related to it is in test": not around <= set(SETS),
        "stickers related to it are in another split": len(around) > 1,
    }
    reason = next((reason for reason, holds in reasons.items() if holds), None)
    return Eligibility(facts.split) if reason is None else Eligibility(None, reason)


def _read_facts(workspace: Workspace, wanted: Collection[str]) -> dict[str, _Facts]:
    facts = {id_: _Facts() for id_ in wanted}
    chosen = pa.array(sorted(wanted), pa.string())
    for table, row in _rows(workspace, chosen):
        fact = facts[row["id"]]
        fact.known = True
        fact.kept = row.get("kept", fact.kept)
        fact.split = row.get("split", fact.split)
        shared = ((table, name, row.get(name)) for name in ("group", "template_id"))
        fact.keys += [(table, name, value) for table, name, value in shared if value]
    return facts


def _rows(workspace: Workspace, chosen: pa.Array) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in workspace.parts:
        for table, columns in {"stickers": ["id"], **_COLUMNS}.items():
            rows = workspace.read(table, part, columns)
            for row in rows.filter(pc.is_in(rows["id"], value_set=chosen)).to_pylist():
                yield table, row


def _splits_by_key(workspace: Workspace, keys: Collection[Key]) -> dict[Key, set[str]]:
    """The splits in which stickers with each key lie."""
    found: dict[Key, set[str]] = {}
    for part in workspace.parts:
        splits = workspace.read("splits", part, ["id", "split"])
        split_of = dict(zip(splits["id"].to_pylist(), splits["split"].to_pylist(), strict=True))
        for table, name in {(table, name) for table, name, _ in keys}:
            values = pa.array(sorted(v for t, n, v in keys if (t, n) == (table, name)), pa.string())
            rows = workspace.read(table, part, ["id", name])
            rows = rows.filter(pc.is_in(rows[name], value_set=values))
            for id_, value in zip(rows["id"].to_pylist(), rows[name].to_pylist(), strict=True):
                if split := split_of.get(id_):
                    found.setdefault((table, name, value), set()).add(split)
    return found
