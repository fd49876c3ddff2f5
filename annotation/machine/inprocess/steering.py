"""What steers a batch while it's generated: seeded chance for each row, and when each row ends."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

from annotation.machine.chat import Question

if TYPE_CHECKING:
    from torch import Generator, Tensor

OTHERWISE = 0.7
"""The temperature of a question that is asked again, where the first time had none."""


@dataclass(frozen=True)
class Chance:
    """How one row draws its tokens: temperature (0: the likeliest) and the drawing's seed."""

    temperature: float
    seed: int


def choose_chance(question: Question, temperature: float) -> Chance:
    """The same question and attempt draw the same, whatever else is in the batch."""
    if temperature == 0 and question.attempt > 0:
        temperature = OTHERWISE
    key = f"{question.digest}/{question.attempt}".encode()
    return Chance(temperature, int.from_bytes(hashlib.sha256(key).digest()[:7]))


class Drawing:
    """Adds Gumbel noise to logits, so that the likeliest token is a draw from their softmax.

    Rows keep to themselves, as ``generate`` could not: it has one source of chance for a batch.
    """

    def __init__(self, chances: Sequence[Chance], device: str, top_k: int, top_p: float) -> None:
        import torch

        self._chances = chances
        self._top_k, self._top_p = top_k, top_p
        self._generators: list[Generator] = [
            torch.Generator(device).manual_seed(chance.seed) for chance in chances
        ]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Logits (rows, vocabulary), those of rows that draw changed."""
        import torch

        drawn = scores.clone()
        for row, chance in enumerate(self._chances):
            if chance.temperature > 0:
                logits, places = self._likeliest(scores[row] / chance.temperature)
                noise = torch.empty_like(logits).exponential_(generator=self._generators[row])
                least = torch.finfo(noise.dtype).tiny  # the logarithm of 0 would make NaN of -inf
                drawn[row] = float("-inf")
                drawn[row, places] = logits - noise.clamp_min(least).log()
        return drawn

    def _likeliest(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """The ``top_k`` logits that hold ``top_p`` of the mass, and their tokens."""
        import torch

        if not self._top_k and self._top_p >= 1:
            return logits, torch.arange(len(logits), device=logits.device)
        ordered, places = logits.topk(min(self._top_k or len(logits), len(logits)))
        before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
        kept = before < self._top_p
        kept[0] = True
        return ordered[kept], places[kept]


class Ending:
    """Ends a row at its own limit, and every row once ``closed`` is set."""

    def __init__(self, limits: Sequence[int], prompt: int, closed: Event) -> None:
        self._limits, self._prompt, self._closed = limits, prompt, closed

    def __call__(self, input_ids: Tensor, scores: object) -> Tensor:
        """Which rows are done, of token ids (rows, length)."""
        import torch

        said = input_ids.shape[1] - self._prompt
        done = [self._closed.is_set() or said >= limit for limit in self._limits]
        return torch.tensor(done, device=input_ids.device)
