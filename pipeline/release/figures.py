"""statistics.json: the numbers behind the plots, as the papers give them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pipeline.engine.audits import AuditResult, Finding
from pipeline.release.answers import AnswerCounts
from pipeline.release.statistics import SAMPLE, TextStatistics
from pipeline.release.tally import ReleaseCounts, ranked, total

TRIGGER_WORDS, CAPTION_WORDS = 25, 35
"""How many VSD2M shows (figure 4 a and c)."""

Figures = dict[str, Any]


def release_figures(
    tally: ReleaseCounts, agreement: list[dict[str, Any]], audits: Sequence[AuditResult]
) -> Figures:
    """The content of ``statistics.json``: StickerTAG 3.3, VSD2M table 3 and figure 4, and more."""
    counts, rows = tally.statistics, tally.rows.total()
    tags = total(getattr(tally, tally.tag_column))
    return {
        "rows": rows,
        "tags": _tags(tags, getattr(tally, f"{tally.tag_column}_per_sticker"), tally.tag_column),
        "trigger_words": {
            "distinct": len(counts.trigger_words),
            "uses": counts.trigger_words.total(),
            "top": dict(ranked(counts.trigger_words)[:TRIGGER_WORDS]),
        },
        "captions": {language: _texts(found) for language, found in counts.captions.items()},
        "animations": _animations(tally),
        "domains": dict(ranked(total(tally.domains))),
        "cartoon_share": total(tally.domains)["cartoon"] / rows if rows else None,
        "with_ocr_text": counts.with_ocr,
        "emotions": dict(ranked(counts.emotions)),
        "styles": dict(ranked(counts.styles)),
        **_questions(tally.answers),
        "agreement": [
            {name: row[name] for name in _AGREEMENT if row[name] is not None}
            for row in agreement
            if row["measure"] != "pair"  # which names the two
        ],
        "funnel": _funnel(tally),
        "audits": [_audit(result) for result in audits],
    }


_AGREEMENT = ("measure", "question", "tag", "stickers", "agreed", "alpha", "kappa", "low", "high")


def _questions(answers: Sequence[AnswerCounts]) -> Figures:
    """Rows of each answer to each question; nothing where none was asked."""
    found = {
        one.question.name: {
            "kind": one.question.kind,
            "title_en": one.question.title_en,
            "title_zh": one.question.title_zh,
            "answered": one.answered,
            "status": dict(ranked(one.status)),
            "rows": [[value, counts.total()] for value, counts in one.in_order()],
        }
        for one in answers
    }
    return {"questions": found} if found else {}


def mean(counts: Counter[int]) -> float | None:
    """The mean of numbers that are counted."""
    whole = counts.total()
    return sum(number * count for number, count in counts.items()) / whole if whole else None


def animation_frames(tally: ReleaseCounts) -> Counter[int]:
    """How many stickers of more than one frame have how many."""
    frames = {int(n): count for n, count in tally.frames.items() if n != "unknown"}
    return Counter({n: count for n, count in frames.items() if n > 1})


def _tags(tags: Counter[str], per_sticker: Counter[str], column: str) -> dict[str, Any]:
    lengths = Counter[int]()
    for tag in tags:
        lengths[len(tag)] += 1
    numbers = Counter({int(number): count for number, count in per_sticker.items()})
    return {
        "column": column,
        "distinct": len(tags),
        "pairs": tags.total(),
        "per_sticker": _by_number(numbers),
        "mean_per_tagged_sticker": mean(Counter({n: c for n, c in numbers.items() if n})),
        "length_in_characters": _by_number(lengths),
        "mean_length": mean(lengths),
        "top": dict(ranked(tags)[:CAPTION_WORDS]),
    }


def _texts(found: TextStatistics) -> dict[str, Any]:
    return {
        "texts": found.texts,
        "mean_length": mean(found.lengths),
        "lengths": _by_number(found.lengths),
        "cut_into_words": found.cut,
        "sampled": found.cut < found.texts,
        "about_at_most": SAMPLE if found.cut < found.texts else None,
        "distinct_words": len(found.words),
        "top_words": dict(ranked(found.words)[:CAPTION_WORDS]),
    }


def _animations(tally: ReleaseCounts) -> dict[str, Any]:
    frames = animation_frames(tally)
    return {
        "stickers": frames.total(),
        "mean_frames": mean(frames),
        "frames": _by_number(frames),
    }


def _funnel(tally: ReleaseCounts) -> dict[str, Any]:
    rules = [
        {"rule": name, "left_out": count, "by_it_alone": tally.only_rule[name]}
        for name, count in ranked(tally.rules)
    ]
    return {
        "fetched": tally.outcomes.total(),
        "outcomes": dict(ranked(tally.outcomes)),
        "rules": rules,
    }


def _audit(result: AuditResult) -> dict[str, Any]:
    """An audit without who answered when."""
    return {
        "rule": result.rule,
        "dropped": _finding(result.dropped),
        "kept_near_the_bound": result.kept and _finding(result.kept),
    }


def _finding(found: Finding) -> dict[str, Any]:
    names = ("population", "asked", "answered", "agreed", "share", "low", "high")
    return {name: getattr(found, name) for name in names}


def _by_number(counts: Counter[int]) -> dict[str, int]:
    return {str(number): counts[number] for number in sorted(counts)}
