"""Votes become labels (StickerTAG section 3.2): a tag counts when enough annotators gave it.

Of each annotation its latest version counts, and of each annotator the latest vote; a skip counts
where an annotator left no vote. A skip is no empty set: it never counts as a vote, while an empty
set is a valid vote for no tag. What was quarantined never counts, and replaces nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.migration import migrate, read_changes
from pipeline.engine.stage import Output, Reader, Step
from schemas.config import Config, MergeConfig
from schemas.tables import ADJUDICATIONS, LABELS, VOTES

_CAST = ["id", "skipped", "tags", "domain", "tagset", "sequence", "annotation", "quarantined"]
_VOTE = [*_CAST, "annotator", "origin", "simulated"]
_DECISION = [*_CAST, "adjudicator"]
_DOMAINS = ("cartoon", "real")

Decisions = Mapping[str, Mapping[str, Any]]
"""The adjudicator's latest word on a sticker, by id."""


def merge_votes(
    votes: pa.Table,
    stickers: Sequence[str],
    rule: MergeConfig,
    tagset: Collection[str] | None = None,
    decisions: Decisions | None = None,
) -> pa.Table:
    """The ``labels`` rows of ``stickers``, in their order; votes on others are left out.

    ``votes`` has the columns of the table of that name. Tags outside of ``tagset`` are left out
    and listed; None accepts every tag. The order of the votes' rows matters only between equal
    sequences, where the later row counts. ``decisions`` settle what the votes leave to an
    adjudicator; a decision all of whose tags are unknown is ignored.
    """
    known = None if tagset is None else frozenset(tagset)
    return _label_all(current_votes(votes), stickers, _Rule(rule, known, decisions or {}))


def current_votes(votes: pa.Table) -> pa.Table:
    """The current vote or skip of each annotator on each sticker, in order of sequence."""
    counting = _latest_versions(votes, "annotator")
    # A vote outranks every skip of the same annotator; among equals the latest wins.
    voted = pc.if_else(pc.fill_null(counting["skipped"], False), 0, len(counting)).to_numpy()
    ranks = np.arange(len(counting)) + voted
    ranked = counting.append_column("rank", pa.array(ranks, pa.int64()))
    best = ranked.group_by(["id", "annotator"]).aggregate([("rank", "max")])["rank_max"].to_numpy()
    return counting.take(pa.array(np.sort(best % max(len(counting), 1))))


def current_decisions(adjudications: pa.Table) -> dict[str, dict[str, Any]]:
    """The latest decision on each sticker; an adjudicator who skips decides nothing."""
    rows = _latest_versions(adjudications, "adjudicator").to_pylist()
    return {row["id"]: row for row in rows if not row["skipped"]}


def decides(decision: Mapping[str, Any], tagset: Collection[str] | None) -> bool:
    """Whether a decision settles its sticker: not when it gives tags, and all are unknown."""
    given = set(decision["tags"] or ())
    return not given or tagset is None or not given.isdisjoint(tagset)


def label_sticker(
    votes: Sequence[Mapping[str, Any]], rule: MergeConfig, tagset: Collection[str] | None
) -> dict[str, Any]:
    """Label of one sticker from the current vote of each annotator (without ``id``).

    In this order: ``effective`` when a tag was given by ``rule.agree`` annotators; ``rejected``
    when as many skipped; ``adjudicate`` when ``rule.annotators`` voted and no tag got there;
    ``insufficient`` when fewer voted; ``unlabelled`` when nobody voted or skipped. A vote all of
    whose tags are unknown is not a vote for no tag, so it is no valid vote.
    """
    cast = [vote for vote in votes if not vote["skipped"]]
    given = Counter(tag for vote in cast for tag in set(vote["tags"] or ()))
    unknown = sorted(tag for tag in given if tagset is not None and tag not in tagset)
    valid = [vote for vote in cast if not vote["tags"] or not set(vote["tags"]) <= set(unknown)]
    counts = {tag: count for tag, count in sorted(given.items()) if tag not in unknown}
    effective = [tag for tag, count in counts.items() if count >= rule.agree]
    skips = len(votes) - len(cast)
    status = _status(bool(effective), len(valid), skips, rule)
    if status == "unlabelled" and votes:
        status = "insufficient"
    return {
        "tags": effective,
        "status": status,
        "domain": _majority([vote["domain"] for vote in valid]),
        "votes": len(valid),
        "skips": skips,
        "counts": [{"tag": tag, "votes": count} for tag, count in counts.items()],
        "unknown_tags": unknown,
        "provenance": "votes" if votes else None,
        "simulated": any(vote["simulated"] for vote in votes),
    }


def _status(effective: bool, valid: int, skips: int, rule: MergeConfig) -> str:
    if effective:
        return "effective"
    if skips >= rule.agree:
        return "rejected"
    if valid >= rule.annotators:
        return "adjudicate"
    return "insufficient" if valid or skips else "unlabelled"


def _majority(domains: Sequence[str | None]) -> str | None:
    cartoon, real = (domains.count(domain) for domain in _DOMAINS)
    if cartoon == real:
        return None
    return "cartoon" if cartoon > real else "real"


@dataclass(frozen=True)
class _Rule:
    """What turns votes into a label: the settings, the known tags, the adjudicator's decisions."""

    merge: MergeConfig
    tags: frozenset[str] | None
    decisions: Decisions

    def label(self, sticker: str, votes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        label = {"id": sticker, **label_sticker(votes, self.merge, self.tags)}
        decision = self.decisions.get(sticker)
        if label["status"] != "adjudicate" or decision is None:
            return label
        given = set(decision["tags"] or ())
        tags = sorted(given if self.tags is None else given & self.tags)
        label["unknown_tags"] = sorted(given.difference(tags).union(label["unknown_tags"]))
        if not decides(decision, self.tags):
            return label
        settled = {"tags": tags, "status": "effective" if tags else "rejected"}
        domain = decision["domain"] or label["domain"]
        return {**label, **settled, "domain": domain, "provenance": "adjudication"}


def _latest_versions(cast: pa.Table, caster: str) -> pa.Table:
    """Rows that count, the latest of each annotation alone, in order of sequence."""
    cast = cast.filter(pc.is_null(cast["quarantined"]))
    sequence = pc.fill_null(cast["sequence"], -1).to_numpy()
    ordered = cast.take(pa.array(np.argsort(sequence, kind="stable")))
    # Rows without an annotation's id are annotations of their own.
    own = pa.array([f"row {n}" for n in range(len(ordered))], pa.string())
    named = ordered.append_column("name", pc.coalesce(ordered["annotation"], own))
    ranked = named.append_column("rank", pa.array(np.arange(len(ordered)), pa.int64()))
    keys = ["id", caster, "name"]
    latest = ranked.group_by(keys).aggregate([("rank", "max")])["rank_max"]
    return ordered.take(pa.array(np.sort(latest.to_numpy())))


def _label_all(current: pa.Table, stickers: Sequence[str], rule: _Rule) -> pa.Table:
    wanted = pa.array(stickers, pa.string())
    chosen = current.filter(pc.is_in(current["id"], value_set=wanted))
    by_sticker: dict[str, list[dict[str, Any]]] = {}
    for vote in chosen.select(["id", "skipped", "tags", "domain", "simulated"]).to_pylist():
        by_sticker.setdefault(vote["id"], []).append(vote)
    rows = [rule.label(key, by_sticker.get(key, ())) for key in stickers]
    return pa.Table.from_pylist(rows, schema=LABELS.schema)


def _run(reader: Reader, merge: MergeConfig) -> Iterator[Output]:
    changes = read_changes(reader.read("tag_changes"))
    current = current_votes(migrate(reader.read(VOTES.name, columns=_VOTE), changes))
    decided = migrate(reader.read(ADJUDICATIONS.name, columns=_DECISION), changes)
    # What people chose from counts; where nobody exported a ballot, the tag set is all we know.
    ballot = reader.read("ballot", columns=["tag"])["tag"].to_pylist()
    tags = ballot or reader.read("tagset", columns=["tag"])["tag"].to_pylist()
    rule = _Rule(merge, frozenset(tags) if tags else None, current_decisions(decided))
    for part in reader.parts:
        stickers = reader.read("stickers", part, ["id"])["id"].to_pylist()
        labels = _label_all(current, stickers, rule)
        yield LABELS.name, part, _blank_dropped(labels, reader.read("decisions", part))


def _blank_dropped(labels: pa.Table, decisions: pa.Table) -> pa.Table:
    """Take the labels away from stickers that the filter, or a reviewer, has dropped since."""
    gone = set(decisions.filter(pc.invert(decisions["kept"]))["id"].to_pylist())
    if not gone:
        return labels
    rows = [
        dict.fromkeys(LABELS.schema.names) | {"id": row["id"], "status": "dropped"}
        if row["id"] in gone
        else row
        for row in labels.to_pylist()
    ]
    return pa.Table.from_pylist(rows, schema=LABELS.schema)


def _settings(config: Config) -> MergeConfig:
    return config.merge


MERGE = Step(
    name="labels",
    version=3,
    reads=("stickers", "decisions", "votes", "adjudications", "tagset", "ballot", "tag_changes"),
    writes=("labels",),
    settings=_settings,
    run=_run,
    optional=("decisions", "votes", "adjudications", "tagset", "ballot", "tag_changes"),
)
