"""Three simulated annotators: they know what was drawn, and err as people do."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from pipeline.demo.concepts import BY_NAME, CONCEPTS, fold_phrase
from pipeline.demo.expected import DrawnSticker, read_expected
from pipeline.engine.errors import StickerworksError
from pipeline.engine.stage import Output, Reader, Step
from schemas.config import Config
from schemas.questions import SHIPPED, question_rows
from schemas.tables import QUESTIONS, VOTES

ANNOTATORS = ("simulated-1", "simulated-2", "simulated-3")
# Shares of stickers on which people fail, so that every status of a label occurs.
_DISPUTED, _UNCLEAR, _HALF_CLEAR = 0.03, 0.02, 0.02
_SKIP, _MISS, _WRONG, _REVOTE, _WRONG_DOMAIN = 0.02, 0.07, 0.05, 0.04, 0.04
_WRONG_EMOTION = 0.15
_DOMAINS = ("real", "cartoon")
_ASKED = (SHIPPED["emotion"],)


@dataclass(frozen=True)
class PlannedVote:
    """One vote before it becomes a row; None skips."""

    annotator: str
    tags: tuple[str, ...] | None
    domain: str | None
    caption: str | None
    lead_time_s: float
    emotion: str | None = None


def simulation(truth: Path) -> Step:
    """Step that writes ``votes`` and the ``questions`` that they answer: three annotators vote on
    every kept sticker of a collection.

    ``truth`` is the collection's ``expected.jsonl``; its digest is part of the fingerprint.
    """

    def settings(config: Config) -> dict[str, str]:
        return {"truth": hashlib.sha256(_read(truth)).hexdigest()}

    def run(reader: Reader, settings: Any) -> Iterator[Output]:
        drawn = {row.sha256: row for row in read_expected(truth) if row.sha256}
        yield "votes", None, _vote_all(reader, drawn, truth)
        asked = pa.Table.from_pylist(question_rows(_ASKED), schema=QUESTIONS.schema)
        yield "questions", None, asked

    reads = ("stickers", "decisions", "tagset", "clusters")
    return Step("votes", 2, reads, ("votes", "questions"), settings, run)


def match_concepts(clusters: pa.Table, tagset: pa.Table) -> dict[str, str]:
    """Tag of each concept: that of the cluster which holds most of the concept's phrases.

    A concept none of whose phrases was clustered has none.
    """
    cluster_of = {
        fold_phrase(row["keyword"]): row["cluster"]
        for row in clusters.select(["keyword", "cluster"]).to_pylist()
        if row["cluster"] is not None
    }
    tag_of = {
        cluster: row["tag"]
        for row in tagset.select(["tag", "clusters"]).to_pylist()
        for cluster in row["clusters"] or ()
    }
    matched = {}
    for concept in CONCEPTS:
        folded = (fold_phrase(phrase) for phrase in concept.keywords)
        counts = Counter(cluster_of[phrase] for phrase in folded if phrase in cluster_of)
        named = [(-count, cluster) for cluster, count in counts.items() if cluster in tag_of]
        if named:
            matched[concept.name] = tag_of[min(named)[1]]
    return matched


def cast_ballots(
    sticker: DrawnSticker, true_tags: tuple[str, ...], tagset: tuple[str, ...]
) -> list[PlannedVote]:
    """Votes of all annotators on one sticker, in order; a later one replaces an earlier one."""
    rng = Random(f"votes/{sticker.sha256}")
    wrong = [tag for tag in tagset if tag not in true_tags]
    mood = rng.random()
    if mood < _DISPUTED + _UNCLEAR + _HALF_CLEAR and len(wrong) >= len(ANNOTATORS):
        skips = 0 if mood < _DISPUTED else 2 if mood < _DISPUTED + _UNCLEAR else 1
        return [_feeling(sticker, vote) for vote in _fail(rng, sticker, wrong, skips)]
    ballots = []
    for annotator in ANNOTATORS:
        own = Random(f"votes/{sticker.sha256}/{annotator}")
        ballot = _judge(own, annotator, sticker, true_tags, wrong)
        if wrong and own.random() < _REVOTE:
            ballots.append(replace(ballot, tags=(own.choice(wrong),), domain=_DOMAINS[0]))
        ballots.append(ballot)
    return [_feeling(sticker, ballot) for ballot in ballots]


def _judge(
    rng: Random,
    annotator: str,
    sticker: DrawnSticker,
    true_tags: tuple[str, ...],
    wrong: list[str],
) -> PlannedVote:
    if rng.random() < _SKIP:
        return PlannedVote(annotator, None, None, None, _seconds(rng))
    tags = [tag for tag in true_tags if rng.random() >= _MISS] or list(true_tags[:1])
    if wrong and rng.random() < _WRONG:
        tags.append(rng.choice(wrong))
    domain = sticker.domain
    if rng.random() < _WRONG_DOMAIN:
        domain = _DOMAINS[domain == _DOMAINS[0]]
    return PlannedVote(
        annotator, tuple(sorted(tags)), domain, _describe(rng, sticker), _seconds(rng)
    )


def _fail(rng: Random, sticker: DrawnSticker, wrong: list[str], skips: int) -> list[PlannedVote]:
    """Nobody agrees: the first to be drawn skip, the others each see something else."""
    order = rng.sample(ANNOTATORS, len(ANNOTATORS))
    guesses = rng.sample(wrong, len(ANNOTATORS))
    ballots = {}
    for number, (annotator, guess) in enumerate(zip(order, guesses, strict=True)):
        if number < skips:
            ballots[annotator] = PlannedVote(annotator, None, None, None, _seconds(rng))
        else:
            text = _describe(rng, sticker)
            ballots[annotator] = PlannedVote(
                annotator, (guess,), sticker.domain, text, _seconds(rng)
            )
    return [ballots[annotator] for annotator in ANNOTATORS]


def _feeling(sticker: DrawnSticker, vote: PlannedVote) -> PlannedVote:
    """The vote with the emotion of the first thing drawn, or another that it is taken for."""
    if vote.tags is None or not sticker.tags:
        return vote
    # Dice of its own: what else is voted stays as it is without the question.
    rng = Random(f"emotion/{sticker.sha256}/{vote.annotator}")
    emotion = BY_NAME[sticker.tags[0]].emotion
    if rng.random() < _WRONG_EMOTION:
        emotion = rng.choice([value for value in _ASKED[0].values if value != emotion])
    return replace(vote, emotion=emotion)


def _describe(rng: Random, sticker: DrawnSticker) -> str:
    what = " and ".join(BY_NAME[name].english for name in sticker.tags)
    if sticker.caption and rng.random() < 0.5:
        return f"{what}: {sticker.caption[:20]}"
    return rng.choice((what, f"a picture of {what}", f"it says {what}"))


def _seconds(rng: Random) -> float:
    return round(rng.uniform(1.5, 14.0), 1)


def _vote_all(reader: Reader, drawn: Mapping[str, DrawnSticker], truth: Path) -> pa.Table:
    tagset = reader.read("tagset")
    tag_of = match_concepts(reader.read("clusters"), tagset)
    names = tuple(sorted(tagset["tag"].to_pylist()))
    version = tagset["version"][0].as_py() if tagset.num_rows else None
    rows: list[dict[str, Any]] = []
    for part in reader.parts:
        decisions = reader.read("decisions", part, ["id", "kept"]).to_pylist()
        kept = {row["id"] for row in decisions if row["kept"]}
        for sticker_id in reader.read("stickers", part, ["id"])["id"].to_pylist():
            if sticker_id not in kept:
                continue
            sticker = _known(drawn, sticker_id, truth)
            true = tuple(sorted({tag_of[name] for name in sticker.tags if name in tag_of}))
            for ballot in cast_ballots(sticker, true, names):
                rows.append(_row(sticker_id, ballot, version, len(rows)))
    return pa.Table.from_pylist(rows, schema=VOTES.schema)


def _row(sticker_id: str, ballot: PlannedVote, tagset: str | None, sequence: int) -> dict[str, Any]:
    return {
        "id": sticker_id,
        "annotator": ballot.annotator,
        "origin": "simulated",
        "simulated": True,
        "skipped": ballot.tags is None,
        "tags": [] if ballot.tags is None else list(ballot.tags),
        "domain": ballot.domain,
        "caption": ballot.caption,
        "answers": [{"question": _ASKED[0].name, "values": [ballot.emotion]}]
        if ballot.emotion
        else [],
        "tagset": tagset,
        "sequence": sequence,
        "lead_time_s": ballot.lead_time_s,
        "annotation": f"{ballot.annotator}/{sequence}",
    }


def _known(drawn: Mapping[str, DrawnSticker], sticker_id: str, truth: Path) -> DrawnSticker:
    if sticker_id not in drawn:
        raise StickerworksError(
            f"The simulated annotators know nothing of sticker {sticker_id}: "
            f"{truth} does not list it.",
            "They vote on the drawn collection alone; label other stickers with `label export`.",
        )
    return drawn[sticker_id]


def _read(truth: Path) -> bytes:
    try:
        return truth.read_bytes()
    except OSError as error:
        raise StickerworksError(
            f"Could not read the demo's truth file {truth}: {error.strerror}.",
            "Draw the collection with `make demo`.",
        ) from error
