"""The lead's report: progress, agreement, quality, the worst disagreements and what was flagged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from annotation.human.checking.figures import judged_writers
from annotation.human.progress import progress
from annotation.human.quality import measure_quality
from annotation.human.report import agreeing, disputes, flagged, judging, working
from annotation.human.votes import counting_votes, read_votes
from pipeline.engine.page.cards import cards_in, withhold
from pipeline.engine.page.pictures import load_pictures
from pipeline.engine.page.render import Page, write_page
from pipeline.engine.withheld import withheld_stickers
from pipeline.engine.workspace import Workspace
from schemas.config import Config


def write_label_report(workspace: Workspace, config: Config) -> Path:
    """Write ``reports/labelling.html`` from whatever tables are there, and return its path.

    The file needs nothing beside it, and its size is bounded whatever the workspace's. What
    people flagged stands in the review list alone, blurred until clicked. Raises
    StickerworksError when a table can't be read or the disk is full.
    """
    sections = withhold(collect_sections(workspace, config), withheld_stickers(workspace))
    sections["flagged"] = flagged.review_list(workspace)
    pictures = load_pictures(workspace, (card.id for card in cards_in(sections)), ())
    page = Page(
        folder=Path(__file__).parent,
        title=f"{config.release.name}: labelling",
        kind="stickerworks labelling report",
        lead="How far the annotators are, how well they agree, and what needs a decision.",
        contents=_CONTENTS,
    )
    values = {**sections, "pictures": pictures}
    return write_page(workspace.reports / "labelling.html", page, values)


def collect_sections(workspace: Workspace, config: Config) -> dict[str, Any]:
    """What each section says, by its name in the template, but for the review list."""
    votes = read_votes(workspace)
    shown = workspace.read("suggestions", columns=["id", "tags"])
    quality = measure_quality(votes, workspace.read("gold"), shown)
    found = progress(workspace, config)
    return {
        "working": working.working(workspace, found),
        "waiting": working.waiting(workspace, found),
        "quarantined": working.quarantined(workspace, found),
        "agreement": agreeing.agreement(workspace),
        "confused": agreeing.confused(workspace, quality),
        "gold": judging.gold(workspace, quality),
        "bias": judging.bias(workspace, quality),
        "times": judging.times(workspace, quality),
        "disputes": disputes.disputes(workspace, counting_votes(votes)),
        "texts": judged_writers(workspace.read("text_checks")),
    }


_CONTENTS = (
    ("progress", "Progress"),
    ("waiting", "Waiting"),
    ("quarantined", "Not counted"),
    ("agreement", "Agreement"),
    ("confused", "Confused tags"),
    ("gold", "Gold"),
    ("bias", "Suggestions"),
    ("times", "Times"),
    ("disputes", "Disagreements"),
    ("flagged", "Flagged"),
    ("texts", "Machine texts"),
)
