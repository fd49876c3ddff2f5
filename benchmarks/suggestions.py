"""Suggestions of tags: right how often, before and after naming, and how long they take.

    python benchmarks/suggestions.py captions [TSV]
    python benchmarks/suggestions.py size [--stickers 1000000] [--keywords 1300000]
    python benchmarks/suggestions.py naming WORKSPACE

``captions`` judges texts whose pack is known (columns pack and caption), as if they had been read
on stickers. ``size`` runs the step over made-up tables. ``naming`` takes a workspace of real
stickers and counts before and after naming. Without a word it does the first two. The last line is
one JSON object.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from suggesting.captions import measure_scores, read_captions
from suggesting.naming import measure_naming
from suggesting.size import measure_size

from pipeline.engine.workspace import Workspace
from pipeline.tags.keyword_step import KEYWORDS
from pipeline.tags.segment import open_segmenter
from schemas.config import Config

_STICKERS, _KEYWORDS = 1_000_000, 1_300_000  # of which 520,000 are different
_CAPTIONS = Path("../shared/keywords/sticker_captions.tsv")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(dest="part")
    captions = parts.add_parser("captions")
    captions.add_argument("tsv", nargs="?", type=Path, default=_CAPTIONS)
    size = parts.add_parser("size")
    size.add_argument("--stickers", type=int, default=_STICKERS)
    size.add_argument("--keywords", type=int, default=_KEYWORDS)
    naming = parts.add_parser("naming")
    naming.add_argument("workspace", type=Path)
    arguments = parser.parse_args()
    if arguments.part == "captions":
        figures = _scores(arguments.tsv)
    elif arguments.part == "naming":
        figures = measure_naming(Workspace(arguments.workspace), Config())
    elif arguments.part == "size":
        figures = measure_size(arguments.stickers, arguments.keywords)
    else:
        figures = _scores(_CAPTIONS) if _CAPTIONS.is_file() else {}
        figures |= measure_size(_STICKERS, _KEYWORDS)
    print(json.dumps({"benchmark": "suggestions", "figures": figures}))


def _scores(path: Path) -> dict[str, Any]:
    settings = KEYWORDS.settings(Config())
    rows = measure_scores(read_captions(path), open_segmenter(settings.words, settings.reactions))
    print("score from   texts   right")
    for row in rows:
        print(f"{row['from']:>10}{row['texts']:>8}{row['right']:>8.0%}")
    return {f"right_from_{row['from']}": row["right"] for row in rows}


if __name__ == "__main__":
    main()
