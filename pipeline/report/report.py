"""The report: one HTML file that says what the workspace holds, why, and what is missing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.engine.page.text import tidy
from pipeline.engine.storage import atomic_file
from pipeline.engine.workspace import Workspace
from pipeline.report import annotating, counts, filtering, releasing, tagging
from pipeline.report.pictures import load_pictures
from pipeline.report.reading import Card
from schemas.config import Config

GALLERY = 400
_MOVING = 24
_HERE = Path(__file__).parent


def write_report(workspace: Workspace, config: Config) -> Path:
    """Write ``reports/index.html`` from whatever tables are there, and return its path.

    The file needs nothing beside it: pictures are data URIs, there is no script, and its
    content security policy forbids all else. Its size is bounded whatever the workspace's: every
    list is a sample or a cap that says what it leaves out. Raises StickerworksError
    when a table can't be read or the disk is full.
    """
    sections = collect_sections(workspace, config)
    cards = list(_cards(sections))
    moving = [card.id for card in sections["gallery"]["cards"] if card.motion][:_MOVING]
    pictures = load_pictures(workspace, (card.id for card in cards), moving)
    html = (
        _environment()
        .get_template("template.html")
        .render(
            **sections,
            title=tidy(f"{config.release.name} {config.release.version}"),
            pictures=pictures,
            style=_style(),
            style_hash=_csp_hash(_style()),
        )
    )
    target = workspace.reports / "index.html"
    with atomic_file(target) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return target


def collect_sections(workspace: Workspace, config: Config) -> dict[str, Any]:
    """What each section says, by its name in the template."""
    return {
        "headline": counts.headline(workspace),
        "sources": counts.sources(workspace),
        "rules": filtering.rules(workspace, config.filter),
        "distributions": filtering.distributions(workspace, config.filter),
        "duplicates": filtering.near_duplicates(workspace),
        "failures": counts.failures(workspace),
        "unfetched": counts.unfetched(workspace),
        "tags": tagging.tags(workspace),
        "domain": annotating.domain(workspace),
        "captions": annotating.captions(workspace),
        "labels": annotating.labels(workspace),
        "splits": releasing.splits(workspace, config),
        "release": releasing.release(workspace, config),
        "gate": releasing.gate(workspace, config),
        "gallery": counts.gallery(workspace, GALLERY),
    }


def _cards(value: Any) -> Iterator[Card]:
    if isinstance(value, Card):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _cards(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _cards(inner)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["tidy"] = tidy
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["percent"] = lambda value: f"{value:.1%}"
    environment.filters["size"] = _say_bytes
    environment.filters["figure"] = lambda value: "–" if value is None else f"{value:.3f}"
    return environment


def _say_bytes(count: int) -> str:
    amount, units = float(count), ["bytes", "KB", "MB", "GB", "TB"]
    while amount >= 1000 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    return f"{amount:,.0f} {units[0]}" if units[0] == "bytes" else f"{amount:,.1f} {units[0]}"


def _style() -> str:
    return (_HERE / "style.css").read_text(encoding="utf-8")


def _csp_hash(style: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
