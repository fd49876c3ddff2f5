"""Votes become labels (StickerTAG section 3.2): a tag counts when enough annotators gave it.

Of every annotator's actions on a sticker the latest counts, whether vote or skip: a second vote
replaces the first, a skip after a vote withdraws it, and a vote after a skip is a vote. A skip
is no empty set: it never counts as a vote, while an empty set is a valid vote for no tag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.stage import Output, Reader, Step
from schemas.config import Config, MergeConfig
from schemas.tables import LABELS, VOTES

_COLUMNS = ["id", "annotator", "simulated", "skipped", "tags", "domain", "sequence"]
_DOMAINS = ("cartoon", "real")


def merge_votes(
    votes: pa.Table,
    stickers: Sequence[str],
    rule: MergeConfig,
    tagset: Collection[str] | None = None,
) -> pa.Table:
    """The ``labels`` rows of ``stickers``, in their order; votes on others are left out.

    ``votes`` has the columns of the table of that name. Tags outside of ``tagset`` are left out
    and listed; None accepts every tag. The order of the votes' rows matters only between equal
    sequences, where the later row counts.
    """
    return _label_all(current_votes(votes), stickers, rule, tagset)


def current_votes(votes: pa.Table) -> pa.Table:
    """The latest action of each annotator on each sticker, in order of sequence."""
    sequence = pc.fill_null(votes["sequence"], -1).to_numpy()
    ordered = votes.take(pa.array(np.argsort(sequence, kind="stable")))
    ranked = ordered.append_column("rank", pa.array(np.arange(len(ordered))))
    latest = ranked.group_by(["id", "annotator"]).aggregate([("rank", "max")])["rank_max"]
    return ordered.take(pa.array(np.sort(latest.to_numpy())))


def label_sticker(
    votes: Sequence[Mapping[str, Any]], rule: MergeConfig, tagset: Collection[str] | None
) -> dict[str, Any]:
    """Label of one sticker from the current vote of each annotator (without ``id``).

    In this order: ``effective`` when a tag was given by ``rule.agree`` annotators; ``rejected``
    when as many skipped; ``adjudicate`` when ``rule.annotators`` voted and no tag got there;
    ``insufficient`` when fewer voted; ``unlabelled`` when nobody voted or skipped.
    """
    valid = [vote for vote in votes if not vote["skipped"]]
    given = Counter(tag for vote in valid for tag in set(vote["tags"] or ()))
    unknown = sorted(tag for tag in given if tagset is not None and tag not in tagset)
    counts = {tag: count for tag, count in sorted(given.items()) if tag not in unknown}
    effective = [tag for tag, count in counts.items() if count >= rule.agree]
    skips = len(votes) - len(valid)
    return {
        "tags": effective,
        "status": _status(bool(effective), len(valid), skips, rule),
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


def _label_all(
    current: pa.Table,
    stickers: Sequence[str],
    rule: MergeConfig,
    tagset: Collection[str] | None,
) -> pa.Table:
    wanted = pa.array(stickers, pa.string())
    chosen = current.filter(pc.is_in(current["id"], value_set=wanted))
    by_sticker: dict[str, list[dict[str, Any]]] = {}
    for vote in chosen.select(_COLUMNS).to_pylist():
        by_sticker.setdefault(vote["id"], []).append(vote)
    known = None if tagset is None else frozenset(tagset)
    rows = [{"id": key, **label_sticker(by_sticker.get(key, ()), rule, known)} for key in stickers]
    return pa.Table.from_pylist(rows, schema=LABELS.schema)


def _run(reader: Reader, rule: MergeConfig) -> Iterator[Output]:
    current = current_votes(reader.read(VOTES.name, columns=_COLUMNS))
    tags = reader.read("tagset", columns=["tag"])["tag"].to_pylist()
    for part in reader.parts:
        stickers = reader.read("stickers", part, ["id"])["id"].to_pylist()
        # Without a tag set nothing says which tags are unknown.
        yield LABELS.name, part, _label_all(current, stickers, rule, tags or None)


def _settings(config: Config) -> MergeConfig:
    return config.merge


MERGE = Step(
    name="labels",
    version=1,
    reads=("stickers", "votes", "tagset"),
    writes=("labels",),
    settings=_settings,
    run=_run,
    optional=("votes", "tagset"),
)
