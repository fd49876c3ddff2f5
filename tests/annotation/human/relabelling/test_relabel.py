"""`label relabel`: which stickers it ranks, what it wants, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from table_rows import put

from annotation.human.studio.ledger import open_ledger
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from stickerworks.cli.main import app

PEOPLE = ("ann@example.org", "bob@example.org", "cem@example.org", "dan@example.org")
OTHERS = ("eva@example.org",)
Relabel = Callable[..., dict[str, Any]]


def key(number: int) -> str:
    return f"{number:064x}"


def vote(number: int, who: str, *tags: str, **more: Any) -> dict[str, Any]:
    return {
        "id": key(number), "annotator": who, "origin": "label_studio", "simulated": False,
        "skipped": False, "tags": list(tags), "sequence": number, "annotation": f"{number}{who}",
        **more,
    }  # fmt: skip


def emotion(*values: str) -> dict[str, Any]:
    return {"answers": [{"question": "emotion", "values": list(values)}]}


STRAY, DISPUTED, STRAY_MOODS, MOODS = range(18), range(18, 24), range(24, 42), range(42, 48)


def cast() -> list[dict[str, Any]]:
    """All agree on 笑 or 哭; one adds 狗, or two do, and so with the emotion surprise."""
    rows = []
    for n in range(48):
        for place, who in enumerate(PEOPLE[:3]):
            alone = place == n % 3
            tags = ["笑" if n % 2 else "哭"]
            moods = ["happiness" if n % 2 else "sadness"]
            if (n in STRAY and alone) or (n in DISPUTED and not alone):
                tags.append("狗")
            if (n in STRAY_MOODS and alone) or (n in MOODS and not alone):
                moods.append("surprise")
            rows.append(vote(n, who, *tags, **emotion(*moods)))
    return rows


def keys(numbers: Iterable[int]) -> set[str]:
    return {key(n) for n in numbers}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "ws")
    put(workspace, "stickers", [{"id": key(n), "format": "gif"} for n in range(50)])
    put(workspace, "ballot", [{"version": "1", "tag": tag} for tag in ("笑", "哭", "狗")])
    question = {"version": "1", "name": "emotion", "kind": "several", "required": True}
    values = ["happiness", "sadness", "surprise"]
    put(workspace, "questions", [{**question, "values": values, "title_en": "Emotion"}])
    put(workspace, "votes", cast())
    return workspace


@pytest.fixture
def relabel(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> Relabel:
    """What the command answers, by four people unless ``people`` are others."""

    def call(
        *words: str, people: tuple[str, ...] = (*PEOPLE, *OTHERS), dry: bool = False
    ) -> dict[str, Any]:
        before = ["--dry-run"] if dry else []
        team = f"label.annotators=[{', '.join(people)}]"
        arguments = ["--json", *before, "--workspace", str(workspace.root), "--set", team]
        capsys.readouterr()
        app(args=[*arguments, "label", "relabel", *words], standalone_mode=False)
        return dict(json.loads(capsys.readouterr().out))

    return call


def wanted(workspace: Workspace) -> dict[str, int]:
    with open_ledger(workspace.root) as ledger:
        return ledger.wanted()


def ids(answer: dict[str, Any]) -> list[str]:
    return [one["id"] for one in answer["relabel"]["candidates"]]


def test_disputed_stickers_are_wanted_again_and_can_be_taken_back(
    relabel: Relabel, workspace: Workspace
) -> None:
    answer = relabel("--next", "5", "--question", "tags")
    found = answer["relabel"]["candidates"]
    assert len(found) == 5
    assert set(ids(answer)) < keys(DISPUTED)
    assert found[0]["about"] == "tags"
    assert found[0]["votes"] == 3
    assert found[0]["gain"] > 0
    assert found[0]["reasons"][0].startswith("of 3 votes 3 for '")
    assert "2 for '狗'" in found[0]["reasons"][0]
    assert wanted(workspace) == {one["id"]: 3 + one["more"] for one in found}
    assert ids(relabel("--next", "5", "--question", "tags")) == ids(answer)
    assert relabel("--clear")["cleared"] == 5
    assert wanted(workspace) == {}


def test_what_is_tried_dry_wants_nothing(relabel: Relabel, workspace: Workspace) -> None:
    relabel("--question", "tags")
    relabel("--clear")
    assert ids(relabel("--question", "tags", dry=True))
    assert wanted(workspace) == {}


def test_questions_count_as_tags_do(relabel: Relabel) -> None:
    about = {one["id"]: one["about"] for one in relabel()["relabel"]["candidates"]}
    assert {about[id_] for id_ in keys(DISPUTED)} == {"tags"}
    assert {about[id_] for id_ in keys(MOODS)} == {"emotion"}
    assert keys(STRAY).isdisjoint(about)
    assert set(ids(relabel("--question", "emotion"))) == keys(MOODS)


def test_what_is_settled_otherwise_is_left_out(relabel: Relabel, workspace: Workspace) -> None:
    put(workspace, "gold", [{"id": key(18), "tags": ["笑"]}])
    why = {"number": 1, "field": "tags", "after": ["笑"], "why": "seen", "who": "lead", "at": "now"}
    put(workspace, "corrections", [{"id": key(19), **why}])
    assert keys(DISPUTED) - set(ids(relabel())) == keys((18, 19))


def test_nobody_is_asked_twice(relabel: Relabel) -> None:
    answer = relabel(people=PEOPLE[:3])
    assert ids(answer) == []
    assert answer["relabel"]["exhausted"] == answer["relabel"]["open"] == 48
    assert all(one["more"] == 1 for one in relabel(people=PEOPLE)["relabel"]["candidates"])


def test_without_votes_there_is_nothing_to_ask(relabel: Relabel, workspace: Workspace) -> None:
    put(workspace, "votes", [])
    with pytest.raises(StickerworksError, match="Nobody has voted yet"):
        relabel()


def scores(path: Path, said: Any) -> str:
    path.write_text(said if isinstance(said, str) else json.dumps(said), encoding="utf-8")
    return str(path)


def images(*numbers: int, tags: tuple[str, ...] = ("笑", "哭", "狗")) -> dict[str, Any]:
    """Scores by which 笑 and 哭 are as all said, and of the disputed a dog is on 18 least."""

    def score(number: int, place: int) -> float:
        if place == 2:
            return 0.0 if number == 18 else 0.5 + number / 100 if number in DISPUTED else 0.4
        return (0.8 if number % 2 != place else 0.1) + number / 1000

    return {
        "images": [
            {
                "file": f"media/00/{key(n)}.gif",
                "tags": [{"tag": t, "score": score(n, place)} for place, t in enumerate(tags)],
            }
            for n in numbers
        ]
    }


def test_scores_tell_stickers_with_the_same_votes_apart(relabel: Relabel, tmp_path: Path) -> None:
    file = scores(tmp_path / "scores.json", images(*range(48)))
    answer = relabel("--question", "tags", "--scores", file)
    assert ids(answer)[0] == key(18)
    first = answer["relabel"]["candidates"][0]
    assert any("the baseline is surer of '狗' on" in reason for reason in first["reasons"])


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ([1], "has no scores of images"),
        ({"images": [{"file": key(1)}]}, "image 1 has no file, or no tags"),
        ({"images": [{"file": key(1), "tags": [{"tag": "笑", "score": "1"}]}]}, "image 1 has no"),
        ('{"images": [{"file": "' + key(1) + '", "tags": [{"tag": "a", "score": NaN}]}]}', "image"),
        ({"images": [{"file": key(1), "tags": [{"tag": "a", "score": 10**400}]}]}, "image 1"),
        (images(1, 1), "twice"),
        ({"images": [{"file": "cat.gif", "tags": []}]}, "no file that is named by"),
        (images(48, 49), "None of the stickers"),
        (images(1, 2, tags=("a", "b")), "None of the tags"),
    ],
)
def test_scores_of_nothing_here_are_refused(
    relabel: Relabel, tmp_path: Path, said: Any, says: str
) -> None:
    with pytest.raises(StickerworksError, match=says):
        relabel("--scores", scores(tmp_path / "scores.json", said))


def test_a_missing_file_and_an_unknown_question_are_named(relabel: Relabel, tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match="can't be read"):
        relabel("--scores", str(tmp_path / "none.json"))
    with pytest.raises(StickerworksError, match="no question 'mood'"):
        relabel("--question", "mood")
