"""The lead's recipe, its commands run in order, with people who label where it says so."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from voting.browser import Browser, log_in, vote
from voting.drawn import make_workspace

from annotation.human.studio.client import FOLDER
from annotation.human.studio.server import stop
from annotation.human.studio.server_paths import ServerPaths, read_accounts
from pipeline.engine.workspace import Workspace
from stickerworks.cli.main import app

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "lead.md"
PURPOSES = {"People label.": "labelling", "The lead decides.": "adjudication",
            "People screen.": "screening"}  # fmt: skip
LEAVING = "ana@example.org"
CLEAN = {"result": [], "lead_time": 1.0, "was_cancelled": False}
STICKERS = 18


def _server_fixtures() -> Any:
    """The fixtures of a migrated server, which all modules of a session share on disk."""
    path = ROOT / "tests" / "annotation" / "human" / "studio" / "conftest.py"
    spec = importlib.util.spec_from_file_location("studio_fixtures", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_FIXTURES = _server_fixtures()
first_start, migrated, free_port = (
    _FIXTURES.first_start,
    _FIXTURES.migrated,
    _FIXTURES.free_port,
)


def steps() -> Iterator[str]:
    """Lines of the page's commands, and sentences that say who does what, in order."""
    block = None
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            block = line[3:] if block is None else None
        elif line in PURPOSES or (block == "sh" and line.startswith("s ")):
            yield line


class Team:
    """The workspace of the page with its commands and its people."""

    def __init__(self, workspace: Workspace, folder: Path, port: int) -> None:
        self.workspace, self.folder, self.port = workspace, folder, port
        self.place = ServerPaths(workspace.root / FOLDER)
        self.browsers: dict[str, Browser] = {}
        self.answered: set[int] = set()

    def run(self, line: str) -> None:
        """A command as the page has it, with ``s`` as this test means it."""
        root, settings = str(self.workspace.root), str(self.folder / "team.yaml")
        given = ["--workspace", root, "--config", settings, "--set", f"label.port={self.port}"]
        # Half as many stickers as the page says: each vote goes through the server.
        given += ["--set", "label.calibration=3"]
        line = re.sub(r"--next (\d+)", lambda said: f"--next {int(said[1]) // 2}", line)
        code = app(args=[*given, *shlex.split(line)[1:]], standalone_mode=False)
        assert code in (0, None), line

    def act(self, purpose: str) -> int:
        """Answer what waits for anybody there, as their browsers would; how much it was."""
        before, leaving = len(self.answered), 0
        for task in self.workspace.read("tasks").to_pylist():
            if task["purpose"] != purpose or task["withdrawn"] or task["task"] in self.answered:
                continue
            name = task["person"] or "lead@example.org"
            if name == LEAVING and task["batch"] != "calibration":
                leaving += 1
                if leaving % 2:  # she leaves in the middle of what she was given
                    continue
            if purpose == "screening":
                name = "mei@example.org"
            said = CLEAN if purpose == "screening" else self.says(name, task["id"], purpose)
            browser = self.browser(name)
            assert browser.answer(task["project"], task["task"], said), (name, task)
            self.answered.add(task["task"])
        return len(self.answered) - before

    def says(self, name: str, sticker: str, purpose: str) -> dict[str, Any]:
        """Mostly the same as others say; on some stickers nobody agrees."""
        tags = sorted(self.workspace.read("ballot")["tag"].to_pylist())
        place = int(sticker[:4], 16)
        if place % 5 == 0 and purpose == "labelling":
            place += sorted(("ana", "chen", "kofi", "mei")).index(name.split("@", maxsplit=1)[0])
        return vote([tags[place % len(tags)]], answers={"emotion": "happiness"})

    def browser(self, name: str) -> Browser:
        if name not in self.browsers:
            password = read_accounts(self.place)["passwords"][name]
            self.browsers[name] = log_in(f"http://127.0.0.1:{self.port}", name, password)
        return self.browsers[name]


@pytest.fixture(scope="module")
def team(
    migrated: ServerPaths, free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Team]:
    """What the page begins with: stickers, named tags, a team, guidelines and gold."""
    import shutil

    folder = tmp_path_factory.mktemp("a lead")
    workspace = make_workspace(folder, STICKERS)
    (found,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (folder / "team.yaml").write_text(found, encoding="utf-8")
    (folder / "guidelines.md").write_text("# What tags mean\n", encoding="utf-8")
    tags = sorted(workspace.read("tagset")["tag"].to_pylist())
    known = [
        {"id": sticker, "tags": [tags[int(sticker[:4], 16) % len(tags)]], "domain": "cartoon"}
        for sticker in workspace.read("stickers")["id"].to_pylist()
        if int(sticker[:4], 16) % 5
    ]
    lines = "\n".join(map(json.dumps, known[:4]))
    (folder / "gold.jsonl").write_text(lines, encoding="utf-8")
    made = Team(workspace, folder, free_port())
    shutil.copytree(migrated.root, made.place.root)
    try:
        yield made
    finally:
        stop(made.place)


def test_the_recipe_leads_to_a_release(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(team.folder)
    (team.folder / "backups").mkdir()
    done = []
    for line in steps():
        if line in PURPOSES:
            done.append(team.act(PURPOSES[line]))
        else:
            team.run(line)
    assert all(done), "each time that the page lets people answer, something waits for them"
    (release,) = team.workspace.releases.glob("[!.]*")
    assert (release / "README.md").exists()
    assert len(list((team.folder / "backups").iterdir())) == 2
    statuses = team.workspace.read("labels")["status"].to_pylist()
    assert statuses.count("effective") >= 8
    votes = team.workspace.read("votes").to_pylist()
    assert {row["annotator"] for row in votes} > {"ana@example.org", "mei@example.org"}
    assert not [row for row in votes if row["quarantined"]]
