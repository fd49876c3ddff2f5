"""The whole page: complete, self-contained, safe, bounded, the same every time."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from pipeline.report import report
from pipeline.report.report import write_report
from schemas.config import Config


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def html(filled: Workspace) -> str:
    return write_report(filled, Config()).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_headline_numbers_stand_on_the_page(page: Page) -> None:
    text = " ".join(page.text.split())
    assert "Checked: kept 80 + dropped 10 + failed 10 = read 100." in text
    assert "200 observations" in text
    assert "7 listed, not fetched" in text
    assert "40 keywords (33 clustered, 4 fitted, 3 unclustered)" in text


def test_every_section_has_content_and_none_is_missing(page: Page) -> None:
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert len(sections) == 15
    assert "is not complete" not in page.text
    for said in ("0.424", "ann and bob", "0.610", "Simulated votes", "K = 5", "shuffled labels"):
        assert said in page.text


def test_hostile_text_is_shown_and_never_markup(html: str, page: Page) -> None:
    assert '<script>alert("x")</script>' in page.text
    allowed = {"html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section"}
    allowed |= {"footer", "h1", "h2", "h3", "p", "b", "a", "ul", "li", "div", "span", "code"}
    allowed |= {"table", "tr", "th", "td", "figure", "figcaption", "picture", "source", "img"}
    allowed |= {"details", "summary", "svg", "rect"}
    assert {tag for tag, _ in page.tags} <= allowed
    assert not [a for _, attrs in page.tags for a in attrs if a.startswith("on") or a == "style"]
    assert "\u202e" not in html


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    pictures = [
        attrs[name] for _, attrs in page.tags for name in ("src", "srcset") if name in attrs
    ]
    assert len(pictures) > 100
    assert all(str(picture).startswith("data:image/") for picture in pictures)
    links = [str(attrs["href"]) for _, attrs in page.tags if "href" in attrs]
    assert links
    assert all(link.startswith("#") for link in links)


def test_policy_allows_just_our_own_style(html: str, page: Page) -> None:
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_same_tables_give_the_same_bytes_in_another_place(
    filled: Workspace, html: str, tmp_path: Path
) -> None:
    moved = Workspace(tmp_path / "elsewhere")
    shutil.copytree(filled.root, moved.root)
    again = write_report(moved, Config()).read_text(encoding="utf-8")
    assert again == html


def test_an_empty_workspace_says_what_makes_each_table(tmp_path: Path) -> None:
    text = " ".join(Page(write_report(Workspace(tmp_path), Config()).read_text()).text.split())
    for command in (
        *("crawl", "filter", "tags", "annotate", "merge", "split", "release", "validate"),
    ):
        assert f"stickerworks {command}" in text
    assert "No sticker was lost" not in text
    assert "No rule has been audited." in text


def test_a_table_that_lacks_a_shard_is_reported(make_workspace: Callable[..., Workspace]) -> None:
    workspace = make_workspace(20, 20)
    workspace.path("domain", 1).unlink()
    text = Page(write_report(workspace, Config()).read_text()).text
    assert "The table domain is not complete." in text
    assert "The table captions is not complete." not in text


def test_a_broken_table_is_named(make_workspace: Callable[..., Workspace]) -> None:
    workspace = make_workspace()
    workspace.path("signals", 0).write_bytes(b"PAR1 but not really")
    with pytest.raises(StickerworksError, match=r"signals.part-00000\.parquet"):
        write_report(workspace, Config())


def test_more_stickers_make_a_page_of_bounded_size(
    make_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "GALLERY", 30)
    workspace = make_workspace(50, 50, 50)
    page = Page(write_report(workspace, Config()).read_text())
    assert "30 of 120 kept stickers" in page.text
    assert "90 aren’t shown" in page.text
    pictures = sum(tag == "img" for tag, _ in page.tags)
    moving = sum(tag == "source" for tag, _ in page.tags)
    # The sum of the caps of all sections, plots included.
    assert pictures < 30 + 16 + 12 * 6 * 2 + 24 + 12 + 12 + 12
    assert 24 < moving <= 48, "some that are kept, some that were dropped"
