"""What `stickerworks merge` runs."""

from __future__ import annotations

from annotation.human.agreement import AGREEMENT
from annotation.human.merge import MERGE
from pipeline.engine.stage import Step

PLAN: tuple[Step, ...] = (MERGE, AGREEMENT)
