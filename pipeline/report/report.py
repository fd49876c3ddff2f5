"""The report: one HTML file that says what the workspace holds, why, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.engine.page.cards import cards_in, withhold
from pipeline.engine.page.pictures import load_pictures
from pipeline.engine.page.render import Page, write_page
from pipeline.engine.withheld import REVIEW, withheld_stickers
from pipeline.engine.workspace import Workspace
from pipeline.report import annotating, counts, filtering, releasing, tagging
from schemas.config import Config

GALLERY = 400
_MOVING = 24


def write_report(workspace: Workspace, config: Config) -> Path:
    """Write ``reports/index.html`` from whatever tables are there, and return its path.

    The file needs nothing beside it: pictures are data URIs, there is no script, and its
    content security policy forbids all else. Its size is bounded whatever the workspace's: every
    list is a sample or a cap that says what it leaves out. Stickers that people flagged are
    counted, and shown nowhere. Raises StickerworksError when a table can't be read or the disk
    is full.
    """
    withheld = withheld_stickers(workspace)
    sections = withhold(collect_sections(workspace, config), withheld)
    moving = [card.id for card in sections["gallery"]["cards"] if card.motion][:_MOVING]
    pictures = load_pictures(workspace, (card.id for card in cards_in(sections)), moving)
    page = Page(
        folder=Path(__file__).parent,
        title=f"{config.release.name} {config.release.version}",
        kind="stickerworks report",
        lead="What this dataset holds, why each sticker is in it or not, and what is still "
        "missing.",
        contents=_CONTENTS,
    )
    values = {**sections, "pictures": pictures, "withheld": len(withheld), "review": REVIEW}
    return write_page(workspace.reports / "index.html", page, values)


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


_CONTENTS = (
    ("overview", "Overview"),
    ("rules", "Rules"),
    ("distributions", "Distributions"),
    ("duplicates", "Duplicates"),
    ("failures", "Failures"),
    ("unfetched", "Not fetched"),
    ("tags", "Tags"),
    ("domain", "Domain"),
    ("captions", "Captions"),
    ("votes", "Votes"),
    ("splits", "Splits"),
    ("release", "Release"),
    ("gate", "Gate"),
    ("gallery", "Gallery"),
)
