"""Pages from a template of one's own."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from pipeline.engine.page.render import Page, write_page

EVIL = "<b onclick=x>\u202e"


def page(folder: Path, template: str) -> Page:
    folder.mkdir()
    (folder / "template.html").write_text(
        '{% extends "page.html" %}{% block main %}' + template + "{% endblock %}"
    )
    return Page(folder, EVIL, "kind", "lead", (("a", "First"),))


def test_values_and_titles_are_escaped(tmp_path: Path) -> None:
    made = page(tmp_path / "own", "<p>{{ said|one_line }}</p>")
    html = write_page(tmp_path / "x.html", made, {"said": EVIL}).read_text()
    assert "<p>&lt;b onclick=x&gt;</p>" in html
    assert "<h1>&lt;b onclick=x&gt;</h1>" in html
    assert '<a href="#a">First</a>' in html


def test_a_style_of_ones_own_comes_after_the_common_one(tmp_path: Path) -> None:
    made = page(tmp_path / "own", "")
    before = write_page(tmp_path / "x.html", made, {}).read_text()
    (made.folder / "style.css").write_text(".mine { color: red; }\n")
    after = write_page(tmp_path / "x.html", made, {}).read_text()
    assert ".mine" not in before
    assert after.index(".numbers {") < after.index(".mine")


def test_a_value_that_is_missing_leaves_the_old_page(tmp_path: Path) -> None:
    target = tmp_path / "x.html"
    target.write_text("old")
    with pytest.raises(UndefinedError):
        write_page(target, page(tmp_path / "own", "{{ nothing }}"), {})
    assert target.read_text() == "old"


def test_scripts_of_ones_own_are_one_which_the_policy_allows(tmp_path: Path) -> None:
    made = page(tmp_path / "own", "")
    (made.folder / "a.js").write_text("const a = 1;\n")
    (made.folder / "b.js").write_text("const b = a;\n")
    without = write_page(tmp_path / "x.html", made, {}).read_text()
    html = write_page(tmp_path / "x.html", replace(made, scripts=("a.js", "b.js")), {}).read_text()
    script = "const a = 1;\nconst b = a;\n"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"<script>{script}</script>" in html
    assert f"script-src 'sha256-{digest}';" in html
    assert "script" not in without
