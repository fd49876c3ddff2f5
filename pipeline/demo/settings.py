"""The demo's configuration: what differs from the defaults."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pipeline.demo.collection import INDEX_NAME, PREFIX
from pipeline.demo.planted_files import MAX_BYTES


def demo_settings(base_url: str) -> dict[str, Any]:
    """Overrides of the configuration for a demo whose site runs at ``base_url``."""
    return {
        "crawl": {
            "sources": [
                {
                    "source": "chinesebqb",
                    # We drew them ourselves, so a release may carry the bytes.
                    "redistribute": True,
                    "options": {"index_url": f"{base_url}{PREFIX}/{INDEX_NAME}"},
                }
            ],
            "allow_hosts": [urlsplit(base_url).netloc],
            "shard_rows": 32,
            "max_bytes": MAX_BYTES,
        },
        "tags": {"min_clusters": 4, "max_clusters": 24},
        # Larger than usual: of some 280 stickers a tenth would be too few to measure on.
        "split": {"train": 0.7, "validation": 0.15, "test": 0.15},
        "release": {
            "name": "demo",
            "description": "Stickers drawn by rule for the demo; their votes are simulated.",
        },
    }
