"""An export is whole or not there, and never takes another's place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from annotation.handoff.folder import MARK, export_folder
from pipeline.engine.errors import StickerworksError


def fill(output: Path, text: str, kind: str = "ocr") -> None:
    with export_folder(output, kind) as folder:
        (folder / "data").mkdir()
        (folder / "data" / "file.txt").write_text(text)


def _fail(folder: Path) -> None:
    (folder / "half").write_text("x")
    raise ZeroDivisionError


def test_it_appears_when_it_is_whole(tmp_path: Path) -> None:
    output = tmp_path / "new" / "out"
    with export_folder(output, "ocr") as folder:
        (folder / "a").write_text("a")
        assert not output.exists()
        assert folder.parent == output.parent
    assert sorted(path.name for path in output.iterdir()) == ["a", MARK]
    assert [path.name for path in output.parent.iterdir()] == ["out"]


def test_an_earlier_export_is_replaced_as_a_whole(tmp_path: Path) -> None:
    fill(tmp_path / "out", "old")
    (tmp_path / "out" / "data" / "left-over.txt").write_text("from an earlier, longer one")
    fill(tmp_path / "out", "new")
    assert (tmp_path / "out/data/file.txt").read_text() == "new"
    assert not (tmp_path / "out/data/left-over.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_taken_and_a_link_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    fill(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there/data/file.txt").read_text() == "x"


@pytest.mark.parametrize(
    "mark",
    [None, "{", "[]", '{"made_by": "stickerworks", "kind": "ocr"}',
     '{"made_by": "stickerworks", "kind": "sft", "entries": ["export.json", "thesis.doc"]}'],
)  # fmt: skip
def test_what_something_else_made_is_never_touched(tmp_path: Path, mark: str | None) -> None:
    (tmp_path / "thesis.doc").write_text("years of work")
    if mark is not None:
        (tmp_path / MARK).write_text(mark)
    with pytest.raises(StickerworksError, match="no earlier export of this kind"):
        fill(tmp_path, "x")
    assert (tmp_path / "thesis.doc").read_text() == "years of work"


def test_what_somebody_laid_beside_an_export_is_kept(tmp_path: Path) -> None:
    fill(tmp_path / "out", "old")
    (tmp_path / "out" / "checkpoint.bin").write_text("days of training")
    with pytest.raises(StickerworksError, match=r"checkpoint\.bin"):
        fill(tmp_path / "out", "new")
    assert (tmp_path / "out/checkpoint.bin").exists()


def test_an_export_of_another_kind_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "out", "x")
    with pytest.raises(StickerworksError, match="of this kind"):
        fill(tmp_path / "out", "x", kind="sft")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(StickerworksError, match="is a file"):
        fill(tmp_path / "out", "x")
    with pytest.raises(StickerworksError, match="can't be written"):
        fill(tmp_path / "out" / "below", "x")


def test_a_name_that_no_disk_takes_asks_for_another(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match="too long") as caught:
        fill(tmp_path / ("x" * 300), "x")
    assert caught.value.remedy == "Choose another --output."


def test_a_failure_leaves_the_earlier_one_and_nothing_beside_it(tmp_path: Path) -> None:
    fill(tmp_path / "out", "old")
    with pytest.raises(ZeroDivisionError), export_folder(tmp_path / "out", "ocr") as folder:
        _fail(folder)
    assert (tmp_path / "out/data/file.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_kill_leaves_nothing_half_made_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from annotation.handoff.folder import export_folder\n"
        "with export_folder(Path(sys.argv[1]), 'ocr') as folder:\n"
        "    (folder / 'half').write_text('x')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    fill(tmp_path / "out", "old")
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "out")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "out/data/file.txt").read_text() == "old"
    assert len(os.listdir(tmp_path)) == 2
    other = tmp_path / f".out.{os.getppid()}.tmp"  # of one that still runs
    other.mkdir()
    fill(tmp_path / "out", "new")
    assert sorted(os.listdir(tmp_path)) == [other.name, "out"]


def test_an_export_whose_replacement_was_killed_comes_back(tmp_path: Path) -> None:
    """Between its two renames, the earlier export lies under a hidden name alone."""
    fill(tmp_path / "out", "old")
    dead = subprocess.Popen(["true"])
    dead.wait()
    (tmp_path / "out").rename(tmp_path / f".out.{dead.pid}.old")
    with pytest.raises(RuntimeError), export_folder(tmp_path / "out", "ocr"):
        raise RuntimeError
    assert (tmp_path / "out/data/file.txt").read_text() == "old"
