"""What annotators wrote, of the votes that count, by sticker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.merge import current_votes
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace


@dataclass(frozen=True)
class VotedTexts:
    """Texts by sticker, one an annotator, in order of the annotators' names.

    ``simulated`` counts votes with a text that no person gave and that were left out. ``filled``
    are the texts of votes whose fields a machine had filled in.
    """

    texts: dict[str, tuple[str, ...]]
    simulated: int
    filled: dict[str, frozenset[str]]


def read_answers(
    workspace: Workspace,
    column: str,
    *,
    simulated: bool,
    besides: Mapping[str, tuple[str, ...]] | None = None,
) -> VotedTexts:
    """What ``column`` (``ocr`` or ``caption``) of the votes that count says now.

    The latest version of each annotation and the latest vote of each annotator count; skips,
    quarantined votes and empty texts don't. ``besides`` are texts of people by sticker that stand
    behind those. Raises StickerworksError when nothing is left.
    """
    votes = workspace.read("votes")
    made_up = pc.fill_null(votes["simulated"], False)
    left_out = 0
    if not simulated:
        left_out = len(_written(current_votes(votes.filter(made_up)), column))
        votes = votes.filter(pc.invert(made_up))
    wanted = ["id", "annotator", "suggested", column]
    rows = _written(current_votes(votes), column).select(wanted).to_pylist()
    texts: dict[str, tuple[str, ...]] = {}
    filled: dict[str, frozenset[str]] = {}
    for row in sorted(rows, key=lambda row: (row["id"], row["annotator"])):
        texts[row["id"]] = (*texts.get(row["id"], ()), row[column])
        if row["suggested"] is not None:
            filled[row["id"]] = filled.get(row["id"], frozenset()) | {row[column]}
    for id_, several in (besides or {}).items():
        texts[id_] = (*texts.get(id_, ()), *several)
    if not texts:
        raise _nothing(workspace, column, left_out)
    return VotedTexts(texts, left_out, filled)


def _written(votes: pa.Table, column: str) -> pa.Table:
    said = pc.utf8_trim_whitespace(pc.fill_null(votes[column], ""))
    skipped = pc.fill_null(votes["skipped"], False)
    return votes.filter(pc.and_(pc.not_equal(said, ""), pc.invert(skipped)))


def _nothing(workspace: Workspace, column: str, left_out: int) -> StickerworksError:
    what = {"ocr": "corrected the text of", "caption": "wrote a caption for"}[column]
    remedy = "Run `stickerworks label import` once annotators have."
    if column == "caption":
        remedy += " `stickerworks label texts` asks people to correct what machines wrote."
    if left_out:
        remedy = f"The {left_out} votes that do are simulated, which only --simulated exports."
    return StickerworksError(f"Nobody {what} a sticker of {workspace.name} yet.", remedy)
