"""The review page of a proposal: a sticker after the other, word by word, taken or left."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from pipeline.engine.page.pictures import animated_among, load_pictures
from pipeline.engine.page.render import Page, write_page
from pipeline.engine.text import one_line
from pipeline.engine.workspace import Workspace
from pipeline.split.propose import Candidate, Proposal

FILE = "test-sets.json"
_SIDE = 160
_MOVING = 300


def write_review(workspace: Workspace, proposal: Proposal, target: Path) -> Path:
    """Write the page that asks about every candidate; what is taken is saved as a file for
    ``split reserve FILE``."""
    ids = [one.id for one in proposal.candidates]
    page = Page(
        folder=Path(__file__).parent,
        title="Named test sets",
        kind="stickerworks split propose",
        lead="Stickers for each of the most frequent trigger words, real ones for VSD-R and "
        "cartoons for VSD-C. Take those that show the word well and may be published; leave the "
        "others. Whoever is taken is tested on, together with all that is like it, and never "
        "trained on.",
        contents=(),
        asks=True,
    )
    words = [
        (one_line(word), proposal.stickers[word], [_shown(one) for one in ones])
        for word, ones in groupby(proposal.candidates, key=lambda one: one.trigger_word)
    ]
    values = {
        "words": words,
        "count": len(ids),
        "taken": proposal.taken,
        "file": FILE,
        "place": f"stickerworks test sets {workspace.name}",
        "base": {"stickerworks_test_sets": 1},
        "pictures": load_pictures(workspace, ids, animated_among(workspace, ids)[:_MOVING], _SIDE),
    }
    return write_page(target, page, values)


def _shown(one: Candidate) -> dict[str, object]:
    row = {"test_set": one.test_set, "trigger_word": one.trigger_word, "domain": one.domain}
    return {"id": one.id, "row": row, "set": one.test_set, "voted": one.voted}
