"""Captions that were kept before chatter was looked for, judged by what is looked for now.

Those of the configured model and prompts are judged from its answers in any case; these are of
others, whose prompt sets may be gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from annotation.machine.chatter import find_chatter, without_chatter
from annotation.machine.checks import CHATTER, TRIMMED

MARK: Mapping[str, int] = {"judged": 1}
"""What a caption that was judged so is marked by."""

NOT_WRITTEN = frozenset({"has_text", "content", "emotion", "style_class"})
"""Fields of the shipped prompt sets that aren't a model's own sentences."""


def judged_anew(row: Mapping[str, Any]) -> dict[str, Any]:
    """A kept caption without its mark; an unmarked one trimmed, and flagged where it must be."""
    bare = {name: value for name, value in row.items() if name not in MARK}
    text = bare["text"]
    if len(bare) < len(row) or text is None or bare["field"] in NOT_WRITTEN:
        return bare
    answer = without_chatter(text)
    flags = [
        *bare["flags"],
        *([TRIMMED] if answer != text else []),
        *find_chatter(answer, speech=bare["field"] == "intention"),
    ]
    if not answer:
        answer, flags = text, [*bare["flags"], CHATTER]
    return {**bare, "text": answer, "flags": flags}
