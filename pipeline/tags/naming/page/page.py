"""The page in the browser on which a lead names, merges and splits clusters."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.engine.page.embedded import data_json
from pipeline.engine.page.render import SCRIPTED, Page, write_page
from pipeline.engine.paths import read_regular
from pipeline.engine.workspace import Workspace
from pipeline.tags.naming.page.shown import Suggested, read_shown
from pipeline.tags.naming.page.stickers import load_shown_pictures
from pipeline.tags.naming.rows import ADD, Naming, NamingRow
from pipeline.tags.naming.targets import written_over

FILE = "tags-named.json"
_SCRIPTS = (
    SCRIPTED, "state.js", "warnings.js", "list.js", "cluster.js", "merging.js", "splitting.js",
    "start.js",
)  # fmt: skip
_KIND = "stickerworks tags page"
_AS_WRITTEN = (f"· {_KIND}</title>", '<ol id="list"></ol>', '<ol id="additions"></ol>')
_MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class Written:
    """The page, how many rows and pictures it shows, and the version of the proposals."""

    path: Path
    rows: int
    pictures: int
    version: str


def check_unchanged(target: Path) -> None:
    """Refuse to write over anything but a page as it was written: what people answer on it is in
    their browsers, which offer it on the next page."""
    if not target.exists():
        return
    try:
        text = read_regular(target, _MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        text = ""
    # A page that a browser saved shows its list.
    if text.startswith("<!doctype html>\n") and all(part in text for part in _AS_WRITTEN):
        return
    raise written_over(
        [target],
        "it is no page that `stickerworks tags page` wrote, or was changed since",
        "Name a new file that ends in .html, or move it away.",
    )


def write_naming_page(
    workspace: Workspace,
    target: Path,
    start: Naming | None = None,
    suggested: Suggested | None = None,
) -> Written | None:
    """Write the page that asks about every row of ``proposals``; people save a file for
    ``tags apply FILE``.

    ``start`` is what was decided about these proposals before, ``suggested`` names (Chinese,
    English) by key. Returns None, and writes nothing, where there is nothing to name.
    """
    shown = read_shown(workspace, suggested or {})
    if not shown.rows:
        return None
    pictures = load_shown_pictures(workspace, [row["key"] for row in shown.rows])
    rows = [{**row, "pictures": pictures.stickers.get(row["key"], [])} for row in shown.rows]
    begun = _begun(start)
    place = f"stickerworks naming {workspace.name} {shown.version}"
    if start is not None:
        place += f" {hashlib.sha256(data_json(begun).encode()).hexdigest()[:8]}"
    data = {
        "workspace": workspace.name,
        "version": shown.version,
        "place": place,
        "file": FILE,
        "clusters": rows,
        "words": shown.words,
        "start": begun,
    }
    page = Page(
        folder=Path(__file__).parent,
        title="Names for the tags",
        kind=_KIND,
        lead="",
        contents=(),
        scripts=_SCRIPTS,
    )
    values = {"data": data_json(data), "pictures": data_json(pictures.drawn), "file": FILE}
    written = write_page(target, page, values)
    return Written(written, len(rows), len(pictures.drawn), shown.version)


def _begun(start: Naming | None) -> dict[str, Any]:
    """What the page begins with, in the shape of what it saves."""
    rows = () if start is None else start.rows
    names = ("name", "english", "group", "aliases", "note")
    return {
        "who": "" if start is None else start.who or "",
        "rows": {row.key: _chosen(row, (*names, "decision", "into")) for row in rows if row.key},
        "added": [
            _chosen(row, (*names, "keywords", "words"))
            for row in rows
            if not row.key and row.decision in ("", ADD)
        ],
    }


def _chosen(row: NamingRow, columns: tuple[str, ...]) -> dict[str, Any]:
    return {column: getattr(row, column) for column in columns}
