"""What a captioner is: a value that turns what is known of stickers into texts.

A new one is a file with a ``CAPTIONER`` and a line in the group ``stickerworks.captioners``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from annotation.machine.chat import Chat, Model, Picture
from pipeline.engine.options import Options


@dataclass(frozen=True)
class CaptionInput:
    """What earlier stages found out about one sticker; texts come from the web, uncleaned.

    ``pictures`` are what a model may look at: the frames of an animation, or one still.
    """

    id: str
    domain: str | None
    animated: bool | None
    keywords: tuple[str, ...]
    text: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Cost:
    """What one answer took; ``asked_at`` is UTC, ISO 8601."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float | None = None
    asked_at: str | None = None
    attempt: int = 0


@dataclass(frozen=True)
class Caption:
    """One field's text; ``error`` says why there is none, ``flags`` why it may be wrong.

    ``asked`` names the question that it answers, None where nothing was asked.
    """

    field: str
    language: str
    text: str | None
    flags: tuple[str, ...] = ()
    error: str | None = None
    turn: str | None = None
    cost: Cost = Cost()
    asked: str | None = None


Write = Callable[[Sequence[CaptionInput]], Sequence[Sequence[Caption]]]
"""Captions of each sticker, in the order of the stickers."""


@dataclass(frozen=True)
class Rates:
    """What an estimate of a run needs: GPUs behind the model, prices for a million tokens."""

    gpus: int | None = None
    price_in: float | None = None
    price_out: float | None = None
    currency: str = "USD"


@dataclass(frozen=True)
class Captioner:
    """A named captioner: it writes by itself (``write``), or answers prompt sets (``chat``).

    All functions get a value of ``options``, the model of ``annotate.options``. ``model`` names
    model and revision, None where no model writes; with ``prompt`` (the version of what it
    writes: raise it when that changes) or the prompt sets it stands in every row and in the
    fingerprint, and so does ``settings``: which options decide an answer [all], such as the
    temperature, but not how fast it is got. ``write`` also gets the languages. ``chat`` loads
    what is heavy, or connects. ``text`` gives the options of another model of the same captioner
    that answers turns which are about a text alone, None where one model answers all.
    """

    name: str
    prompt: str | None = None
    write: Callable[[Sequence[str], Any], Write] | None = None
    chat: Callable[[Any], Chat] | None = None
    model: Callable[[Any], Model | None] = lambda options: None
    settings: Callable[[Any], Mapping[str, Any]] = lambda options: options.model_dump(mode="json")
    rates: Callable[[Any], Rates] = lambda options: Rates()
    text: Callable[[Any], BaseModel | None] = lambda options: None
    options: type[BaseModel] = Options
