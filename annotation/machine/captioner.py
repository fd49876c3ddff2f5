"""What a captioner is: a value that turns what is known of stickers into texts.

A new one is a file with a ``CAPTIONER`` and a line in the group ``stickerworks.captioners``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Facts:
    """What earlier stages found out about one sticker; texts come from the web, uncleaned."""

    id: str
    domain: str | None
    animated: bool | None
    keywords: tuple[str, ...]
    text: str
    key_frames: tuple[bytes, ...]


@dataclass(frozen=True)
class Caption:
    """One text; ``error`` says why there is none."""

    field: str
    language: str
    text: str | None
    flags: tuple[str, ...] = ()
    error: str | None = None


Write = Callable[[Sequence[Facts]], Sequence[Sequence[Caption]]]
"""Captions of each sticker, in the order of the stickers."""


@dataclass(frozen=True)
class Captioner:
    """A named captioner.

    ``open`` gets the languages and the plugin's own options, checks them (StickerworksError) and
    loads what is heavy. ``model`` names model and revision for these options, None where no
    model writes; with ``prompt`` it stands in every row and in the fingerprint.
    """

    name: str
    prompt: str
    model: Callable[[Mapping[str, Any]], str | None]
    open: Callable[[Sequence[str], Mapping[str, Any]], Write]
