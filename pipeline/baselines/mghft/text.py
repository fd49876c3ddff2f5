"""What MGHFT gives its frozen text encoder: a sticker's four views (section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pipeline.baselines.mghft.config import VIEWS
from pipeline.engine.errors import StickerworksError


def view_texts(views: Sequence[str], mode: Literal["per_view", "concat"]) -> tuple[str, ...]:
    """The four texts to encode, lower case: each view's own, or all views as one, four times.

    Raises StickerworksError unless there is one text for each of ``VIEWS``.
    """
    if len(views) != len(VIEWS):
        raise StickerworksError(
            f"MGHFT got {len(views)} texts for a sticker.", f"Give {', '.join(VIEWS)}, in order."
        )
    texts = tuple(" ".join(view.split()).lower() for view in views)
    return texts if mode == "per_view" else (" ".join(texts),) * len(VIEWS)
