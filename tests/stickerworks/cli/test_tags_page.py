"""`tags page` from the command line: the page, what is said, and what it begins with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.workspace import Workspace


def begun(page: Path) -> dict[str, Any]:
    """The data in a page."""
    found = re.search(r'id="data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def saved(workspace: Workspace, file: Path, **changes: Any) -> str:
    """A file as the page saves it, in which the first row is kept as 快乐."""
    proposals = workspace.read("proposals").to_pylist()
    rows = [{"key": row["key"], "exemplars": row["exemplars"]} for row in proposals]
    rows[0] |= {"decision": "keep", "name": "快乐"}
    content = {
        "stickerworks_naming": 1, "version": proposals[0]["version"], "who": "Dora", "rows": rows,
    }  # fmt: skip
    file.write_text(json.dumps(content | changes), "utf-8")
    return str(file)


def test_a_page_is_written_and_the_next_command_said(program: Any, made: Path) -> None:
    told = program("tags", "page")
    assert told.code == 0
    page = made / "reports" / "tags.html"
    assert str(page) in told.said
    assert "stickerworks tags apply FILE" in told.said
    data = begun(page)
    assert [row["key"] for row in data["clusters"]] == ["c0", "c1"]
    assert all(row["pictures"] for row in data["clusters"])
    assert data["start"] == {"who": "", "rows": {}, "added": []}


@pytest.mark.parametrize("version", ["the same", "ffffffffffff"])
def test_a_saved_file_is_where_the_next_page_begins(
    program: Any, made: Path, tmp_path: Path, version: str
) -> None:
    changes = {} if version == "the same" else {"version": version}
    file = saved(Workspace(made), tmp_path / "saved.json", **changes)
    told = program("tags", "page", str(tmp_path / "page.html"), "--from", file)
    assert told.code == 0
    assert "taken over:" in told.said
    start = begun(tmp_path / "page.html")["start"]
    assert start["who"] == "Dora"
    assert (start["rows"]["c0"]["decision"], start["rows"]["c0"]["name"]) == ("keep", "快乐")


def test_a_file_that_is_no_naming_leaves_no_page(program: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"picks": []}', "utf-8")
    told = program("tags", "page", str(tmp_path / "page.html"), "--from", str(bad))
    assert told.code == 1
    assert "holds no naming of tags" in told.said
    assert not (tmp_path / "page.html").exists()


def test_a_dry_run_writes_nothing(program: Any, made: Path) -> None:
    told = program("tags", "page", "--dry-run")
    assert told.code == 0
    assert "would write" in told.said
    assert not (made / "reports" / "tags.html").exists()


@pytest.mark.parametrize("name", ["filled.xlsx", "mine.html", "folder", "none/page.html"])
@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_what_is_no_page_of_ours_stays(
    program: Any, tmp_path: Path, name: str, more: tuple[str, ...]
) -> None:
    (tmp_path / "folder").mkdir()
    file = tmp_path / name
    if name in ("filled.xlsx", "mine.html"):
        file.write_text("<!doctype html>\nmine", "utf-8")
    told = program("tags", "page", str(file), *more)
    assert told.code == 1
    assert not (tmp_path / "none").exists()
    assert not file.is_file() or file.read_text("utf-8") == "<!doctype html>\nmine"
    assert "Name a" in told.said or "name a file" in told.said


def test_a_page_is_written_over_as_it_was_written_alone(program: Any, made: Path) -> None:
    page = made / "reports" / "tags.html"
    assert program("tags", "page").code == 0
    assert program("tags", "page").code == 0
    changed = page.read_text("utf-8").replace('<ol id="list"></ol>', '<ol id="list"><li></ol>')
    page.write_text(changed, "utf-8")
    assert program("tags", "page").code == 1
    assert page.read_text("utf-8") == changed
