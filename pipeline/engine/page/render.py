"""HTML pages that need nothing beside them: one style, one script at most, data URIs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.text import one_line

_HERE = Path(__file__).parent

SCRIPTED = str(_HERE / "scripted.js")
"""The first of a page's own scripts that wants its data (JSON in elements called data and pictures,
with the ``file`` to be saved), elements made, and a file saved."""


@dataclass(frozen=True)
class Page:
    """A page's template, which lies in ``folder`` as template.html, and what its head says.

    ``contents`` are the ids of the sections and their names; a style.css in ``folder`` is added
    to the common one. One that ``asks`` has the script and style of asking.js and asking.css: it
    keeps answers in the browser and saves them as a file. One that brings ``scripts`` of its own,
    names of files in ``folder`` or SCRIPTED, has those as one, in their order. Nothing else runs in
    a page.
    """

    folder: Path
    title: str
    kind: str
    lead: str
    contents: tuple[tuple[str, str], ...]
    asks: bool = False
    scripts: tuple[str, ...] = ()


def write_page(target: Path, page: Page, values: Mapping[str, Any]) -> Path:
    """Write the page with its template's ``values``, whole or not at all, and return its path.

    The content security policy forbids all but this style, this script and pictures within the
    page. Raises StickerworksError when the disk is full.
    """
    asking = (_HERE / "asking.css",) if page.asks else ()
    style = "".join(
        path.read_text(encoding="utf-8")
        for path in (_HERE / "style.css", *asking, page.folder / "style.css")
        if path.exists()
    )
    scripts = [_HERE / "asking.js"] if page.asks else [page.folder / name for name in page.scripts]
    script = "".join(path.read_text(encoding="utf-8") for path in scripts)
    html = (
        _environment(page.folder)
        .get_template("template.html")
        .render(
            **values,
            title=one_line(page.title),
            kind=page.kind,
            lead=page.lead,
            contents=page.contents,
            style=style,
            style_hash=_csp_hash(style),
            script=script,
            script_hash=_csp_hash(script) if script else None,
        )
    )
    with atomic_file(target) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return target


def say_bytes(count: int) -> str:
    """A size for people, in powers of 1,000."""
    amount, units = float(count), ["bytes", "KB", "MB", "GB", "TB"]
    while amount >= 1000 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    return f"{amount:,.0f} {units[0]}" if units[0] == "bytes" else f"{amount:,.1f} {units[0]}"


def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([folder, _HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["one_line"] = one_line
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["percent"] = lambda value: f"{value:.1%}"
    environment.filters["size"] = say_bytes
    environment.filters["figure"] = lambda value: "–" if value is None else f"{value:.3f}"
    return environment


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
