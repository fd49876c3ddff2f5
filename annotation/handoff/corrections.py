"""Captions that people made of machines' ones: the original beside the correction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from annotation.handoff.aligning import ALIKE, similarity
from annotation.handoff.captions import Chosen, caption_key, language_of
from annotation.handoff.cleaning import chat_text
from annotation.handoff.prompts import PROMPTS
from annotation.machine.checked import last_checks
from annotation.machine.descriptions import is_caption
from pipeline.engine.workspace import Workspace

_LONGEST = 400


@dataclass(frozen=True)
class Correction:
    """A machine's caption, and what somebody made of it."""

    language: str
    original: str
    corrected: str


@dataclass(frozen=True)
class CheckedCaptions:
    """What people said of machines' captions, by sticker: corrections, and texts that are wrong."""

    corrected: Mapping[str, tuple[Correction, ...]] = field(default_factory=dict)
    wrong: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def texts(self) -> dict[str, tuple[str, ...]]:
        """The captions as people left them, by sticker."""
        return {
            id_: tuple(one.corrected for one in several) for id_, several in self.corrected.items()
        }


def read_checked(workspace: Workspace) -> CheckedCaptions:
    """The last word on each caption; those that are right stay a machine's, and teach nothing."""
    corrected: dict[str, list[Correction]] = defaultdict(list)
    wrong: dict[str, set[str]] = defaultdict(set)
    for row in last_checks(workspace.read("text_checks")).values():
        if row["language"] not in PROMPTS:
            continue
        if row["verdict"] == "corrected" and is_caption(row):
            one = Correction(row["language"], row["original"], row["corrected"])
            corrected[row["id"]].append(one)
        elif row["verdict"] == "wrong" and is_caption(row):
            wrong[row["id"]].add(row["original"])
    return CheckedCaptions(
        {
            # What is wrong is no target, though somebody wrote it elsewhere.
            id_: tuple(one for one in several if one.corrected not in wrong.get(id_, ()))
            for id_, several in corrected.items()
        },
        {id_: frozenset(texts) for id_, texts in wrong.items()},
    )


def preference_pairs(
    chosen: Chosen,
    corrected: Sequence[Correction],
    filled: Collection[str],
    machine: Iterable[str],
) -> list[Correction]:
    """Originals and what people made of them, as chats take them, each pair once.

    Of ``corrected`` all; of the ``chosen`` captions those that annotators wrote where a text was
    ``filled`` in: the machine's caption in the same language that it is most like, and at least
    half. One that resembles none was written anew, and replaces nothing.
    """
    pairs = [
        Correction(one.language, *map(chat_text, (one.original, one.corrected)))
        for one in corrected
    ]
    made = {caption_key(one.corrected) for one in pairs}
    voted = {caption_key(chat_text(text)) for text in filled}
    texts = [chat_text(text) for text in machine]
    for language, caption in chosen.captions.items():
        key = caption_key(caption.text)
        if key in voted and key not in made:
            original = _most_alike(caption.text, language, texts)
            pairs += [Correction(language, original, caption.text)] if original else []
    found = {
        (one.language, caption_key(one.original), caption_key(one.corrected)): one for one in pairs
    }
    return [one for (_, before, after), one in found.items() if before and before != after]


def _most_alike(text: str, language: str, machine: Sequence[str]) -> str | None:
    alike = [
        (similarity(text[:_LONGEST], other[:_LONGEST]), other)
        for other in machine
        if language_of(other) == language
    ]
    share, original = max(alike, default=(0.0, ""))
    return original if share >= ALIKE else None
