"""Guidelines are shown; they neither run nor load anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.human.gateway.guidelines import as_html, instruction_html
from pipeline.engine.errors import StickerworksError
from schemas.labelling import LabelConfig


def test_markdown_is_rendered_and_links_open_elsewhere() -> None:
    html = as_html("# A\n\n| a | b |\n|---|---|\n| 1 | **2** |\n\n[paper](https://example.org)")
    assert "<h1>A</h1>" in html
    assert "<strong>2</strong>" in html
    assert 'href="https://example.org" rel="noopener noreferrer nofollow" target="_blank"' in html


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "![x](https://e.org/p.png)",
        "[x](javascript:alert(1))", "[x](data:text/html;base64,PHNj)", "![x][r]\n\n[r]: //e",
        "[x](vbscript:x)", "<javascript:alert(1)>", '![a" onload="x](y)', "[x](file:///etc/passwd)",
        "<svg/onload=alert(1)>", "<iframe src=//e.org></iframe>", "<style>@import '//e'</style>",
    ],
)  # fmt: skip
def test_nothing_of_it_runs_or_loads(hostile: str) -> None:
    html = as_html(hostile).lower()
    for bad in ("<script", "<img", "<svg", "<iframe", "<style", 'href="javascript', 'href="data',
                'href="vbscript', 'href="file', " src="):  # fmt: skip
        assert bad not in html.replace("&lt;img src=", "").replace("&lt;iframe src=", "")


@given(st.text(st.sampled_from("<>![]()\"'ab:/ \n=*`|&;x")))
def test_only_tags_of_markdown_come_out(text: str) -> None:
    import re

    tags = set(re.findall(r"<\s*/?\s*([a-zA-Z0-9!?]*)", as_html(text)))
    assert tags <= {"p", "a", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "hr",
                    "br", "s", "table", "thead", "tbody", "tr", "th", "td", "h1", "h2"}  # fmt: skip


def test_a_reader_gets_the_file_of_their_language(tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text("English", "utf-8")
    (tmp_path / "guide.zh.md").write_text("中文", "utf-8")
    label = LabelConfig(guidelines=str(tmp_path / "guide.md"))
    assert instruction_html(label, "zh") == "<p>中文</p>\n"
    assert instruction_html(label, "en") == "<p>English</p>\n"
    assert instruction_html(LabelConfig(), "en") == ""


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for name, content in (("gone.md", None), ("odd.md", b"\xff\xfe"), ("big.md", b"x" * 200_001)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(StickerworksError, match=name):
            instruction_html(LabelConfig(guidelines=str(tmp_path / name)), "en")
