"""The steps from observations to a tag set and to suggested tags (StickerTAG section 3.1)."""

from __future__ import annotations

from pipeline.tags.cluster_step import CLUSTERS
from pipeline.tags.keyword_step import KEYWORDS
from pipeline.tags.suggestion_step import SUGGESTIONS
from pipeline.tags.tagset_step import TAGSET

PLAN = (KEYWORDS, CLUSTERS, TAGSET, SUGGESTIONS)
