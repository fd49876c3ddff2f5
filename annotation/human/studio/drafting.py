"""Drafts what became of the tags that are gone: what people's naming says, and blanks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import pyarrow.compute as pc

from annotation.human.merge import current_votes
from annotation.human.migration import migrate
from annotation.human.studio.ballot import ChangedBallot, changed_ballot, frozen_ballot
from annotation.human.studio.changes_file import DraftedTag, draft_text
from annotation.human.studio.frozen import Keywords, all_changes, read_origins
from annotation.human.studio.ledger import VoteLedger
from annotation.human.studio.offered import TagOrigin, tags_by_keyword
from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import some
from pipeline.engine.workspace import Workspace

_SHOWN = 3


def draft_changes(workspace: Workspace, ledger: VoteLedger, path: Path) -> list[DraftedTag]:
    """Write a file to fill in, with every tag that is gone; return its lines.

    What follows from people's own naming stands there; what they dropped, and all that nobody
    knows of, is left blank, with the nearest tags of now in a comment.
    """
    frozen = frozen_ballot(ledger)
    changed = changed_ballot(workspace, ledger, frozen)
    if changed.is_same:
        raise StickerworksError(
            "The tags are those that were exported; there is nothing to migrate.",
            "Name them anew (`stickerworks tags sheet`, then `tags apply FILE`) first.",
        )
    if path.exists():
        raise StickerworksError(f"{path} exists already.", "Name a new file.")
    origins, keywords = read_origins(ledger, frozen.version)
    hints = _Hints(changed, origins, keywords, tags_by_keyword(workspace, changed.now))
    counts = _counts(workspace, ledger)
    drafted = [_drafted(tag, changed, hints, counts) for tag in changed.gone]
    with atomic_file(path) as temporary:
        text = draft_text(frozen.version, changed.now.version, drafted)
        temporary.write_text(text, encoding="utf-8")
    return drafted


class _Hints:
    """What tags of now are near to one that is gone."""

    def __init__(
        self,
        changed: ChangedBallot,
        origins: Mapping[str, TagOrigin],
        keywords: Keywords,
        tags: Mapping[str, str],
    ) -> None:
        self._origins, self._keywords, self._tags = origins, keywords, tags
        self._now = tuple(changed.now.origins)
        self._by_name: dict[str, set[str]] = {}
        for tag, origin in changed.now.origins.items():
            for name in (tag, *origin.names):
                self._by_name.setdefault(_folded(name), set()).add(tag)

    def about(self, tag: str) -> str:
        origin = self._origins.get(tag)
        names = (tag, *(origin.names if origin else ()))
        same = sorted({now for name in names for now in self._by_name.get(_folded(name), ())})
        said = [f"Also a name of {some(same, _SHOWN)}."] if same else []
        digests = self._keywords.get(tag, ())
        went = Counter(self._tags[digest] for digest in digests if digest in self._tags)
        if went:
            best = sorted(went, key=lambda now: (-went[now], now))[:_SHOWN]
            said.append(
                f"Of its {len(digests):,} keywords "
                + ", ".join(f"{went[now]:,} went to {now}" for now in best)
                + "."
            )
        elif digests:
            said.append(f"None of its {len(digests):,} keywords is in a tag now.")
        if not said:
            near = get_close_matches(tag, self._now, _SHOWN, 0.4)
            said = [f"Names like it: {some(near, _SHOWN)}."] if near else []
        return " ".join(said)


def _drafted(
    tag: str, changed: ChangedBallot, hints: _Hints, counts: Mapping[str, tuple[int, int]]
) -> DraftedTag:
    votes, labels = counts.get(tag, (0, 0))
    remark = f"{votes:,} {'vote' if votes == 1 else 'votes'}, "
    remark += f"{labels:,} {'label' if labels == 1 else 'labels'}."
    told = changed.successors.get(tag)
    if told is None:
        return DraftedTag(tag, None, f"{remark} {hints.about(tag)}")
    if told.tag is None:
        said = "Dropped when the tags were named; [] takes it out of old votes too."
        return DraftedTag(tag, None, f"{remark} {said}")
    return DraftedTag(tag, told.tag, f"{remark} So named by people: it is {told.id} now.")


def _counts(workspace: Workspace, ledger: VoteLedger) -> dict[str, tuple[int, int]]:
    """Votes that count and labels of each tag of the ballot."""
    votes = current_votes(migrate(workspace.read("votes"), all_changes(ledger)))
    votes = votes.filter(pc.invert(pc.fill_null(votes["skipped"], False)))
    given = Counter(pc.list_flatten(votes["tags"]).to_pylist())
    labels = Counter(
        pc.list_flatten(workspace.read("labels", columns=["tags"])["tags"]).to_pylist()
    )
    return {tag: (given[tag], labels[tag]) for tag in given | labels}


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
