"""How far annotators agree: Krippendorff's alpha with MASI distance, per tag, per pair.

Krippendorff, Content Analysis (2004), chapter 11; Passonneau, "Measuring Agreement on Set-valued
Items" (LREC 2006) for MASI. Figures equal nltk's `AnnotationTask(distance=masi_distance)` where
that is defined; here two empty sets agree, and missing votes are no disagreement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from annotation.human.merge import current_votes
from pipeline.engine.stage import Output, Reader, Step
from schemas.tables import TABLES

TagSet = frozenset[str]
_CHUNK = 2000


def summarise(votes: pa.Table, *, resamples: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Everything that a report says of agreement, from the ``votes`` table, as JSON-able values.

    Keys: ``stickers`` (with at least two votes), ``alpha`` with ``interval`` (95%, over
    stickers), ``domain_alpha``, ``tags`` (alpha and counts of each tag, most given first),
    ``pairs`` (each pair of annotators: common stickers, mean MASI similarity, share of equal
    sets). An alpha is None where it is undefined.
    """
    units, domains = _units(votes)
    sets = [list(unit.values()) for unit in units.values()]
    return {
        "stickers": sum(len(unit) > 1 for unit in sets),
        "alpha": masi_alpha(sets),
        "interval": masi_interval(sets, resamples=resamples, seed=seed),
        "domain_alpha": nominal_alpha(domains),
        "tags": tag_alphas(sets),
        "pairs": pairwise(list(units.values())),
    }


def _measure(reader: Reader, settings: Any) -> Iterator[Output]:
    said = summarise(reader.read("votes"), **settings)
    low, high = said["interval"] or (None, None)
    both = {"stickers": said["stickers"]}
    rows = [
        {"measure": "tag_sets", "alpha": said["alpha"], "low": low, "high": high, **both},
        {"measure": "domain", "alpha": said["domain_alpha"], **both},
        *({"measure": "tag", **row} for row in said["tags"]),
        *({"measure": "pair", **row} for row in said["pairs"]),
    ]
    rows = rows if said["pairs"] else []  # nobody voted on what somebody else voted on
    yield "agreement", None, pa.Table.from_pylist(rows, schema=TABLES["agreement"].schema)


AGREEMENT = Step(
    name="agreement",
    version=1,
    reads=("votes",),
    writes=("agreement",),
    settings=lambda config: {"resamples": 1000, "seed": 0},
    run=_measure,
    optional=("votes",),
)


def masi_distance(first: TagSet, second: TagSet) -> float:
    """1 minus Jaccard similarity times monotonicity (1 equal, .67 subset, .33 overlap, 0)."""
    if first == second:
        return 0.0
    common = len(first & second)
    if not common:
        return 1.0
    monotonicity = 0.67 if common == min(len(first), len(second)) else 0.33
    return 1 - common / len(first | second) * monotonicity


def masi_alpha(units: Sequence[Sequence[TagSet]]) -> float | None:
    """Krippendorff's alpha of the tag sets given to each sticker (a unit).

    Units with fewer than two votes tell nothing and are left out. None when nothing is left, or
    when all votes are equal, so that no disagreement could have been expected.
    """
    observed, weights = _observed(units)
    expected = _expected(units)
    if not expected:
        return None
    return float(1 - np.average(observed, weights=weights) / expected)


def masi_interval(
    units: Sequence[Sequence[TagSet]], *, resamples: int = 1000, seed: int = 0
) -> tuple[float, float] | None:
    """95% bootstrap interval of ``masi_alpha`` over units.

    The expected disagreement is held fixed, as Hayes and Krippendorff (2007) do.
    """
    observed, weights = _observed(units)
    expected = _expected(units)
    if not expected:
        return None
    random = np.random.default_rng(seed)
    alphas = np.empty(resamples)
    for i in range(resamples):
        drawn = random.integers(0, len(observed), len(observed))
        alphas[i] = 1 - np.average(observed[drawn], weights=weights[drawn]) / expected
    low, high = np.percentile(alphas, [2.5, 97.5])
    return float(low), float(high)


def nominal_alpha(units: Sequence[Sequence[str]]) -> float | None:
    """Krippendorff's alpha of single values, such as the domain; None where undefined."""
    paired = [unit for unit in units if len(unit) > 1]
    total = Counter(value for unit in paired for value in unit)
    votes = sum(total.values())
    expected = votes * votes - sum(n * n for n in total.values())
    if not expected:
        return None
    observed = sum(
        (len(unit) ** 2 - sum(n * n for n in Counter(unit).values())) / (len(unit) - 1)
        for unit in paired
    )
    return 1 - (votes - 1) * observed / expected


def tag_alphas(units: Sequence[Sequence[TagSet]]) -> list[dict[str, Any]]:
    """Alpha of each tag by itself (given or not), most given first.

    ``stickers`` counts those where anybody gave it, ``agreed`` those where at least two did.
    """
    paired = [unit for unit in units if len(unit) > 1]
    votes = sum(len(unit) for unit in paired)
    given: Counter[str] = Counter()
    stickers: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    split: dict[str, float] = {}
    for unit in paired:
        for tag, count in Counter(tag for chosen in unit for tag in chosen).items():
            given[tag] += count
            stickers[tag] += 1
            agreed[tag] += count > 1
            disagreeing = 2 * count * (len(unit) - count) / (len(unit) - 1)
            split[tag] = split.get(tag, 0.0) + disagreeing
    rows = []
    for tag in sorted(given, key=lambda tag: (-given[tag], tag)):
        expected = 2 * given[tag] * (votes - given[tag])
        alpha = 1 - (votes - 1) * split[tag] / expected if expected else None
        rows.append({"tag": tag, "alpha": alpha, "stickers": stickers[tag], "agreed": agreed[tag]})
    return rows


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


def _units(votes: pa.Table) -> tuple[dict[str, dict[str, TagSet]], list[list[str]]]:
    units: dict[str, dict[str, TagSet]] = {}
    domains: dict[str, list[str]] = {}
    current = current_votes(votes).select(["id", "annotator", "skipped", "tags", "domain"])
    for vote in current.to_pylist():
        if vote["skipped"]:
            continue
        units.setdefault(vote["id"], {})[vote["annotator"]] = frozenset(vote["tags"] or ())
        if vote["domain"] is not None:
            domains.setdefault(vote["id"], []).append(vote["domain"])
    # Sums of floats depend on their order; sorted ids make it the same on any rerun.
    return {key: units[key] for key in sorted(units)}, [domains[key] for key in sorted(domains)]


def _observed(
    units: Sequence[Sequence[TagSet]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean distance within each unit that has at least two votes, and its number of votes."""
    paired = [unit for unit in units if len(unit) > 1]
    means = [
        np.mean([masi_distance(first, second) for first, second in combinations(unit, 2)])
        for unit in paired
    ]
    return np.array(means), np.array([len(unit) for unit in paired], dtype=np.float64)


def _expected(units: Sequence[Sequence[TagSet]]) -> float:
    """Mean distance between any two votes of any units; 0 when there are no two that differ.

    Only sets that share a tag are nearer than 1, so the sparse product of sets and tags finds
    all pairs that matter, over distinct sets instead of votes.
    """
    from scipy.sparse import csr_matrix

    counts = Counter(chosen for unit in units if len(unit) > 1 for chosen in unit)
    votes = sum(counts.values())
    if len(counts) < 2:
        return 0.0
    distinct = sorted(counts, key=sorted)
    column = {
        tag: i for i, tag in enumerate(sorted({tag for chosen in distinct for tag in chosen}))
    }
    size = np.array([len(chosen) for chosen in distinct])
    weight = np.array([counts[chosen] for chosen in distinct], dtype=np.float64)
    columns = [column[tag] for chosen in distinct for tag in sorted(chosen)]
    starts = np.concatenate([[0], np.cumsum(size)])
    has = csr_matrix((np.ones(len(columns)), columns, starts), shape=(len(distinct), len(column)))
    # Each set equals itself, the empty one too, which shares no tag with itself.
    similar = float((weight**2).sum())
    for start in range(0, len(distinct), _CHUNK):
        shared = (has[start : start + _CHUNK] @ has.T).tocoo()
        row, other, common = shared.row + start, shared.col, shared.data
        differ = row != other
        row, other, common = row[differ], other[differ], common[differ]
        monotonicity = np.where(common == np.minimum(size[row], size[other]), 0.67, 0.33)
        jaccard = common / (size[row] + size[other] - common)
        similar += float((jaccard * monotonicity * weight[row] * weight[other]).sum())
    return 1 - (similar - votes) / (votes * (votes - 1))
