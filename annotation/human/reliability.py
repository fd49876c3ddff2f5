"""How reliable each annotator is when nobody knows the truth (Dawid and Skene 1979).

The model takes the true answer of each sticker for hidden and estimates it together with every
annotator's rates of error. It is a diagnostic of annotators only: labels come from the vote rule.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from annotation.human.votes import by_sticker, counting_votes
from pipeline.engine.extras import need_extra

_MODULE = "crowdkit.aggregation.classification.dawid_skene"
GIVEN, WITHHELD = "given", "withheld"
_ROUNDS = 200
_TOLERANCE = 1e-7


@dataclass(frozen=True)
class Reliability:
    """An annotator's ``votes`` and, for each value, how likely they say it where it is true."""

    annotator: str
    votes: int
    right: dict[str, float]


@dataclass(frozen=True)
class ReliabilityEstimate:
    """What the model makes of one question: how common each value truly is, and who errs.

    ``tag`` is None for the domain. ``annotators`` are in order of name.
    """

    tag: str | None
    stickers: int
    shares: dict[str, float]
    annotators: tuple[Reliability, ...]


def domain_reliability(votes: pa.Table) -> ReliabilityEstimate | None:
    """Reliability on the domain; None when fewer than two domains were voted for.

    Raises StickerworksError when crowd-kit isn't installed.
    """
    cast = [
        (vote.id, vote.annotator, vote.domain)
        for unit in by_sticker(counting_votes(votes)).values()
        for vote in unit.values()
        if vote.domain
    ]
    return _estimate(None, cast)


def tag_reliabilities(votes: pa.Table, *, least: int = 30) -> list[ReliabilityEstimate]:
    """Reliability on each tag given at least ``least`` times, most given first.

    For a tag the values are ``given`` and ``withheld``. Fewer votes than that say little of an
    error rate, and every tag takes a good half second at 40,000 votes. Raises StickerworksError
    when crowd-kit isn't installed.
    """
    units = by_sticker(counting_votes(votes))
    given = Counter(tag for unit in units.values() for vote in unit.values() for tag in vote.tags)
    found = []
    often = [tag for tag, count in given.items() if count >= least]
    for tag in sorted(often, key=lambda tag: (-given[tag], tag)):
        cast = [
            (vote.id, vote.annotator, GIVEN if tag in vote.tags else WITHHELD)
            for unit in units.values()
            for vote in unit.values()
        ]
        estimate = _estimate(tag, cast)
        if estimate is not None:
            found.append(estimate)
    return found


def _estimate(tag: str | None, cast: Sequence[tuple[str, str, str]]) -> ReliabilityEstimate | None:
    crowdkit = need_extra(_MODULE, "reliability", "The model of Dawid and Skene")
    if len({value for _, _, value in cast}) < 2:
        return None
    import pandas as pd

    data = pd.DataFrame(cast, columns=["task", "worker", "label"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas, on arguments that crowd-kit still passes
        fitted = crowdkit.DawidSkene(n_iter=_ROUNDS, tol=_TOLERANCE).fit(data)
    counts = Counter(name for _, name, _ in cast)
    values = sorted(str(value) for value in fitted.priors_.index)
    return ReliabilityEstimate(
        tag=tag,
        stickers=len({sticker for sticker, _, _ in cast}),
        shares={value: float(fitted.priors_[value]) for value in values},
        annotators=tuple(
            Reliability(name, counts[name], _right(fitted.errors_, name, values))
            for name in sorted(counts)
        ),
    )


def _right(errors: Any, name: str, values: Iterable[str]) -> dict[str, float]:
    """The diagonal of an annotator's confusion matrix; what was never said has no row in it."""
    return {
        value: float(errors.loc[(name, value), value]) if (name, value) in errors.index else 0.0
        for value in values
    }
