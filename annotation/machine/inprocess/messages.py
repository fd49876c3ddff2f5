"""From a question to what a chat template takes, and from a model's words to an answer's text."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from annotation.machine.chat import (
    Message,
    Picture,
    Question,
    Schema,
    frame_label,
    schema_in_words,
)

if TYPE_CHECKING:
    from PIL import Image

Part = dict[str, Any]
"""A piece of a message: ``{"type": "text" | "image", ...}``."""

_THOUGHT_END = "</think>"


def to_conversation(
    question: Question, control: re.Pattern[str], max_pixels: int | None
) -> list[dict[str, Any]]:
    """The messages of a question, their pictures decoded; OSError or ValueError for a bad one."""
    asked = max(
        (place for place, message in enumerate(question.messages) if message.role == "user"),
        default=-1,
    )
    return [
        {
            "role": message.role,
            "content": _parts(
                message, question.schema if place == asked else None, control, max_pixels
            ),
        }
        for place, message in enumerate(question.messages)
    ]


def control_pattern(tokens: Iterable[str]) -> re.Pattern[str]:
    """Matches the tokens that steer a model, such as ``<|im_end|>``."""
    longest_first = sorted({token for token in tokens if len(token) > 1}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def disarm(text: str, control: re.Pattern[str]) -> str:
    """The text with a space in each control token, so that words from the web steer nothing."""
    return control.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def strip_thought(text: str, opened: bool) -> str:
    """The text without what the model thought first.

    ``opened`` says that the prompt ended inside a thought; one that never ended leaves nothing.
    """
    _, end, said = text.partition(_THOUGHT_END)
    if end:
        return said.strip()
    return "" if opened or text.lstrip().startswith("<think>") else text.strip()


def _parts(
    message: Message, schema: Schema | None, control: re.Pattern[str], max_pixels: int | None
) -> list[Part]:
    parts: list[Part] = []
    for picture in message.pictures:
        if picture.start_ms is not None:
            label = frame_label(picture.start_ms)
            parts.append({"type": "text", "text": label})
        parts.append({"type": "image", "image": _decode(picture, max_pixels)})
    text = disarm(message.text, control)
    if schema is not None:
        text = f"{text}\n\n{disarm(schema_in_words(schema), control)}".strip()
    return [*parts, {"type": "text", "text": text}]


def _decode(picture: Picture, max_pixels: int | None) -> Image.Image:
    from PIL import Image

    with Image.open(io.BytesIO(picture.jpeg), formats=("JPEG",)) as opened:
        image = opened.convert("RGB")
    width, height = image.size
    if max_pixels is not None and width * height > max_pixels:
        shrink = math.sqrt(max_pixels / (width * height))
        size = (max(1, int(width * shrink)), max(1, int(height * shrink)))
        image = image.resize(size, Image.Resampling.LANCZOS)
    return image
