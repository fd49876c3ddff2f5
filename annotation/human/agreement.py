"""How far annotators agree: on tag sets, on the domain, on each tag, in each pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import pyarrow as pa

from annotation.human.bootstrap import Interval, counted, ratio_interval
from annotation.human.kappa import fleiss_kappa
from annotation.human.masi import masi_alpha, masi_distance, masi_interval
from annotation.human.votes import TagSet, by_sticker, counting_votes, read_votes
from pipeline.engine.stage import Output, Reader, Step
from schemas.tables import TABLES


def summarise(votes: pa.Table, *, resamples: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Everything that a report says of agreement, from the ``votes`` table, as JSON-able values.

    Keys: ``votes`` (valid ones, no skips) and how many are ``simulated``; ``stickers`` (with at
    least two votes), ``alpha`` with ``interval``; ``domain_stickers``, ``domain_alpha``,
    ``domain_interval``, ``domain_kappa`` (see ``Kappa``); ``tags`` (alpha, interval and counts of
    each tag, most given first); ``pairs`` (each pair of annotators: common stickers, mean MASI
    similarity, share of equal sets). Intervals are 95%, over stickers. An alpha is None where it
    is undefined.
    """
    stickers = by_sticker(counting_votes(votes))
    units = [{name: vote.tags for name, vote in unit.items()} for unit in stickers.values()]
    sets = [list(unit.values()) for unit in units]
    domains = [[vote.domain for vote in unit.values() if vote.domain] for unit in stickers.values()]
    drawn = {"resamples": resamples, "seed": seed}
    return {
        "votes": sum(len(unit) for unit in units),
        "simulated": sum(vote.simulated for unit in stickers.values() for vote in unit.values()),
        "stickers": sum(len(unit) > 1 for unit in sets),
        "alpha": masi_alpha(sets),
        "interval": masi_interval(sets, **drawn),
        "domain_stickers": sum(len(unit) > 1 for unit in domains),
        "domain_alpha": nominal_alpha(domains),
        "domain_interval": nominal_interval(domains, **drawn),
        "domain_kappa": asdict(fleiss_kappa(domains, **drawn)),
        "tags": tag_alphas(sets, **drawn),
        "pairs": pairwise(units),
    }


def _measure(reader: Reader, settings: Any) -> Iterator[Output]:
    rows = _rows(summarise(read_votes(reader), **settings))
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


AGREEMENT = Step(
    name="agreement",
    version=2,
    reads=("votes", "decisions", "tag_changes"),
    writes=("agreement",),
    settings=lambda config: {"resamples": 1000, "seed": 0},
    run=_measure,
    optional=("votes", "decisions", "tag_changes"),
)


def nominal_alpha(units: Sequence[Sequence[str]]) -> float | None:
    """Krippendorff's alpha of single values, such as the domain; None where undefined."""
    observed, expected = _nominal(units)
    if not expected:
        return None
    return 1 - sum(a for a, _ in observed) / sum(b for _, b in observed) / expected


def nominal_interval(
    units: Sequence[Sequence[str]], *, resamples: int = 1000, seed: int = 0
) -> Interval | None:
    """95% bootstrap interval of ``nominal_alpha`` over units, as ``masi_interval`` draws it."""
    observed, expected = _nominal(units)
    if not expected:
        return None
    low, high = ratio_interval(counted(observed), resamples=resamples, seed=seed)
    return 1 - high / expected, 1 - low / expected


def _nominal(units: Sequence[Sequence[str]]) -> tuple[list[tuple[float, float]], float]:
    """Disagreement and votes of each unit with at least two votes; the expected disagreement."""
    paired = [unit for unit in units if len(unit) > 1]
    total = Counter(value for unit in paired for value in unit)
    votes = sum(total.values())
    observed = [
        (
            (len(unit) ** 2 - sum(n * n for n in Counter(unit).values())) / (len(unit) - 1),
            float(len(unit)),
        )
        for unit in paired
    ]
    differing = votes * votes - sum(n * n for n in total.values())
    return observed, differing / (votes * (votes - 1)) if differing else 0.0


def tag_alphas(
    units: Sequence[Sequence[TagSet]], *, resamples: int = 1000, seed: int = 0
) -> list[dict[str, Any]]:
    """Alpha of each tag by itself (given or not) with its interval, most given first.

    ``stickers`` counts those where anybody gave it, ``agreed`` those where at least two did.
    """
    paired = [unit for unit in units if len(unit) > 1]
    sizes = Counter(len(unit) for unit in paired)
    found: dict[str, Counter[tuple[int, int]]] = {}
    for unit in paired:
        for tag, count in Counter(tag for chosen in unit for tag in chosen).items():
            found.setdefault(tag, Counter())[count, len(unit)] += 1
    given = {tag: sum(n * count for (count, _), n in kinds.items()) for tag, kinds in found.items()}
    rows = []
    for tag in sorted(given, key=lambda tag: (-given[tag], tag)):
        kinds = found[tag]
        alpha, interval = _binary(kinds, sizes, {"resamples": resamples, "seed": seed})
        agreed = sum(n for (count, _), n in kinds.items() if count > 1)
        rows.append({"tag": tag, "alpha": alpha, "interval": interval})
        rows[-1] |= {"stickers": sum(kinds.values()), "agreed": agreed}
    return rows


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


def pairwise(units: Sequence[Mapping[str, TagSet]]) -> list[dict[str, Any]]:
    """Agreement of each two annotators on the stickers that both voted on."""
    common: Counter[tuple[str, str]] = Counter()
    equal: Counter[tuple[str, str]] = Counter()
    similar: dict[tuple[str, str], float] = {}
    for unit in units:
        for pair in combinations(sorted(unit), 2):
            distance = masi_distance(unit[pair[0]], unit[pair[1]])
            common[pair] += 1
            equal[pair] += distance == 0
            similar[pair] = similar.get(pair, 0.0) + 1 - distance
    return [
        {
            "annotators": list(pair),
            "stickers": common[pair],
            "masi": similar[pair] / common[pair],
            "equal": equal[pair] / common[pair],
        }
        for pair in sorted(common)
    ]
