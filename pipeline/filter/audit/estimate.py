"""What the answers to an audit's sample say: precision with an interval, and a better bound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pipeline.engine.audits import AuditResult, Finding, SuggestedBound
from pipeline.filter.audit.answers import Answer, Given
from pipeline.filter.audit.intervals import (
    Stratum,
    estimated_share,
    joined_interval,
    share_interval,
)
from pipeline.filter.audit.ladder import rounded
from pipeline.filter.audit.sampling import PARTS, Part, Sample, SampledSticker

CONFIDENCE = 0.97
"""Of what is told as a 95% interval. One that covers just 95% of all draws covers fewer than 95
of a given hundred nearly every other time; this one hardly ever does."""
_FEWEST = 10
"""Answers that a suggested bound has to rest on."""

Verdict = Mapping[str, bool]
"""Whether people would drop a sticker, by id, of those on which they agree."""


def judge(sample: Sample, answers: Sequence[Answer], wanted: float) -> AuditResult:
    """Estimates from all answers about stickers of the sample; ``wanted`` is a precision.

    Of each person the last answer on a sticker counts; of several persons most decide, and where
    they are as many the sticker counts as unsure, which is no answer: estimates take it that
    those would have been answered as the rest of their part is.
    """
    asked = {sticker.id for sticker in sample.stickers}
    mine = [answer for answer in answers if answer.id in asked]
    random = drawn_at_random(sample, mine)
    verdict = {sticker: given for sticker, given in majority(mine).items() if sticker in random}
    kept = sample.sizes[PARTS.index("kept")]
    return AuditResult(
        rule=sample.rule,
        unit=sample.unit,
        drawn=sample.drawn,
        min=sample.min,
        max=sample.max,
        near=sample.near,
        withheld=sample.withheld,
        dropped=_finding(sample, verdict, ("near", "far")),
        kept=_finding(sample, verdict, ("kept",)) if kept else None,
        suggested=suggest(sample, verdict, wanted),
        unsure=len(random) - len(verdict),
        earlier=len({answer.id for answer in mine} - random),
        people=len({answer.who for answer in mine}),
        last_answer=max((answer.at for answer in mine), default=None),
    )


def drawn_at_random(sample: Sample, answers: Sequence[Answer]) -> set[str]:
    """Answered stickers of the sample that are a random sample of their part.

    An answer that was given when a part held other stickers, such as under another bound, is about
    one that lay in what both have in common: such answers count only where all of the part that is
    asked about was answered.
    """
    answered = {answer.id for answer in answers}
    asked_in = {(answer.id, part) for answer in answers for part in answer.drawn.split("-")}
    found: set[str] = set()
    for part, digest in zip(PARTS, sample.drawn.split("-"), strict=True):
        mine = {one.id for one in sample.stickers if one.part == part}
        whole = mine <= answered
        found |= mine if whole else {sticker for sticker in mine if (sticker, digest) in asked_in}
    return found


def majority(answers: Sequence[Answer]) -> dict[str, bool]:
    """Whether most would drop it, of each sticker where they aren't as many on either side."""
    last: dict[tuple[str, str], Given] = {}
    for answer in sorted(answers, key=lambda answer: answer.at):
        last[answer.id, answer.who] = answer.answer
    votes: dict[str, Counter[Given]] = {}
    for (sticker, _), given in last.items():
        votes.setdefault(sticker, Counter())[given] += 1
    return {
        sticker: count["drop"] > count["keep"]
        for sticker, count in votes.items()
        if count["drop"] != count["keep"]
    }


def suggest(sample: Sample, verdict: Verdict, wanted: float) -> SuggestedBound | None:
    """The bound that drops most with at least the wanted precision; None for a rule without one.

    Every value of the sample is tried. How many stickers lie beyond it is known of all, and those
    of the sample that do are a sample of them. Of many estimates the first that is high enough is
    taken, which chance has more often made too high than too low: its share errs upwards.
    """
    if (sample.min is None) == (sample.max is None):
        return None
    answered = [one for one in sample.stickers if one.id in verdict and one.excess is not None]
    tried = sorted({one.excess or 0.0: one for one in answered}.items())
    estimated = False
    for excess, edge in tried:
        # All that is kept beyond is then dropped, with what is dropped now.
        beyond = [one for one in answered if (one.excess or 0.0) >= excess]
        if len(beyond) < _FEWEST:
            break
        if edge.bound is None and excess <= 0:
            continue  # nothing at all would be kept
        strata = _strata(beyond, edge.beyond, verdict)
        share = estimated_share(strata)
        estimated = estimated or share is not None
        if share is not None and share >= wanted:
            low, high = joined_interval(strata, CONFIDENCE)
            bound = _bound(sample, edge)
            sure = low >= wanted
            told = "" if sure else "; more answers may show otherwise"
            return SuggestedBound(
                wanted=wanted, bound=bound, share=share, low=low, high=high,
                drops=sum(edge.beyond), sure=sure, why=f"{len(beyond)} answers lie beyond it{told}",
            )  # fmt: skip
    if len(answered) < _FEWEST:
        why = f"the sample can't tell: it takes {_FEWEST} answers and there are {len(answered)}"
    elif not estimated:
        why = "the sample can't tell: a part of it has no answers"
    else:
        why = f"no bound with {_FEWEST} answers beyond it is as precise"
    return SuggestedBound(
        wanted=wanted, bound=None, share=None, low=None, high=None, drops=None, sure=False, why=why
    )


def _bound(sample: Sample, edge: SampledSticker) -> float | None:
    if edge.bound is None:
        return sample.max if sample.min is None else sample.min
    exact, side = (edge.bound, "max") if sample.min is None else (edge.bound, "min")
    near = rounded(exact, "max" if side == "max" else "min")
    value = edge.value if edge.value is not None else exact
    # Few digits, as long as the sticker at the edge still lies beyond.
    return near if (near < value if side == "max" else near > value) else exact


def _finding(sample: Sample, verdict: Verdict, parts: Sequence[Part]) -> Finding:
    sizes = [size if part in parts else 0 for part, size in zip(PARTS, sample.sizes, strict=True)]
    mine = [one for one in sample.stickers if one.part in parts]
    answered = [one for one in mine if one.id in verdict]
    strata = _strata(answered, sizes, verdict)
    low, high = share_interval(strata, CONFIDENCE)
    return Finding(
        population=sum(sizes),
        asked=len(mine),
        answered=len(answered),
        agreed=sum(verdict[one.id] for one in answered),
        share=estimated_share(strata),
        low=low,
        high=high,
    )


def _strata(
    answered: Sequence[SampledSticker], sizes: Sequence[int], verdict: Verdict
) -> list[Stratum]:
    """The parts that have stickers, as far as they were answered for."""
    counted = Counter(one.part for one in answered if verdict[one.id])
    drawn = Counter(one.part for one in answered)
    return [
        Stratum(size, drawn[part], counted[part])
        for part, size in zip(PARTS, sizes, strict=True)
        if size
    ]
