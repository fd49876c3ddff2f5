"""A real export of Label Studio becomes votes and statuses; a second import changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from annotation.human.studio.importing import import_file
from annotation.human.studio.ledger import Person, PlacedTask, Planned, Project, open_ledger
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES
from stickerworks.cli.main import app

EXPORT = Path(__file__).with_name("label_studio_export.json")
PEOPLE = ("--annotator", "2", "--annotator", "3", "--annotator", "4")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    stickers = [{"id": f"s{n:03d}", "format": "png"} for n in range(5)]
    tags = [{"tag": f"标签{n:03d}", "version": "v1"} for n in range(461)]
    for name, part, rows in (("stickers", 0, stickers), ("tagset", None, tags)):
        table = pa.Table.from_pylist(rows, schema=TABLES[name].schema)
        made.write(name, part, table, Proof(name, "test"))
    return made


def label(workspace: Workspace, *words: str) -> None:
    arguments = ["--workspace", str(workspace.root), "label", *words]
    assert app(args=arguments, standalone_mode=False) in (0, None)


def labels(workspace: Workspace) -> dict[str, Any]:
    return {row["id"]: row for row in workspace.read("labels").to_pylist()}


def files(workspace: Workspace) -> dict[str, str]:
    paths = sorted(workspace.tables.rglob("*.parquet"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_the_export_gives_the_documented_statuses(workspace: Workspace) -> None:
    label(workspace, "import", str(EXPORT), *PEOPLE)
    merged = labels(workspace)
    assert {key: row["status"] for key, row in merged.items()} == {
        "s000": "effective",  # one annotator voted twice: the second vote counts
        "s001": "effective",  # three tags, each given by two
        "s002": "adjudicate",  # three voted, each for something else
        "s003": "effective",  # one skipped, two agree
        "s004": "unlabelled",
    }
    assert merged["s000"]["tags"] == ["标签000"]
    assert merged["s001"]["tags"] == ["标签001", "标签002", "标签003"]
    assert merged["s003"]["tags"] == ["标签005"]
    assert (merged["s003"]["votes"], merged["s003"]["skips"]) == (2, 1)
    assert merged["s000"]["domain"] == "cartoon"
    votes = workspace.read("votes").to_pylist()
    assert len(votes) == sum(len(task["annotations"]) for task in json.loads(EXPORT.read_text()))
    assert not any(vote["quarantined"] or vote["simulated"] for vote in votes)
    assert votes[0]["suggested"] == ["标签000"]
    assert votes[0]["unedited"] is True


def test_a_second_import_changes_nothing(workspace: Workspace) -> None:
    label(workspace, "import", str(EXPORT), *PEOPLE)
    before = files(workspace)
    label(workspace, "import", str(EXPORT))
    assert files(workspace) == before


@pytest.fixture
def decide(workspace: Workspace, tmp_path: Path) -> Callable[..., None]:
    """Imports the votes, then what the lead decides of a sticker, as tags."""
    label(workspace, "import", str(EXPORT), *PEOPLE)
    with open_ledger(workspace.root) as ledger:
        ledger.know([Person("server", 1, "lead@example.org", "lead")])
        ledger.plan([Planned("adjudication", "s002", "v1", "a001", gold=False, blind=False)])
        ledger.add_project(Project(2, "adjudication", "v1", "x", None, None))
        ledger.place("adjudication", 2, "now", [PlacedTask("s002", 9, ())])

    def call(*tags: str, day: int = 21) -> None:
        chosen = {"taxonomy": [[tag] for tag in tags]}
        said = {"from_name": "tags", "type": "taxonomy", "value": chosen}
        answer = {"id": 5, "completed_by": 1, "result": [said] if tags else []}
        answer |= {"updated_at": f"2026-11-{day}T00:00:00Z"}
        task = {"id": 9, "project": 2, "data": {"sticker_id": "s002"}, "annotations": [answer]}
        path = tmp_path / "decided.json"
        path.write_text(json.dumps([task]))
        label(workspace, "import", str(path))

    return call


def test_a_decision_of_unknown_tags_leaves_the_sticker_to_the_lead(
    workspace: Workspace, decide: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    decide("made up")
    found = labels(workspace)["s002"]
    assert (found["status"], found["tags"], found["provenance"]) == ("adjudicate", [], "votes")
    assert found["unknown_tags"] == ["made up"]
    capsys.readouterr()
    label(workspace, "status")
    told = capsys.readouterr().err
    assert "Unknown tags  left out, by stickers: made up 1" in told
    assert "Adjudication  1 wait for a decision" in told
    decide("made up", "标签007", day=22)
    found = labels(workspace)["s002"]
    assert (found["status"], found["tags"]) == ("effective", ["标签007"])
    assert (found["unknown_tags"], found["provenance"]) == (["made up"], "adjudication")
    decide(day=23)
    assert labels(workspace)["s002"]["status"] == "rejected"


def test_votes_of_users_that_nobody_named_are_kept_and_do_not_count(workspace: Workspace) -> None:
    label(workspace, "import", str(EXPORT), "--annotator", "2")
    assert len(workspace.read("votes")) == 13
    assert set(workspace.read("votes")["quarantined"].to_pylist()) == {
        None,
        "given by a user who is on no list",
    }
    assert {row["status"] for row in labels(workspace).values()} == {"insufficient", "unlabelled"}
    # Whoever was forgotten can be named later.
    label(workspace, "import", str(EXPORT), *PEOPLE)
    assert labels(workspace)["s001"]["status"] == "effective"


def test_an_export_of_our_own_server_is_known_by_its_tasks(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        row = Planned("labelling", "s001", "v1", "b001", gold=False, blind=False)
        ledger.plan([row])
        ledger.add_project(Project(1, "labelling", "v1", "x", None, None))
        ledger.place("labelling", 1, "now", [PlacedTask("s001", 2, ())])
        import_file(EXPORT, ledger, "file", ())
        origins = {(row["sticker"], row["origin"]) for row in ledger.everything()}
    assert origins == {("s000", "file"), ("s001", "server"), ("s002", "file"), ("s003", "file")}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not json", "no JSON"),
        (b"{}", "no list of tasks"),
        (b'[{"id": 1}]', "entry 0 is no task"),
        (b"[1]", "entry 0 is no task"),
    ],
)
def test_what_is_no_export_is_refused_in_one_line(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "export.json"
    path.write_bytes(content)
    with open_ledger(tmp_path) as ledger, pytest.raises(StickerworksError, match=said):
        import_file(path, ledger, "file", ())


@pytest.fixture
def simulated(workspace: Workspace) -> Workspace:
    """A workspace whose votes no person gave, as the demo leaves it."""
    same = {"annotator": "simulated-1", "origin": "demo", "simulated": True}
    rows = [{"id": f"s{n:03d}", "tags": ["标签000"], **same} for n in range(3)]
    table = pa.Table.from_pylist(rows, schema=TABLES["votes"].schema)
    workspace.write("votes", None, table, Proof("votes", "demo"))
    return workspace


def test_simulated_votes_are_lost_only_when_that_is_said(
    simulated: Workspace, tmp_path: Path
) -> None:
    before = files(simulated)
    empty = tmp_path / "empty.json"
    empty.write_text("[]")
    with pytest.raises(StickerworksError, match="3 simulated votes.*--replace-simulated") as told:
        label(simulated, "import", str(empty))
    assert "nothing was changed" in str(told.value)
    assert files(simulated) == before
    with pytest.raises(StickerworksError, match="3 simulated votes"):
        label(simulated, "migrate", str(empty))
    label(simulated, "import", str(EXPORT), *PEOPLE, "--replace-simulated")
    assert set(simulated.read("votes")["simulated"].to_pylist()) == {False}
    label(simulated, "import", str(empty))
    assert len(simulated.read("votes")) == 13


@pytest.mark.parametrize("answer", ["y", "n"])
def test_on_a_terminal_it_asks_before_simulated_votes_are_lost(
    simulated: Workspace, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    keyboard, terminal = os.openpty()
    os.write(keyboard, f"{answer}\n".encode())
    with open(keyboard, "wb"), open(terminal) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with nullcontext() if answer == "y" else pytest.raises(StickerworksError, match="nothing"):
            label(simulated, "import", str(EXPORT), *PEOPLE)
    assert len(simulated.read("votes")) == (13 if answer == "y" else 3)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger, pytest.raises(StickerworksError, match=r"nowhere\.json"):
        import_file(tmp_path / "nowhere.json", ledger, "file", ())


def test_an_edited_answer_is_another_version(workspace: Workspace, tmp_path: Path) -> None:
    label(workspace, "import", str(EXPORT), *PEOPLE)
    tasks = json.loads(EXPORT.read_text())
    answer = tasks[2]["annotations"][0]
    answer["result"][0]["value"]["taxonomy"] = [["G08", "标签200"]]
    answer["updated_at"] = "2026-11-21T00:00:00Z"
    tampered = tasks[3]["annotations"][0]
    tampered["result"], tampered["updated_by"] = [], 9
    tampered["updated_at"] = "2026-11-21T00:00:00Z"
    path = tmp_path / "later.json"
    path.write_text(json.dumps(tasks))
    label(workspace, "import", str(path))
    assert labels(workspace)["s002"]["tags"] == ["标签200"]
    assert labels(workspace)["s003"]["tags"] == ["标签005"], "a stranger's edit takes nothing away"
    assert len(workspace.read("votes")) == 15
