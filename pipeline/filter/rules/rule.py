"""What a filter rule is: a number measured on every sticker, that bounds are applied to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from pipeline.engine.stage import Tables


@dataclass(frozen=True)
class Rule:
    """A measure on stickers; its bounds are set by its name in ``filter.rules``.

    ``measure`` maps the rows of the tables in ``reads`` to one number (or null: the rule doesn't
    apply) a sticker. ``reads`` may name stickers, signals and ocr; a rule that reads only the
    first two is cheap, and spares the stickers that it drops from OCR. ``unit`` and ``doc`` are
    for people; ``version`` is raised when ``measure`` changes its meaning.
    """

    name: str
    reads: tuple[str, ...]
    measure: Callable[[Tables], pa.Array | pa.ChunkedArray]
    unit: str
    doc: str
    version: int = 1
