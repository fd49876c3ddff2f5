"""The ballot: the tag set that annotators choose from, frozen when it is first exported.

The server would accept another tag set under votes already given, so a changed one is refused
until somebody says what became of the old tags. Tag sets of the same tags are the same ballot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from annotation.human.studio.frozen import freeze, note_tagset, read_origins, tagsets_of
from annotation.human.studio.ledger import Ballot, VoteLedger
from annotation.human.studio.offered import OfferedTags, keyword_hashes, offered_tags
from annotation.human.studio.succession import Successor, successors
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

_SHOWN = 5


@dataclass(frozen=True)
class ChangedBallot:
    """The frozen ballot against the tag set of now.

    ``gone`` are its tags that aren't there any more, or whose names mean something else now;
    ``new`` those that it didn't offer. ``successors`` are what people's naming says of its tags.
    """

    frozen: Ballot
    now: OfferedTags
    same_version: bool
    gone: tuple[str, ...]
    new: tuple[str, ...]
    successors: Mapping[str, Successor]

    @property
    def is_same(self) -> bool:
        """Whether both offer the same tags."""
        return self.same_version or not (self.gone or self.new)


def current_ballot(workspace: Workspace, ledger: VoteLedger, *, keep: bool) -> Ballot:
    """The ballot to export with: the frozen one, or, at first, the tag set as it is now.

    Raises StickerworksError when the tags have changed since, unless ``keep`` says to go on
    with the frozen one.
    """
    frozen = ledger.ballot()
    if frozen is None:
        now = offered_tags(workspace)
        _check_offered(workspace, now)
        return freeze(ledger, now, keyword_hashes(workspace, now))
    changed = changed_ballot(workspace, ledger, frozen)
    if keep or changed.same_version:
        return frozen
    if changed.is_same:
        note_tagset(ledger, frozen, changed.now, keyword_hashes(workspace, changed.now))
        return frozen
    raise StickerworksError(
        f"The tag set changed after it was exported: {_difference(changed)}.",
        "Go on with the exported one (`label export --keep-tags`), or write what became of the "
        "tags that are gone (`label migrate --draft FILE`, then `label migrate FILE`).",
    )


def changed_ballot(workspace: Workspace, ledger: VoteLedger, frozen: Ballot) -> ChangedBallot:
    """What differs between the frozen ballot and the tag set of now."""
    now = offered_tags(workspace)
    tagsets = tagsets_of(ledger, frozen.version)
    origins, _ = read_origins(ledger, frozen.version)
    same_version = now.version in tagsets
    told = {} if same_version else successors(workspace, origins, tagsets, now)
    gone = [
        tag
        for tag in frozen.tags
        if tag not in now.origins or (tag in told and told[tag].tag != tag)
    ]
    new = sorted(set(now.origins) - set(frozen.tags))
    return ChangedBallot(frozen, now, same_version, tuple(gone), tuple(new), told)


def frozen_ballot(ledger: VoteLedger) -> Ballot:
    """The newest ballot; StickerworksError where none was exported."""
    frozen = ledger.ballot()
    if frozen is None:
        raise StickerworksError(
            "No tag set was exported yet, so there is nothing to migrate.",
            "Change it as you like and run `stickerworks label export`.",
        )
    return frozen


def unnamed_warning(workspace: Workspace) -> str | None:
    """What to say before people are asked about tags that nobody named; None where somebody did."""
    now = offered_tags(workspace)
    if now.named or not (now.origins or now.left_out):
        return None
    left = f", and leaves out {_left_out(now)} clusters" if now.left_out else ""
    return (
        f"NOBODY HAS NAMED THESE TAGS: the ballot has {len(now.origins):,} names that clusters "
        f"suggest{left}. `stickerworks tags sheet` or `tags page` asks people to name, merge and "
        "drop them; `tags apply FILE` takes that into use."
    )


def some(tags: Sequence[str]) -> str:
    """The first few of some tags."""
    more = f" and {len(tags) - _SHOWN:,} more" if len(tags) > _SHOWN else ""
    return ", ".join(tags[:_SHOWN]) + more


def _check_offered(workspace: Workspace, now: OfferedTags) -> None:
    if now.origins:
        return
    if now.left_out:
        raise StickerworksError(
            f"Nobody has named the tags of {workspace.name}, and all are no tags to ask about: "
            f"{_left_out(now)} clusters.",
            "Have people name them (`stickerworks tags sheet`, then `tags apply FILE`).",
        )
    raise StickerworksError(
        f"There is no tag set in {workspace.name}.", "Run `stickerworks tags` first."
    )


def _left_out(now: OfferedTags) -> str:
    """What isn't offered, in words: 2 oversized and 90 singleton (one keyword, few stickers)."""
    meaning = {"singleton": " (one keyword, few stickers)"}
    return " and ".join(
        f"{count:,} {flag}{meaning.get(flag, '')}" for flag, count in sorted(now.left_out.items())
    )


def _difference(changed: ChangedBallot) -> str:
    said = [f"{some(changed.gone)} gone"] if changed.gone else []
    said += [f"{some(changed.new)} new"] if changed.new else []
    return "; ".join(said)
