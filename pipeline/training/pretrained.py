"""Pretrained weights and tokenizers, by local path or by their name on the hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from safetensors import SafetensorError

from pipeline.engine.errors import StickerworksError

T = TypeVar("T")


def load_pretrained(loader: Callable[[str], T], name: str) -> T:
    """What ``loader`` (a ``from_pretrained``) gives for a folder's path or a name on the hub.

    Raises StickerworksError that names what is missing when neither can be had.
    """
    try:
        return loader(name)
    # What the hub's client raises for no network, no such name, no login and damaged files.
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise StickerworksError(
            f"The pretrained weights {name!r} can't be had: {reason}.",
            "Check the name and the network, or download them once and set the path of their "
            "folder instead (`stickerworks train ... --with NAME=PATH`); `--preset small` trains "
            "from scratch.",
        ) from error
