"""A tiny vision-language model, and pictures and questions for it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_vision_model import make_checkpoint

from annotation.machine.chat import Message, Picture, Question

Draw = Callable[..., Picture]
Ask = Callable[..., Question]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other cost a tiny model more than they give."""
    import torch

    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(usual)


@pytest.fixture(scope="session")
def tiny_vision_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a checkpoint of the architecture that the documentation recommends."""
    return make_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


def draw_picture(seed: int = 0, start_ms: int | None = None, size: tuple[int, int] = (64, 48)):
    """A JPEG of coloured squares."""
    squares = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(squares).resize(size, Image.Resampling.NEAREST).save(file, "JPEG")
    return Picture(file.getvalue(), start_ms)


def make_question(text: str, *pictures: Picture, **changes: Any) -> Question:
    """A question with a system message in front; plain text of up to 12 tokens is wanted."""
    messages = (Message("system", "Be brief."), Message("user", text, pictures))
    return Question(messages, **{"schema": None, "max_tokens": 12, **changes})


@pytest.fixture
def picture() -> Draw:
    return draw_picture


@pytest.fixture
def question() -> Ask:
    return make_question
