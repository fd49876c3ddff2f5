"""What the model is asked when captions are taught, in both languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.engine.errors import StickerworksError

IMAGE = "<image>"
"""The placeholder of a picture, for LLaMA-Factory and ms-swift alike."""


@dataclass(frozen=True)
class Prompt:
    """Requests for a still and for an animation; ``system`` may be empty.

    ``frame`` introduces a frame of an animation by ``{number}``, from 1, and ``{seconds}``.
    """

    system: str
    still: str
    animation: str
    frame: str

    def turn(self, frames: Sequence[Mapping[str, Any]]) -> list[str]:
        """The user's turn as texts, each of which but the last is followed by a frame."""
        if len(frames) == 1:
            return ["", f"\n{self.still}"]
        times = [(frame["start_ms"] or 0) / 1000 for frame in frames]
        said = [self.frame.format(number=n, seconds=f"{t:.1f}") for n, t in enumerate(times, 1)]
        return [said[0], *(f"\n{text}" for text in said[1:]), f"\n{self.animation}"]


ENGLISH = Prompt(
    system="You describe stickers that people send in chats.",
    still="Describe this sticker in one sentence: who or what it shows, doing what.",
    animation="These are frames of one animated sticker. Describe in one sentence what happens.",
    frame="Frame {number} at {seconds} s: ",
)
CHINESE = Prompt(
    system="你为聊天中使用的表情包撰写描述。",
    still="用一句话描述这张表情：画面里是谁或什么，在做什么。",
    animation="以上是同一个动态表情的画面。用一句话描述其中发生了什么。",
    frame="第{number}帧（{seconds}秒）：",
)
PROMPTS: Mapping[str, Prompt] = {"en": ENGLISH, "zh": CHINESE}


def check_prompts(prompts: Mapping[str, Prompt]) -> None:
    """Refuse prompts that would break the count of pictures, or can't be filled in."""
    for language in ("en", "zh"):
        if language not in prompts:
            raise StickerworksError(f"There is no prompt for {language}.", "Give one.")
        prompt = prompts[language]
        if any(IMAGE in text for text in (prompt.system, prompt.still, prompt.animation)):
            raise StickerworksError(
                f"The {language} prompt holds {IMAGE}, which stands for a picture.",
                "Leave it out: the placeholders are put in for each picture.",
            )
        try:
            filled = prompt.frame.format(number=1, seconds="0.0")
        except (LookupError, ValueError) as error:
            raise StickerworksError(
                f"The {language} prompt's frame {prompt.frame!r} can't be filled in: {error}.",
                "It may name {number} and {seconds} alone.",
            ) from error
        if IMAGE in filled:
            raise StickerworksError(
                f"The {language} prompt's frame holds {IMAGE}.", "Leave it out."
            )
