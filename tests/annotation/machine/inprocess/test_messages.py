"""From questions to what chat templates take."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from annotation.machine.chat import Message, Picture, Question
from annotation.machine.inprocess.messages import (
    control_pattern,
    disarm,
    strip_thought,
    to_conversation,
)

TOKENS = ["<|im_start|>", "<|im_end|>", "<|image_pad|>", "<think>", "</think>", "<s>"]
CONTROL = control_pattern(TOKENS)


def _picture(start_ms: int | None = None, size: tuple[int, int] = (8, 6)) -> Picture:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, "JPEG")
    return Picture(file.getvalue(), start_ms)


def _shown(question: Question, max_pixels: int | None = None) -> list[tuple[str, list[str]]]:
    """Roles with what their parts say; a picture says its size."""
    return [
        (
            message["role"],
            [
                part["text"] if part["type"] == "text" else "{}x{}".format(*part["image"].size)
                for part in message["content"]
            ],
        )
        for message in to_conversation(question, CONTROL, max_pixels)
    ]


def test_a_still_comes_before_the_text() -> None:
    question = Question((Message("user", "What is it?", (_picture(),)),), None, 9)
    assert _shown(question) == [("user", ["8x6", "What is it?"])]


def test_each_frame_comes_behind_its_time() -> None:
    frames = (_picture(0), _picture(1250))
    question = Question((Message("user", "What happens?", frames),), None, 9)
    assert _shown(question) == [
        ("user", ["At 0.00 s:", "8x6", "At 1.25 s:", "8x6", "What happens?"])
    ]


def test_the_schema_stands_at_the_end_of_the_last_request() -> None:
    messages = (
        Message("system", "Be brief."),
        Message("user", "What is it?"),
        Message("assistant", "A cat."),
        Message("user", "As JSON."),
    )
    shown = _shown(Question(messages, {"type": "object"}, 9))
    assert shown[:3] == [
        ("system", ["Be brief."]),
        ("user", ["What is it?"]),
        ("assistant", ["A cat."]),
    ]
    assert shown[3][1][0].startswith("As JSON.\n\nAnswer with one JSON object")
    assert shown[3][1][0].endswith('{"type": "object"}')


@pytest.mark.parametrize("size", [(400, 300), (2000, 10), (10, 2000)])
def test_large_pictures_are_made_smaller_and_small_ones_are_not(size: tuple[int, int]) -> None:
    question = Question((Message("user", "What?", (_picture(size=size), _picture())),), None, 9)
    (large, small, _) = _shown(question, max_pixels=1200)[0][1]
    width, height = map(int, large.split("x"))
    assert width * height <= 1200
    assert small == "8x6"


@given(st.lists(st.sampled_from([*TOKENS, "<", "<|", "|>", ">", "im_end", "s", "cat", "谢"])))
def test_no_control_token_is_left_in_a_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    safe = disarm(text, CONTROL)
    assert not any(token in safe for token in TOKENS)
    assert safe.replace(" ", "") == text


def test_without_control_tokens_texts_stay_as_they_are() -> None:
    assert disarm("a < b > c <|im_end|>", control_pattern([])) == "a < b > c <|im_end|>"


@pytest.mark.parametrize(
    ("said", "opened", "text"),
    [
        ("A cat.", False, "A cat."),
        ("<think>\nHm.\n</think>\n\nA cat.", False, "A cat."),
        ("Hm.\n</think>\n\nA cat.", True, "A cat."),
        ("Hm, this never", True, ""),
        ("<think>Hm, this never", False, ""),
        ("<think></think>", False, ""),
        (" I think <think is no tag ", False, "I think <think is no tag"),
    ],
)
def test_a_thought_is_left_out(said: str, opened: bool, text: str) -> None:
    assert strip_thought(said, opened) == text
