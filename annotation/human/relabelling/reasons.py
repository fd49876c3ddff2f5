"""Why a sticker stands where it does, in words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from annotation.human.relabelling.given import Floats
from annotation.human.relabelling.ranking import Ranked

_CAREFUL = 1.5
_BANDS = ((0.5, "likely wrong"), (0.15, "may be wrong"), (0.0, "probably right"))
"""The chances are estimates, too low where people err alike: figures would promise too much."""
_FAR = np.log(2)
_RARE = 20
_TAGS = 3


def reasons_of(ranked: Ranked, pair: int) -> Iterator[str]:
    """What is doubtful of the pair that pays most: its votes, its voters, the baseline, the tag."""
    given, gains = ranked.given, ranked.gains
    name = given.tags[int(given.tag[pair])].as_py()
    yield _votes(ranked, pair)
    label = "given" if gains.effective[pair] else "not given"
    band = next(told for least, told in _BANDS if gains.wrong[pair] >= least)
    yield f"{name!r} is {label}: {band}"
    yield from _voters(ranked, pair)
    yield from _baseline(ranked, pair, name)
    stands = int(gains.effective[given.tag == given.tag[pair]].sum())
    if stands < _RARE:
        yield f"{name!r} is rare ({stands} stickers have it), so that each one counts"


def _votes(ranked: Ranked, pair: int) -> str:
    given = ranked.given
    here = np.flatnonzero(given.sticker == given.sticker[pair])
    order = here[np.lexsort((given.tag[here], -given.yes[here]))]
    told = [f"{given.yes[p]} for {given.tags[int(given.tag[p])].as_py()!r}" for p in order[:_TAGS]]
    more = f" and {len(order) - _TAGS} more" if len(order) > _TAGS else ""
    return f"of {given.votes[given.sticker[pair]]} votes {', '.join(told)}{more}"


def _voters(ranked: Ranked, pair: int) -> Iterator[str]:
    """People who gave the tag, or didn't, and whose tags are wrong unusually often."""
    given = ranked.given
    errs = errors_of(ranked)
    usual = float(np.average(errs, weights=np.maximum(1, given.cast)))
    rows = np.flatnonzero(given.pair == pair)
    doubtful = [
        (given.annotators[int(given.annotator[row])].as_py(), errs[given.annotator[row]])
        for row in rows
        if errs[given.annotator[row]] > _CAREFUL * usual
    ]
    if doubtful:
        named, share = max(doubtful, key=lambda one: one[1])
        yield (
            f"{named} voted on it, whose tags seem wrong more often than others' "
            f"({share:.0%}, {usual:.0%} is usual)"
        )


def errors_of(ranked: Ranked) -> Floats:
    """Of each annotator, the estimated share of the tags given that are wrong."""
    given = ranked.given
    people = len(given.annotators)
    who, pairs = given.annotator[given.said], given.pair[given.said]
    gave = np.bincount(who, minlength=people)
    wrong = np.bincount(who, weights=1 - ranked.beliefs.right[pairs], minlength=people)
    found: Floats = wrong / np.maximum(1, gave)
    return found


def _baseline(ranked: Ranked, pair: int, name: str) -> Iterator[str]:
    if ranked.evidence is None or not np.isfinite(ranked.evidence.rank[pair]):
        return
    odds, rank = float(ranked.evidence.odds[pair]), float(ranked.evidence.rank[pair])
    if abs(odds) < _FAR:
        yield f"the baseline can't tell about {name!r}"
    elif odds < 0:
        yield f"the baseline is surer of {name!r} on {1 - rank:.0%} of the stickers without it"
    else:
        yield f"the baseline is surer of {name!r} than on {rank:.0%} of the stickers without it"
