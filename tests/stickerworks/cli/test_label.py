"""Which workspace is served for labelling."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annotation.human.studio.ledger import open_ledger
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from stickerworks.cli.main import app

ROOT = Path(__file__).parents[3]


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """What `label setup` says of its workspace, in a folder with those workspaces."""
    monkeypatch.chdir(tmp_path)

    def call(*workspaces: str, options: tuple[str, ...] = ()) -> str:
        for name in workspaces:
            path = Workspace(tmp_path / name).path("stickers", 0)
            path.parent.mkdir(parents=True)
            pq.write_table(pa.table({"id": ["a", "b"]}), path)
        app(args=["--dry-run", *options, "label", "setup"], standalone_mode=False)
        return capsys.readouterr().err.splitlines()[0]

    return call


@pytest.mark.parametrize("words", [["label", "import"], ["label", "assign"]])
def test_a_second_lead_hears_who_works_in_the_workspace(tmp_path: Path, words: list[str]) -> None:
    with (
        Workspace(tmp_path).lock("label export"),
        pytest.raises(
            StickerworksError, match=r"is in use by `stickerworks label export` \(process"
        ),
    ):
        app(args=["--workspace", str(tmp_path), *words], standalone_mode=False)


def test_the_state_is_told_while_somebody_else_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_ledger(tmp_path) as ledger, Workspace(tmp_path).lock("label import"):
        ledger.connection.execute("BEGIN EXCLUSIVE")
        app(args=["--workspace", str(tmp_path), "label", "status"], standalone_mode=False)
    assert "Stuck         0" in capsys.readouterr().err


def test_the_configured_workspace_is_served(said, tmp_path: Path) -> None:
    assert said("workspace").endswith(f"{tmp_path / 'workspace'}: 2 stickers")


def test_the_demos_is_where_the_configured_one_is_empty(said, tmp_path: Path) -> None:
    line = said("demo-workspace")
    assert f"{tmp_path / 'demo-workspace'}: 2 stickers (the demo's, since workspace" in line


def test_with_both_the_configured_one_is_and_the_other_is_named(said, tmp_path: Path) -> None:
    line = said("workspace", "demo-workspace")
    assert f"{tmp_path / 'workspace'}: 2 stickers (" in line
    assert "--workspace demo-workspace" in line


def test_the_one_that_is_named_is_served(said, tmp_path: Path) -> None:
    line = said("mine", "demo-workspace", options=("--workspace", "mine"))
    assert line.endswith(f"{tmp_path / 'mine'}: 2 stickers")


def test_make_passes_the_workspace_on() -> None:
    command = ["make", "-n", "label-studio", "WORKSPACE=/my sets/cats", "ARGS=--json"]
    # As typed in a shell: `make test` would hand its own options on.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    answer = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, env=alone
    )
    last = answer.stdout.splitlines()[-1]
    assert last.endswith('stickerworks --workspace "/my sets/cats" --json label setup')
