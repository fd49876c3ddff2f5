"""What a filter rule is: a number for each sticker, that bounds are applied to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from pipeline.engine.stage import Tables


@dataclass(frozen=True)
class Rule:
    """A number from what is stored of stickers; its bounds are set by its name in ``filter.rules``.

    ``values`` maps the rows of the tables in ``reads`` to one number (or null: the rule doesn't
    apply) a sticker. ``reads`` may name stickers, signals and ocr, and ``measures`` names measures,
    which are the columns of a table ``measures``. ``columns`` names the columns of these tables
    that it looks at; where none is named it gets all, which takes long over millions of stickers.
    A rule that reads no OCR and no expensive measure is cheap, and spares the stickers that it
    drops from both. ``unit`` and ``doc`` are for people; ``version`` is raised when ``values``
    changes its meaning.

    A measure needs no rule of its own: bounds may stand under the measure's name.
    """

    name: str
    reads: tuple[str, ...]
    values: Callable[[Tables], pa.Array | pa.ChunkedArray]
    unit: str
    doc: str
    measures: tuple[str, ...] = ()
    version: int = 1
    columns: tuple[str, ...] = ()
