"""From votes to labels (StickerTAG section 3.2), for many stickers at a time.

In this order, a sticker is ``effective`` when a tag was given by ``agree`` annotators (of more
votes than ``annotators``, by as many as ``needed_votes`` says);
``rejected`` when as many skipped; ``adjudicate`` when ``annotators`` voted and no tag got there;
``insufficient`` when fewer voted; ``unlabelled`` when nobody voted or skipped. A vote all of whose
tags are unknown is not a vote for no tag, so it is no valid vote. Of what is left to an
adjudicator, the decision settles the status: ``rejected`` without tags. A decision all of whose
tags are unknown, or that says nothing of tags (null), is ignored.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.tag_pairs import Flags, Ints, TagPairs
from schemas.config import MergeConfig
from schemas.tables import LABELS

_DOMAINS = ("cartoon", "real")
_NOTHING = np.array(None)


def needed_votes(valid: Ints, rule: MergeConfig) -> Ints:
    """Votes that a value needs of so many valid ones: ``agree``; of more than ``annotators``, more
    than ``(agree - 1/2) / annotators`` of them, which for 2 of 3 is more than half.

    The whole share, 2 of 3 and so 4 of 5, would have further votes at random make labels worse
    (docs/relabelling.md).

    >>> needed_votes(np.array([2, 3, 4, 5, 6]), MergeConfig()).tolist()
    [2, 2, 3, 3, 4]
    """
    more = (2 * rule.agree - 1) * valid // (2 * rule.annotators) + 1
    return np.maximum(more, rule.agree)


def label_stickers(
    ids: pa.Array,
    votes: pa.Table,
    decisions: pa.Table,
    rule: MergeConfig,
    tagset: Collection[str] | None,
) -> pa.Table:
    """The ``labels`` rows of ``ids``, from the current votes on them and decisions about them.

    There is at most one vote of each annotator on a sticker, and one decision about it; what
    others got is passed over. Tags outside of ``tagset`` are left out and listed; None accepts
    every tag.
    """
    count = len(ids)
    votes, sticker = _about(ids, votes)
    decisions, decided = _about(ids, decisions)
    given, said = (table["tags"].combine_chunks() for table in (votes, decisions))
    tags = TagPairs([given, said], tagset)
    skipped = pc.fill_null(votes["skipped"], False).to_numpy()
    given = tags.pairs(np.arange(len(votes)), given)
    given = given[~skipped[tags.owner(given)]]
    valid = ~skipped & _valid(given, tags, len(votes))
    each = sticker[tags.owner(given)] * tags.width + given % tags.width
    counted, counts = np.unique(each, return_counts=True)
    known = tags.known(counted)
    answers, skips, votes_valid = (
        np.bincount(sticker[chosen], minlength=count) for chosen in (..., skipped, valid)
    )
    effective = counted[known & (counts >= needed_votes(votes_valid, rule)[tags.owner(counted)])]
    agreed = _any(tags.owner(effective), count)
    rejected = ~agreed & (skips >= rule.agree)
    disputed = ~agreed & ~rejected & (votes_valid >= rule.annotators)

    spoken = decided[pc.is_valid(said).to_numpy(zero_copy_only=False)]
    said = tags.pairs(decided, said)
    said = said[disputed[tags.owner(said)]]
    settled = disputed & _any(spoken, count) & _valid(said, tags, count)
    chosen = said[tags.known(said)]
    unknown = np.concatenate([counted[~known], said[~tags.known(said)]])
    columns = {
        "id": ids,
        "tags": tags.lists(np.union1d(effective, chosen), count),
        "status": np.select(
            [agreed | _any(tags.owner(chosen), count), rejected | settled, disputed, answers > 0],
            ["effective", "rejected", "adjudicate", "insufficient"],
            "unlabelled",
        ),
        "domain": _domains(votes.filter(valid), sticker[valid], decisions, decided, settled),
        "votes": votes_valid,
        "skips": skips,
        "counts": tags.lists(counted[known], count, counts[known]),
        "unknown_tags": tags.lists(np.unique(unknown), count),
        "answers": pa.nulls(count, LABELS.schema.field("answers").type),
        "domain_reviewed": np.zeros(count, bool),
        "provenance": np.select([settled, answers > 0], ["adjudication", "votes"], _NOTHING),
        "simulated": _any(sticker[pc.fill_null(votes["simulated"], False).to_numpy()], count),
    }
    return pa.table(columns, schema=LABELS.schema)


def _about(ids: pa.Array, said: pa.Table) -> tuple[pa.Table, Ints]:
    """What was said of ``ids``, and the place there of each."""
    places = pc.index_in(said["id"], value_set=ids)
    known = pc.is_valid(places)
    return said.filter(known), places.filter(known).to_numpy().astype(np.int64)


def _valid(pairs: Ints, tags: TagPairs, owners: int) -> Flags:
    """Which owners gave no tag, or a known one."""
    some, known = (_any(tags.owner(given), owners) for given in (pairs, pairs[tags.known(pairs)]))
    return ~some | known


def _domains(
    votes: pa.Table, sticker: Ints, decisions: pa.Table, decided: Ints, settled: Flags
) -> npt.NDArray[np.object_]:
    """Majority of the valid votes, None on a tie; where one settled the sticker, the decision's."""
    given = votes["domain"].to_numpy()
    cartoon, real = (
        np.bincount(sticker[given == domain], minlength=len(settled)) for domain in _DOMAINS
    )
    domains = np.select([cartoon > real, real > cartoon], _DOMAINS, _NOTHING)
    theirs = decisions["domain"].to_numpy()
    says = settled[decided] & (theirs != _NOTHING) & (theirs != "")
    domains[decided[says]] = theirs[says]
    return domains


def _any(places: Ints, count: int) -> Flags:
    """Which of so many places occur."""
    found = np.zeros(count, dtype=bool)
    found[places] = True
    return found
