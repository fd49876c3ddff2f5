"""What an export is asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExportRequest:
    """How many stickers (None: all), under which batch's name, shown how.

    ``blind`` tasks show neither keywords nor what the machine thinks, whatever is configured;
    ``keep_tags`` goes on with the frozen ballot though the tag set has changed; ``everyone`` gives
    each sticker to all people, blind.
    """

    limit: int | None = None
    batch: str | None = None
    blind: bool = False
    keep_tags: bool = False
    everyone: bool = False
