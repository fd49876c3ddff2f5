"""What STI learns from: animated stickers as clips, each with its caption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipeline.baselines.sti.config import StiConfig
from pipeline.training.examples import Dataset, Examples, choose
from pipeline.training.frames import clip

_DESCRIPTIONS = ("caption_en", "caption_zh", "ocr_text")


def read_clips(dataset: Dataset, split: str, config: StiConfig) -> Examples:
    """Animated rows of a split as clips; stills are left out, with a note.

    Raises StickerworksError as ``Dataset.read``.
    """
    found = dataset.read(split, config.image_side, clip(config.frames), needs_targets=False)
    animated = choose(
        found,
        lambda row: found.lengths[row] > 1,
        "are stills and left out: repeated, they would teach that nothing moves",
    )
    use = found.use
    counted = replace(
        use,
        used=len(animated),
        voted=min(use.voted, len(animated)),
        simulated=min(use.simulated, len(animated)),
    )
    return replace(animated, use=counted, notes=(*animated.notes, *_describe(animated)))


def caption_of(texts: Mapping[str, str]) -> str:
    """``[Domain]\\t[Description]`` (VSD2M, section "Experimental Setups").

    The description is the English caption, else the Chinese one, else the text on the sticker; a
    row without domain has the description alone.
    """
    domain = texts.get("domain", "").capitalize()
    description = describe(texts)
    return f"{domain}\t{description}" if domain else description


def describe(texts: Mapping[str, str]) -> str:
    """The description alone, empty where a row has none."""
    return next((texts[name] for name in _DESCRIPTIONS if texts.get(name)), "")


def captions_of(examples: Examples) -> Sequence[str]:
    """Captions of all rows."""
    return [caption_of(texts) for texts in examples.texts]


def _describe(examples: Examples) -> list[str]:
    silent = sum(not describe(texts) for texts in examples.texts)
    if not silent:
        return []
    return [f"{silent:,} of {len(examples):,} {examples.name} rows have no description"]
