"""What `stickerworks annotate` runs, in order."""

from __future__ import annotations

from annotation.machine.captions import CAPTIONS
from annotation.machine.descriptions import DESCRIPTIONS
from annotation.machine.domain import DOMAIN
from pipeline.engine.stage import Stage, Step

PLAN: tuple[Stage | Step, ...] = (DOMAIN, CAPTIONS, DESCRIPTIONS)
