"""How far annotators agree: on tag sets, on the domain, on each tag, in each pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.asked import read_questions
from annotation.human.bootstrap import Interval, ratio_interval
from annotation.human.kappa import fleiss_kappa
from annotation.human.masi import masi_alpha, masi_interval
from annotation.human.merge import current_rows, current_votes
from annotation.human.question_agreement import question_rows
from annotation.human.single_values import nominal_alpha, nominal_interval, value_units
from annotation.human.tag_pairs import count_rows
from annotation.human.tag_votes import TagVotes, read_tag_votes
from annotation.human.votes import read_votes
from pipeline.engine.stage import Output, Reader, Step
from schemas.tables import TABLES

_MEASURED = ["id", "annotator", "tags", "domain", "answers", "simulated"]
_COLUMNS = [*_MEASURED, "skipped", "tagset", "sequence", "annotation", "quarantined"]


def summarise(votes: pa.Table, *, resamples: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Everything that a report says of agreement, from the ``votes`` table, as JSON-able values.

    Keys: ``votes`` (valid ones, no skips) and how many are ``simulated``; ``stickers`` (with at
    least two votes), ``alpha`` with ``interval``; ``domain_stickers``, ``domain_alpha``,
    ``domain_interval``, ``domain_kappa`` (see ``Kappa``); ``tags`` (alpha, interval and counts of
    each tag, most given first); ``pairs`` (each pair of annotators: common stickers, mean MASI
    similarity, share of equal sets). Intervals are 95%, over stickers. An alpha is None where it
    is undefined.
    """
    rows = current_rows(votes)
    skipped = pc.fill_null(votes["skipped"], False).to_numpy()[rows]
    valid = votes.select(_MEASURED).take(pa.array(rows[~skipped]))
    sets, domains = read_tag_votes(valid), value_units(valid["id"], valid["domain"])
    drawn = {"resamples": resamples, "seed": seed}
    return {
        "votes": len(valid),
        "simulated": pc.sum(valid["simulated"]).as_py() or 0,
        "stickers": int((sets.given > 1).sum()),
        "alpha": masi_alpha(sets),
        "interval": masi_interval(sets, **drawn),
        "domain_stickers": sum(count for unit, count in domains.items() if len(unit) > 1),
        "domain_alpha": nominal_alpha(domains),
        "domain_interval": nominal_interval(domains, **drawn),
        "domain_kappa": asdict(fleiss_kappa(domains, **drawn)),
        "tags": tag_alphas(sets, **drawn),
        "pairs": pairwise(sets),
    }


def _measure(reader: Reader, settings: Any) -> Iterator[Output]:
    votes = read_votes(reader, _COLUMNS)
    rows = _rows(summarise(votes, **settings))
    questions = read_questions(reader.read("questions"))
    rows[2:2] = question_rows(current_votes(votes), questions, **settings)
    yield "agreement", None, pa.Table.from_pylist(rows, schema=TABLES["agreement"].schema)


def _rows(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    if not said["pairs"]:  # nobody voted on what somebody else voted on
        return []
    sets = {"stickers": said["stickers"], "alpha": said["alpha"]}
    domain = {"stickers": said["domain_stickers"], "alpha": said["domain_alpha"]}
    return [
        {"measure": "tag_sets", **sets, **_ends(said["interval"])},
        {"measure": "domain", **domain, **_ends(said["domain_interval"])}
        | {"kappa": said["domain_kappa"]["kappa"]},
        *({"measure": "tag", **row, **_ends(row["interval"])} for row in said["tags"]),
        *({"measure": "pair", **row} for row in said["pairs"]),
    ]


def _ends(interval: Interval | None) -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {"low": low, "high": high}


_READ = ("votes", "decisions", "tag_changes", "questions")
AGREEMENT = Step(
    name="agreement",
    version=3,
    reads=_READ,
    writes=("agreement",),
    settings=lambda config: {"resamples": 1000, "seed": 0},
    run=_measure,
    optional=_READ,
)


def tag_alphas(votes: TagVotes, *, resamples: int = 1000, seed: int = 0) -> list[dict[str, Any]]:
    """Alpha of each tag by itself (given or not) with its interval, most given first.

    ``stickers`` counts those where anybody gave it, ``agreed`` those where at least two did.
    """
    sizes = Counter(votes.given[votes.given > 1].tolist())
    found = _tag_kinds(votes)
    given = {tag: sum(n * count for (count, _), n in kinds.items()) for tag, kinds in found.items()}
    rows = []
    for tag in sorted(given, key=lambda tag: (-given[tag], tag)):
        kinds = found[tag]
        alpha, interval = _binary(kinds, sizes, {"resamples": resamples, "seed": seed})
        agreed = sum(n for (count, _), n in kinds.items() if count > 1)
        rows.append({"tag": tag, "alpha": alpha, "interval": interval})
        rows[-1] |= {"stickers": sum(kinds.values()), "agreed": agreed}
    return rows


def _tag_kinds(votes: TagVotes) -> dict[str, Counter[tuple[int, int]]]:
    """Of each tag: how many stickers' votes, of how many, gave it; and how many stickers so."""
    paired = np.flatnonzero(votes.paired)
    chosen = votes.sets[votes.chosen[paired]].tocoo()
    width = votes.sets.shape[1]
    pairs = votes.sticker[paired][chosen.row] * width + chosen.col
    distinct, count = np.unique(pairs, return_counts=True)
    kinds, stickers = count_rows(distinct % width, count, votes.given[distinct // width])
    found: dict[str, Counter[tuple[int, int]]] = {}
    for (tag, given, size), n in zip(kinds.tolist(), stickers.tolist(), strict=True):
        found.setdefault(votes.tags[tag].as_py(), Counter())[given, size] = n
    return found


def _binary(
    kinds: Mapping[tuple[int, int], int], sizes: Mapping[int, int], drawn: Mapping[str, int]
) -> tuple[float | None, Interval | None]:
    """Alpha of a tag; ``kinds`` counts units in which ``count`` of ``size`` annotators gave it."""
    votes = sum(size * n for size, n in sizes.items())
    given = sum(count * n for (count, _), n in kinds.items())
    if given == votes:
        return None, None
    units: Counter[tuple[float, float]] = Counter({(0.0, s): n for s, n in sizes.items()})
    for (count, size), n in kinds.items():
        units[0.0, size] -= n
        units[2 * count * (size - count) / (size - 1), size] += n
    expected = 2 * given * (votes - given) / (votes * (votes - 1))
    low, high = ratio_interval(+units, resamples=drawn["resamples"], seed=drawn["seed"])
    alpha = 1 - sum(a * n for (a, _), n in units.items()) / votes / expected
    return alpha, (1 - high / expected, 1 - low / expected)


def pairwise(votes: TagVotes) -> list[dict[str, Any]]:
    """Agreement of each two annotators on the stickers that both voted on."""
    one, other = votes.pairs()
    width = len(votes.annotators)
    pairs, place = np.unique(
        votes.annotator[one] * width + votes.annotator[other], return_inverse=True
    )
    distances = votes.distances(one, other)
    stickers = np.bincount(place, minlength=len(pairs))
    similar = np.bincount(place, weights=1 - distances, minlength=len(pairs))
    equal = np.bincount(place[distances == 0], minlength=len(pairs))
    names = votes.annotators.to_pylist()
    return [
        {
            "annotators": [names[pair // width], names[pair % width]],
            "stickers": count,
            "masi": alike / count,
            "equal": same / count,
        }
        for pair, count, alike, same in zip(
            pairs.tolist(), stickers.tolist(), similar.tolist(), equal.tolist(), strict=True
        )
    ]
