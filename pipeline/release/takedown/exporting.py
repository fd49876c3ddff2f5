"""The cleaner as one file: what anybody with Python and pyarrow cleans an old copy with."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path

from pipeline.engine.atomic_files import atomic_file
from pipeline.release.takedown.cleaner import (
    counting,
    folder,
    journal,
    lines,
    main,
    named,
    removed,
    shards,
    tars,
    words,
)
from pipeline.release.takedown.cleaner.named import TakenDown

_MODULES = (named, shards, removed, lines, tars, counting, words, journal, folder, main)
_HEAD = '''#!/usr/bin/env python3
"""Takes stickers that were taken down out of a copy of a release.

    python {name} FOLDER            says what would be done
    python {name} FOLDER --apply    does it

It needs Python 3.11 and pyarrow, and asks no server. It holds hashes alone.
"""

from __future__ import annotations

'''


def export_cleaner(path: Path, gone: TakenDown, notes: Mapping[str, str]) -> None:
    """Write the cleaner with the hashes in it; the same hashes give the same bytes."""
    told = {
        "ids": sorted(gone.ids),
        "pictures": sorted(gone.pictures),
        "addresses": sorted(gone.addresses),
        "notes": dict(sorted(notes.items())),
    }
    with atomic_file(path) as temporary:
        temporary.write_text(
            _HEAD.format(name=path.name)
            + "\n\n".join(_source(Path(str(module.__file__))) for module in _MODULES)
            + f"\n\n_TOLD = json.loads({json.dumps(told, indent=0)!a})\n\n"
            + _TAIL,
            "utf-8",
        )


def _source(path: Path) -> str:
    """A module's text without its docstring and what it imports of ours."""
    text = path.read_text("utf-8")
    lines = text.splitlines()
    for node in ast.parse(text).body:
        ours = isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in (
            "__future__",
            "pipeline",
        )
        if ours or (isinstance(node, ast.Expr) and node.lineno == 1):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (
                (node.end_lineno or node.lineno) - node.lineno + 1
            )
    return "\n".join(lines).strip() + "\n"


_TAIL = """if __name__ == "__main__":
    sys.exit(
        run_cleaner(
            TakenDown(
                frozenset(_TOLD["ids"]),
                frozenset(_TOLD["pictures"]),
                frozenset(_TOLD["addresses"]),
            ),
            _TOLD["notes"],
        )
    )
"""
