"""What a measure is: a number for each sticker, from its decoded frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from pipeline.engine.decoding.sticker_frames import StickerFrames
from pipeline.engine.options import Options

MeasureOne = Callable[[StickerFrames], float | None]
MeasureMany = Callable[[Sequence[StickerFrames]], Sequence[float | None]]


def _no_models(options: Any) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Measure:
    """A number for each sticker; bounds on it are set by its name in ``filter.rules``.

    ``measure`` runs within the one pass that decodes a sticker, on all of its frames; None where
    the measure doesn't apply. An expensive measure has ``open`` instead: called once a worker
    with the device (``cpu`` or ``cuda``), it loads a model and returns a function of ``batch``
    stickers at a time, which runs over what the cheap rules keep, on their key frames alone (on
    white, no larger than ``filter.decode.key_frame_side``).

    Where ``options`` is a model of its own, ``open`` is called with the device and a value of it,
    made of ``filter.measure_options``, and ``models`` names what else decides the number (digests
    of weights), from the same value and without loading it. A change of either measures again.

    ``unit`` and ``doc`` are for people; ``version`` is raised when the number changes its meaning,
    and every sticker is then measured again.
    """

    name: str
    unit: str
    doc: str
    measure: MeasureOne | None = None
    open: Callable[..., MeasureMany] | None = None
    version: int = 1
    batch: int = 16
    options: type[BaseModel] = Options
    models: Callable[[Any], Mapping[str, str]] = _no_models

    def __post_init__(self) -> None:
        if (self.measure is None) == (self.open is None):
            raise ValueError(f"measure {self.name!r} needs either measure or open")
        if self.has_options and self.open is None:
            raise ValueError(f"measure {self.name!r} has options, and no open that takes them")

    @property
    def expensive(self) -> bool:
        """Whether it runs as a stage of its own, after the cheap rules."""
        return self.open is not None

    @property
    def has_options(self) -> bool:
        """Whether ``open`` gets options."""
        return self.options is not Options
