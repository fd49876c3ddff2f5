"""Feedback on gold: how an answer meets what is known, and pages that hold hostile words."""

from __future__ import annotations

from pathlib import Path

from annotation.human.gateway.feedback import GoldAnswer, compare, finished_batches, gold_answers
from annotation.human.gateway.holdings import OwnTask
from annotation.human.gateway.live import Answer
from annotation.human.gateway.pages import Home, Share, home_page
from annotation.human.studio.gold_file import GoldLabel

HOSTILE = '"><script>x</script>'


def said(*tags: str, domain: str | None = "cartoon", skipped: bool = False) -> Answer:
    return Answer(tags, domain, skipped)


def test_answers_meet_what_is_known() -> None:
    known = GoldLabel(("joy", "love"), "cartoon")
    assert compare(said("joy", "love"), known) == "same"
    assert compare(said("joy", "love", domain="real"), known) == "partly"
    assert compare(said("joy"), known) == "partly"
    assert compare(said("anger"), known) == "other"
    assert compare(said(skipped=True), known) == "skipped"
    assert compare(said(), GoldLabel((), None)) == "same"


def test_a_batch_is_finished_when_every_task_is_answered() -> None:
    tasks = [OwnTask(1, n, str(n), batch, False) for n, batch in enumerate("aabbc")]
    assert finished_batches(tasks, {0, 1, 2, 4}) == ["a", "c"]
    assert finished_batches([], set()) == []


def test_what_differs_comes_first_with_its_picture(tmp_path: Path) -> None:
    (tmp_path / "stickers" / "ab").mkdir(parents=True)
    (tmp_path / "stickers" / "ab" / "ab1.webp").touch()
    known = {"ab1": GoldLabel(("joy",), None), "cd1": GoldLabel(("joy",), None)}
    answers = {"cd1": said("joy"), "ab1": said("anger"), "../../x": said("joy"), "zz": said("x")}
    rows = gold_answers(tmp_path, answers, known)
    assert [(row.verdict, row.picture) for row in rows] == [
        ("other", "stickers/ab/ab1.webp"),
        ("same", ""),
    ]


def test_names_and_tags_are_text() -> None:
    row = GoldAnswer("stickers/ab/a.gif", said(HOSTILE), GoldLabel((HOSTILE,), None), "same")
    share = Share(HOSTILE, 5, 1, 2)
    home = Home(
        HOSTILE, "en", (share, share), (share,), (share,), "", HOSTILE, (HOSTILE, "b"), (row,)
    )
    page = home_page(home)
    assert "<script" not in page
    assert "You have done 1 of 2 stickers; 1 are left." in page
    assert 'href="/projects/5/data?labeling=1"' in page
