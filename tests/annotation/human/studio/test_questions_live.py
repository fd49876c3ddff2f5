"""Questions on a real server: exported, answered, imported, decided, and refused when changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from labelling_booth import Booth, answer, tasks_of

from annotation.human.answers_status import question_lines, questions_progress
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

LIKED = {"name": "liked", "kind": "scale", "title": "Would you send it?"}
USES = {"name": "uses", "kind": "several", "options": ["greet", "tease"], "required": False}
SAYS = {"name": "says", "kind": "text", "required": False}
ASKED = ["emotion", LIKED, USES, SAYS]
A, B, C, LEAD = range(4)


def options(questions: list[Any]) -> tuple[str, str]:
    return "--set", f"label.questions={json.dumps(questions)}"


def choices(name: str, *values: str) -> dict[str, Any]:
    return {
        "from_name": name, "to_name": "sticker", "type": "choices",
        "value": {"choices": list(values)},
    }  # fmt: skip


def text(name: str, value: str) -> dict[str, Any]:
    return {
        "from_name": name, "to_name": "sticker", "type": "textarea", "value": {"text": [value]}
    }  # fmt: skip


def saying(tags: list[str], *regions: dict[str, Any]) -> dict[str, Any]:
    said = answer(tags)
    return {**said, "result": [*said["result"], *regions]}


@pytest.fixture(scope="module")
def asked(drawn: Callable[[], Workspace], make_studio: Any) -> Any:
    """A server with four stickers, each asked of three people with four questions."""
    made = make_studio(drawn())
    made.label("export", "--next", "4", options=options(ASKED))
    return made


def answers(studio: Any, sticker: str) -> dict[str, tuple[Any, ...]]:
    (label,) = [row for row in studio.workspace.read("labels").to_pylist() if row["id"] == sticker]
    return {
        one["question"]: (one["values"], one["status"], one["votes"], one["agreed"], one["mean"])
        for one in label["answers"]
    }


def test_answers_become_labels_and_the_lead_decides_what_is_left(asked: Any) -> None:
    booth, people = Booth(asked), asked.config.label.accounts
    tasks = tasks_of(asked, "labelling")
    agreed, disputed, hostile, _ = sorted(tasks)
    tag = asked.workspace.read("ballot")["tag"][0].as_py()
    emotions = {agreed: ("fear", "fear", "anger"), disputed: ("fear", "anger", "surprise")}
    for sticker, felt in emotions.items():
        for who, (emotion, points) in enumerate(zip(felt, "445", strict=True)):
            regions = [choices("emotion", emotion), choices("liked", points)]
            regions += [choices("uses", "greet"), text("says", " OK" if who else "ok ")][: who + 1]
            booth.vote(people[who], tasks[sticker], saying([tag], *regions))
    booth.vote(people[A], tasks[hostile], saying([tag], choices("emotion", "rage")))
    booth.vote(people[B], tasks[hostile], saying([tag], choices("emotion", "fear", "anger")))
    booth.vote(people[C], tasks[hostile], saying([tag], choices("made_up", "fear")))
    asked.label("import", options=options(ASKED))
    assert asked.workspace.read("questions")["name"].to_pylist() == [
        "emotion", "liked", "uses", "says"
    ]  # fmt: skip
    assert answers(asked, agreed) == {
        "emotion": (["fear"], "effective", 3, 2, None),
        "liked": (["4"], "effective", 3, 2, pytest.approx(13 / 3)),
        "uses": (["greet"], "effective", 3, 3, None),
        "says": (["OK"], "effective", 2, 2, None),
    }
    assert answers(asked, disputed)["emotion"] == ([], "adjudicate", 3, 1, None)
    assert answers(asked, hostile)["emotion"] == ([], "unanswered", 0, 0, None)
    votes = [row for row in asked.workspace.read("votes").to_pylist() if row["id"] == hostile]
    assert sorted(row["quarantined"] or "" for row in votes) == [
        "",
        "it answers 'made_up', which was not asked",
        "it gives 2 answers to emotion, which takes one",
    ]
    lines = "\n".join(question_lines(questions_progress(asked.workspace)))
    assert "emotion       effective 1, adjudicate 1, unanswered 1" in lines
    assert "left out, by stickers: emotion: rage 1" in lines

    # Its tags are agreed on: the lead is asked for the emotion alone.
    asked.label("adjudicate", options=options(ASKED))
    (task,) = tasks_of(asked, "adjudication").items()
    assert task[0] == disputed
    shown = booth.users[asked.config.label.lead].get(f"{booth.url}/api/tasks/{task[1]['']}/")
    assert "anger" in shown.json()["data"]["votes"]
    decision = {"result": [choices("emotion", "anger")], "lead_time": 1, "was_cancelled": False}
    booth.vote(asked.config.label.lead, {asked.config.label.lead: task[1][""]}, decision)
    asked.label("import", options=options(ASKED))
    assert answers(asked, disputed)["emotion"] == (["anger"], "effective", 3, 1, None)
    (label,) = [r for r in asked.workspace.read("labels").to_pylist() if r["id"] == disputed]
    assert (label["status"], label["tags"]) == ("effective", [tag])


def test_other_words_make_another_set_and_other_answers_are_refused(asked: Any) -> None:
    titled = ["emotion", {**LIKED, "title": "Would you really send it?"}, USES, SAYS]
    asked.label("export", "--next", "1", options=options(titled))
    versions = asked.workspace.read("questions")["version"].to_pylist()
    assert len(set(versions)) == 2
    projects = {
        row["project"]
        for row in asked.workspace.read("tasks").to_pylist()
        if row["purpose"] == "labelling"
    }
    assert len(projects) == 6
    with pytest.raises(StickerworksError, match="liked changed after votes were given") as error:
        asked.label("export", "--next", "1", options=options([{**LIKED, "points": 7}]))
    assert "liked_2" in error.value.remedy
