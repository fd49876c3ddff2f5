"""The nearest centres of vectors, from scores that come block by block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Best:
    """For each vector the score of its own centre, the best other, which it is, the second.

    Minus infinity where there is none.
    """

    own: Singles
    score: Singles
    label: Labels
    second: Singles

    @classmethod
    def of(cls, count: int) -> Best:
        own, score, second = (np.full(count, -np.inf, dtype=np.float32) for _ in range(3))
        return cls(own, score, np.full(count, -1, dtype=np.int32), second)

    def part(self, part: slice) -> Best:
        return Best(self.own[part], self.score[part], self.label[part], self.second[part])

    def enter(self, scores: Singles, held: Ints, block: Ints) -> None:
        """Enter a block's scores; ``held`` is the column of a vector's own centre, or -1."""
        rows = np.flatnonzero(held >= 0)
        self.own[rows] = scores[rows, held[rows]]
        scores[rows, held[rows]] = -np.inf
        every = np.arange(len(scores))
        columns = scores.argmax(axis=1)
        top = scores[every, columns]
        scores[every, columns] = -np.inf
        runner_up = np.maximum(np.minimum(self.score, top), scores.max(axis=1))
        np.maximum(self.second, runner_up, out=self.second)
        better = top > self.score
        self.score[better] = top[better]
        self.label[better] = block[columns[better]]
