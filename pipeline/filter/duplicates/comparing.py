"""What two stickers are to each other, decided by their pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.engine.stage import Reader
from schemas.config import DuplicatesConfig

Ints = npt.NDArray[np.int64]

NONE, TEMPLATE, STILL_OF, SAME = range(4)
"""Nothing; the same picture with a difference that counts; a still and an animation that shows it;
copies, one of which is enough."""
HOW = ("perceptual", "mirror", "crop", "watermark", "motion")
"""How the one of two copies that are the same was made from the other (``crop``: or a border)."""


@dataclass(frozen=True)
class Relations:
    """Of each pair: ``what`` (NONE to SAME), ``how`` as a place in ``HOW`` (-1 unless SAME), and
    the ``distance`` in grey levels (-1 unless SAME; less is nearer)."""

    what: Ints
    how: Ints
    distance: Ints


@dataclass(frozen=True)
class Pictures:
    """Pictures of stickers, numbered in the order in which they were asked for."""

    def compare(
        self, ones: Ints, others: Ints, views: Ints, texts: Sequence[tuple[str | None, str | None]]
    ) -> Relations:
        """Relations of pairs of numbers; the same for (a, b) as for (b, a) but for rounding.

        ``views``: the view (a place in ``codes.VIEWS``) in which the pair's codes met, which says
        where to begin to look. Where several met, each is a pair of its own, and the best
        relation (largest ``what``, then smallest ``distance``) holds. ``texts`` are what was read
        on both (null: nothing was).
        """
        raise NotImplementedError


@contextmanager
def load_pictures(
    reader: Reader, sizes: Mapping[int, int], rows: Ints, settings: DuplicatesConfig
) -> Iterator[Pictures]:
    """Pictures of the given rows (ascending, counted over all shards, whose ``sizes`` are given).

    What is compared first lies in a nameless file among the temporary ones (TMPDIR); the key
    frames of the few pairs that it can't settle are read from the table ``frames``.
    """
    raise NotImplementedError
    yield Pictures()
