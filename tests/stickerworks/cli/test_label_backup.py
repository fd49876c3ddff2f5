"""`label backup` and `label restore` as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from annotation.human.studio.ledger import PlacedTask, Planned, Project, open_ledger
from annotation.human.studio.tables import write_asked
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import Proof, write_table
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES
from stickerworks.cli.main import app

STICKER = "ab" * 32


def run(root: Path, *words: str) -> int:
    return app(args=["--workspace", str(root), *words], standalone_mode=False) or 0


@pytest.fixture
def asked(tmp_path: Path) -> Workspace:
    """A workspace in which somebody was asked about one sticker."""
    workspace = Workspace(tmp_path / "here")
    with open_ledger(workspace.root) as ledger:
        ledger.add_project(Project(7, "labelling", "v1", "x", None, None))
        ledger.plan([Planned("labelling", STICKER, "v1", "b1", gold=False, blind=False)])
        ledger.place("labelling", 7, "2026-01-01", [PlacedTask(STICKER, 1, None)])
        write_asked(workspace, ledger)
    put_sticker(workspace)
    return workspace


def put_sticker(workspace: Workspace) -> None:
    inner = f"media/{STICKER[:2]}/{STICKER}.gif"
    (workspace.root / inner).parent.mkdir(parents=True)
    (workspace.root / inner).write_bytes(b"GIF89a")
    rows = {"stickers": {"id": STICKER, "format": "gif"}, "media": {"id": STICKER, "path": inner}}
    for name, row in rows.items():
        table = pa.Table.from_pylist([row], schema=TABLES[name].schema)
        write_table(workspace.path(name, 0), table, Proof(name, "x"))


def test_status_says_the_same_after_it_and_secrets_are_owned_up_to(asked, tmp_path, capsys):
    assert run(asked.root, "label", "backup", str(tmp_path / "saved.tar.gz")) == 0
    assert "IT HOLDS PASSWORDS" in capsys.readouterr().err
    there = Workspace(tmp_path / "there")
    put_sticker(there)
    assert run(there.root, "label", "restore", str(tmp_path / "saved.tar.gz")) == 0
    assert "of 1 stickers" in capsys.readouterr().err
    assert (there.root / f"label-studio/files/stickers/ab/{STICKER}.gif").read_bytes() == b"GIF89a"
    said = []
    for workspace in (asked, there):
        run(workspace.root, "--json", "label", "status")
        said.append(json.loads(capsys.readouterr().out)["status"])
    assert said[0] == said[1]


def test_missing_stickers_are_told_and_shown_once_they_are_there(asked, tmp_path, capsys):
    run(asked.root, "label", "backup", str(tmp_path / "saved.tar.gz"))
    there = Workspace(tmp_path / "there")
    assert run(there.root, "label", "restore", str(tmp_path / "saved.tar.gz")) == 3
    assert "1 stickers that people are asked about are not in this workspace" in (
        " ".join(capsys.readouterr().err.split())
    )
    put_sticker(there)
    assert run(there.root, "label", "restore") == 0
    assert (there.root / f"label-studio/files/stickers/ab/{STICKER}.gif").exists()


def test_a_backup_waits_for_no_other_command(asked, tmp_path):
    with asked.lock("label import"):
        assert run(asked.root, "label", "backup", str(tmp_path / "saved.tar.gz")) == 0


def test_a_dry_run_writes_nothing(asked, tmp_path, capsys):
    assert run(asked.root, "--dry-run", "label", "backup", str(tmp_path)) == 0
    assert "would save" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("backup", "s3://bucket/file"), "disk of this machine"),
        (("restore", "s3://bucket/file"), "disk of this machine"),
        (("restore", "no-such-file"), "Could not read"),
        (("restore", "/dev/zero"), "no regular file"),
        (("restore", "."), "no regular file"),
    ],
)
def test_misuse_is_one_line(asked, words, why):
    with pytest.raises(StickerworksError, match=why):
        run(asked.root, "label", *words)


def test_nothing_to_save_is_said(tmp_path):
    with pytest.raises(StickerworksError, match="nothing to back up"):
        run(tmp_path / "empty", "label", "backup", str(tmp_path / "saved.tar.gz"))
    assert not (tmp_path / "empty").exists()
