"""The command of an exported cleaner."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from pipeline.release.takedown.cleaner.folder import clean_folder, plan_cleaning
from pipeline.release.takedown.cleaner.named import CleaningError, TakenDown


def run_cleaner(gone: TakenDown, notes: Mapping[str, str]) -> int:
    """Clean the folder of the command line: say what would be done, and with ``--apply`` do it."""
    parser = argparse.ArgumentParser(
        description="Takes stickers that were taken down out of a copy of a release. Nothing is "
        "changed without --apply."
    )
    parser.add_argument("folder", type=Path, help="the folder with SHA256SUMS")
    parser.add_argument("--apply", action="store_true", help="change the folder")
    given = parser.parse_args()
    try:
        plan = plan_cleaning(given.folder, gone, notes)
        rows = ", ".join(f"{split} {count:,}" for split, count in plan.rows.items())
        if plan.is_empty:
            print("Nothing of it is in this release.")
            return 0
        files = len(plan.rewritten) + len(plan.removed)
        print(f"{len(plan.ids):,} stickers in {files:,} files" + (f" ({rows})" if rows else ""))
        if not given.apply:
            print("Nothing was changed: add --apply.")
            return 0
        clean_folder(given.folder, gone, plan)
    except (CleaningError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("They are gone, and SHA256SUMS is written anew.")
    return 0
