"""The report: one HTML file that says what the workspace holds, why, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from pipeline.engine.audits import read_results
from pipeline.engine.page.cards import Card, cards_in, withhold
from pipeline.engine.page.pictures import load_pictures
from pipeline.engine.page.render import Page, write_page
from pipeline.engine.withheld import REVIEW, withheld_stickers
from pipeline.engine.workspace import Workspace
from pipeline.report import annotating, counts, filtering, releasing, tagging
from pipeline.report.measured import RuleValues
from schemas.config import Config

GALLERY = 400
_MOVING = 24
_MOVING_PER_RULE, _MOVING_DROPPED = 3, 24


def write_report(
    workspace: Workspace, config: Config, rule_values: RuleValues | None = None
) -> Path:
    """Write ``reports/index.html`` from whatever tables are there, and return its path.

    The file needs nothing beside it: pictures are data URIs, there is no script, and its
    content security policy forbids all else. Its size is bounded whatever the workspace's: every
    list is a sample or a cap that says what it leaves out. Stickers that people flagged are
    counted, and shown nowhere. ``rule_values`` asks the filter's rules, for histograms of those
    that stand on no single column. Raises StickerworksError when a table can't be read or the
    disk is full.
    """
    withheld = withheld_stickers(workspace)
    sections = withhold(collect_sections(workspace, config, rule_values), withheld)
    moving = _moving(sections["gallery"]["cards"])[:_MOVING] + _moving_dropped(sections["rules"])
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


def _moving(cards: Sequence[Card]) -> list[str]:
    return [card.id for card in cards if card.motion]


def _moving_dropped(rules: Mapping[str, Any]) -> list[str]:
    """A few animations that each rule dropped, as far as the page has room for motion."""
    some = [_moving(rule["cards"])[:_MOVING_PER_RULE] for rule in rules["rules"]]
    return list(dict.fromkeys(chain.from_iterable(some)))[:_MOVING_DROPPED]


def collect_sections(
    workspace: Workspace, config: Config, rule_values: RuleValues | None = None
) -> dict[str, Any]:
    """What each section says, by its name in the template."""
    return {
        "headline": counts.headline(workspace),
        "sources": counts.sources(workspace),
        "rules": filtering.rules(workspace, config.filter),
        "distributions": filtering.distributions(workspace, config.filter, rule_values),
        "audits": [result.model_dump() for result in read_results(workspace)],
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
    ("audits", "Audits"),
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
