"""Changes: with a reason, of known values, of what the label still says, and taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from annotation.human.review.changes import (
    Change,
    apply_changes,
    author,
    change_all,
    checked,
    undo,
)
from annotation.human.review.labels import Vocabulary
from annotation.human.review.wanted import Wanted
from annotation.human.studio.corrected import corrections_of, write_corrected
from annotation.human.studio.forgetting import forget_tasks
from annotation.human.studio.ledger import VoteLedger, open_ledger
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture
def ledger(reviewed: Workspace) -> Iterator[VoteLedger]:
    with open_ledger(reviewed.root) as opened:
        yield opened


def change(after: tuple[str, ...], before: tuple[str, ...] | None = None, **more: str) -> Change:
    row = {"sticker": ONE, "field": "tags", "why": "looked", **more}
    return Change(before=before, after=after, **row)


def test_a_change_notes_what_was_and_who_says_why(reviewed: Workspace, ledger: VoteLedger) -> None:
    vocabulary = Vocabulary.of(reviewed)
    who = author(" lea ", vocabulary)
    found = apply_changes(reviewed, ledger, [checked(change(("SAD",), ("joy",)), vocabulary)], who)
    assert (found.made, found.same, found.refused) == (1, 0, ())
    (row,) = corrections_of(ledger)
    assert (row.number, row.before, row.after, row.why) == (1, ("joy",), ("sad",), "looked")
    assert (row.who, row.tagset) == ("lea", "v1")
    write_corrected(reviewed, ledger)
    (stored,) = reviewed.read("corrections").to_pylist()
    assert (stored["id"], stored["before"], stored["after"]) == (ONE, ["joy"], ["sad"])


def test_what_the_label_no_longer_says_is_refused_with_both(
    reviewed: Workspace, ledger: VoteLedger
) -> None:
    who = author("lea", Vocabulary.of(reviewed))
    seen = change(("sad",), ("fear",))
    found = apply_changes(reviewed, ledger, [seen], who)
    (refused,) = found.refused
    assert "was fear" in refused.why
    assert "is joy now" in refused.why
    assert corrections_of(ledger) == []
    assert apply_changes(reviewed, ledger, [seen], who, force=True).made == 1


def test_what_is_so_already_is_no_change(reviewed: Workspace, ledger: VoteLedger) -> None:
    who = author("lea", Vocabulary.of(reviewed))
    found = apply_changes(reviewed, ledger, [change(("joy",), ("fear",))], who)
    assert (found.made, found.same, found.refused) == (0, 1, ())


def test_dropped_and_unknown_stickers_are_refused(reviewed: Workspace, ledger: VoteLedger) -> None:
    who = author("lea", Vocabulary.of(reviewed))
    asked = [change(("joy",), sticker=one) for one in ("5" * 64, "f" * 64)]
    found = apply_changes(reviewed, ledger, asked, who, force=True)
    assert [one.why for one in found.refused] == [
        "the filter has dropped it",
        "the workspace has no such sticker",
    ]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (change(("jo",)), "There is no tag 'jo'"),
        (change(("joy",), why=" \n"), "needs a reason"),
        (change(("joy",), field="emotions"), "There is no field 'emotions'"),
        (change(("angr",), field="emotion"), "There is no answer to emotion 'angr'"),
        (change(("anger", "happiness"), field="emotion"), "takes one answer"),
        (change((), field="domain"), "A domain is one of"),
        (change(("drawn",), field="domain"), "There is no domain 'drawn'"),
    ],
)
def test_slips_are_told_with_what_is_near(reviewed: Workspace, asked: Change, said: str) -> None:
    with pytest.raises(StickerworksError, match=said) as raised:
        checked(asked, Vocabulary.of(reviewed))
    if "no tag" in said:
        assert "joy" in raised.value.remedy


def test_nobody_changes_nothing(reviewed: Workspace) -> None:
    with pytest.raises(StickerworksError, match="Nobody is named"):
        author("  ", Vocabulary.of(reviewed))


def test_all_that_is_found_is_changed(reviewed: Workspace, ledger: VoteLedger) -> None:
    who = author("lea", Vocabulary.of(reviewed))
    values = {"tags": ("joy",), "domain": ("real",)}
    found = change_all(reviewed, ledger, Wanted(given=("sad",)), values, ("all", who))
    assert (found.made, found.same) == (5, 1)  # one of three has the tag already
    assert {row.why for row in corrections_of(ledger)} == {"all"}


def test_only_the_change_that_holds_can_be_taken_back(
    reviewed: Workspace, ledger: VoteLedger
) -> None:
    who = author("lea", Vocabulary.of(reviewed))
    for after in ("sad", "fear"):
        apply_changes(reviewed, ledger, [change((after,))], who)
    with pytest.raises(StickerworksError, match="Change 1 doesn't hold") as raised:
        undo(reviewed, ledger, 1, "no", who)
    assert "--undo 2" in raised.value.remedy
    undo(reviewed, ledger, 2, "no", who)
    undo(reviewed, ledger, 1, "no", who)
    assert [row.after for row in corrections_of(ledger)] == [("sad",), ("fear",), None, None]
    for number in (1, 3, 9):
        with pytest.raises(StickerworksError):
            undo(reviewed, ledger, number, "no", who)


def test_a_takedown_forgets_changes(reviewed: Workspace) -> None:
    with open_ledger(reviewed.root) as ledger:
        who = author("lea", Vocabulary.of(reviewed))
        asked = [change(("sad",)), change(("sad",), sticker=TWO)]
        apply_changes(reviewed, ledger, asked, who)
    forget_tasks(reviewed.root, [ONE])
    with open_ledger(reviewed.root) as ledger:
        assert [row.sticker for row in corrections_of(ledger)] == [TWO]
