"""Hostile names stay text in Markdown."""

from __future__ import annotations

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipeline.engine.text import markdown_text, one_line
from pipeline.release.build import Release
from pipeline.release.markdown import table

PARSER = MarkdownIt("gfm-like", {"linkify": False}).enable("table")


@settings(max_examples=150, deadline=None)
@given(st.text(min_size=1, max_size=40))
@example("[a](javascript:alert(1))")
@example("<img src=x onerror=alert(1)>")
@example("a | b\n| c |")
@example("`code` **b** _i_ ~~s~~ ![x](y) &lt; \\| \\")
@example("http://evil.example www.evil.example me@evil.example")
@example("x\u202egnp.exe\u0000")
def test_a_cell_shows_its_text_and_nothing_else(text: str) -> None:
    cells = [token for token in PARSER.parse(table(("h",), [(text,)])) if token.type == "inline"]
    assert len(cells) == 2, "one header cell, one cell"
    kinds = {child.type for child in cells[1].children or []}
    assert kinds <= {"text", "text_special"}
    assert "".join(child.content for child in cells[1].children or []) == one_line(text, 60)


def test_links_are_not_made_of_bare_addresses() -> None:
    assert "http://" not in markdown_text("http://evil.example")
    assert "www." not in markdown_text("WWW.evil.example").lower()
    assert "@" not in markdown_text("@everyone")


def test_plain_is_one_short_line() -> None:
    assert one_line("a\u202eb\u0007\r\nc") == "a b c"
    assert one_line("x" * 100, 60) == "x" * 59 + "…"


def test_the_card_of_hostile_titles_holds_no_markup_of_theirs(released: Release) -> None:
    text = (released.path / "README.md").read_text("utf-8")
    front, body = text.split("---\n", 2)[1:]
    body = body.strip()
    assert yaml.safe_load(front)["dataset_info"]["splits"][0]["num_examples"] == 36
    assert "SIMULATED VOTES" in body.split("\n\n")[1], "said at the top"
    tokens = PARSER.parse(body)
    kinds = [child for token in tokens for child in token.children or []]
    assert not [child for child in kinds if child.type in ("html_inline", "link_open")]
    assert not [token for token in tokens if token.type == "html_block"]
    pictures = [child.attrs["src"] for child in kinds if child.type == "image"]
    assert len(pictures) == 11
    assert all(str(source).startswith("plots/") for source in pictures)
