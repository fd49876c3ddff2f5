"""The lead's page: complete, safe, bounded; what was flagged is veiled and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from table_rows import put

from annotation.human.report.report import write_label_report
from pipeline.engine.page.pictures import load_pictures
from pipeline.engine.workspace import Workspace
from schemas.config import Config

SECTIONS = ("progress", "waiting", "quarantined", "agreement", "confused", "gold", "bias", "times")
SECTIONS += ("disputes", "flagged", "texts")


class Page(HTMLParser):
    """Tags with their attributes, the text, and the text of each section."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: dict[str, str] = {}
        self._section = ""
        self.feed(html)
        self.text = " ".join(" ".join(self.said.values()).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self._section = str(dict(attrs)["id"])

    def handle_data(self, data: str) -> None:
        self.said[self._section] = self.said.get(self._section, "") + data

    def section(self, name: str) -> str:
        return " ".join(self.said[name].split())


@pytest.fixture(scope="module")
def html(annotated: Workspace) -> str:
    config = Config.model_validate({"label": {"annotators": list(NAMES)}})
    return write_label_report(annotated, config).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


NAMES = ("ann@example.org", "bob@example.org", "cem@example.org")


def test_every_section_is_there_and_none_lacks_a_table(page: Page) -> None:
    assert tuple(a["id"] for tag, a in page.tags if tag == "section") == SECTIONS
    assert "is not complete" not in page.text


def test_sections_say_what_the_tables_hold(page: Page) -> None:
    assert "58 stickers to label" in page.section("progress")
    assert "2 no longer kept" in page.section("progress")
    assert "23 stickers with all votes" in page.section("waiting")
    assert "nobody is left to complete 15" in page.section("waiting")
    assert "because <script>" in page.section("quarantined")
    assert "alpha of tag sets (MASI)" in page.section("agreement")
    assert "moodMood? <script>" in page.section("agreement").replace(" Mood", "Mood")
    for pair in ("狗笑", "哭猫", "taken for"):
        assert pair in page.section("confused")
    assert all(name in page.section("gold") for name in NAMES)
    assert "0.3 sann@example.org" in page.section("times")
    assert "distance 1.00" in page.section("disputes")


def test_votes_stand_side_by_side_with_common_tags_marked(html: str, page: Page) -> None:
    sides = re.findall(r'<div class="side">(.*?)</div>', html, re.DOTALL)
    assert len(sides) == 23 * 3  # one of the worst 24 is withheld
    assert sum("skipped" in side for side in sides) > 0
    assert 'class="chip shared"' not in html  # the worst 24 have nothing in common


def test_hostile_text_is_shown_and_never_markup(html: str, page: Page) -> None:
    assert '<script>alert("x")</script>' in page.text
    allowed = {"html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section"}
    allowed |= {"footer", "h1", "h2", "h3", "p", "b", "a", "ul", "li", "div", "span", "code"}
    allowed |= {"table", "tr", "th", "td", "figure", "figcaption", "img", "svg", "rect", "line"}
    allowed |= {"label", "input"}
    assert {tag for tag, _ in page.tags} <= allowed
    assert not [a for _, attrs in page.tags for a in attrs if a.startswith("on") or a == "style"]
    assert "\u202e" not in html


def test_nothing_is_loaded_and_only_our_style_applies(html: str, page: Page) -> None:
    sources = [str(attrs["src"]) for _, attrs in page.tags if "src" in attrs]
    assert len(sources) > 20
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert all(str(a["href"]).startswith("#") for _, a in page.tags if "href" in a)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    assert f"style-src 'sha256-{digest}'" in str(policy)
    assert str(policy).startswith("default-src 'none'; img-src data:;")


def test_flagged_stickers_are_veiled_and_stand_in_the_review_list_alone(
    annotated: Workspace, html: str, key_of: Callable[[int], str]
) -> None:
    before, _, review = html.partition('<section id="flagged">')
    for number in (5, 9):
        still = load_pictures(annotated, [key_of(number)], ())[key_of(number)].still
        assert key_of(number)[:10] not in before
        assert still not in before
        veil = re.search(r'<label class="veil">(?:(?!</label>).)*' + re.escape(still), review)
        assert veil is not None
        assert "checked" not in veil[0]
    assert ".veil img { filter: blur(" in html
    assert ".veil input:checked ~ .tile img { filter: none; }" in html


def test_what_looks_like_a_flagged_sticker_is_veiled_too(
    annotated: Workspace, html: str, key_of: Callable[[int], str]
) -> None:
    pictures = load_pictures(annotated, [key_of(13), key_of(1)], ())
    before, _, review = html.partition('<section id="flagged">')
    assert key_of(13)[:10] not in before
    assert pictures[key_of(13)].still not in before
    assert pictures[key_of(1)].still in before
    assert f"(on {key_of(5)[:10]}, which is alike)" in review


def test_a_near_duplicate_is_withheld_before_the_reviews_say_so(
    build_annotated: Callable[..., Workspace],
    key_of: Callable[[int], str],
    config: Config,
) -> None:
    workspace = build_annotated(stickers=20)
    put(workspace, "reviews", [{"id": key_of(n), "flagged": n == 5} for n in range(20)])
    page = write_label_report(workspace, config).read_text()
    assert key_of(13)[:10] not in page
    assert key_of(1)[:10] in page


def test_the_review_list_says_who_found_what(page: Page) -> None:
    said = page.section("flagged")
    assert "1 near-duplicate with them" in said
    assert "2 of 2 still wait for the lead’s own word" in said
    assert said.count("offensivebob@example.org, annotation 3/") == 2


def test_an_empty_workspace_says_what_fills_each_section(tmp_path: Path, config: Config) -> None:
    page = Page(write_label_report(Workspace(tmp_path), config).read_text())
    for section, command in (
        *(("progress", "label export"), ("progress", "label import"), ("progress", "merge")),
        *(("agreement", "merge"), ("gold", "label import"), ("times", "label import")),
        *(("disputes", "label import"), ("flagged", "label import"), ("waiting", "label export")),
    ):
        assert f"stickerworks {command}" in page.section(section), section


def test_exported_but_not_voted_on_is_no_error(
    build_annotated: Callable[..., Workspace], config: Config
) -> None:
    workspace = build_annotated(stickers=20)
    for table in ("votes", "flags", "gold", "agreement"):
        put(workspace, table, [])
    page = Page(write_label_report(workspace, config).read_text())
    assert "No two annotators voted on one sticker yet." in page.text
    assert "Every answer counts." in page.text


def test_the_page_is_bounded_and_says_what_it_leaves_out(
    build_annotated: Callable[..., Workspace], config: Config
) -> None:
    workspace = build_annotated(stickers=400, flagged=tuple(range(100, 200)))
    html = write_label_report(workspace, config).read_text()
    page = Page(html)
    assert "more such stickers not shown" in page.section("disputes")
    assert "53 more flagged stickers not shown" in page.section("flagged")
    assert "more stuck stickers not shown" in page.section("waiting")
    assert sum(tag == "img" for tag, _ in page.tags) <= 24 + 24 + 12 + 6 + 48


def test_simulated_votes_are_owned_up_to(
    build_annotated: Callable[..., Workspace], config: Config
) -> None:
    workspace = build_annotated(stickers=20)
    rows = [{**row, "simulated": True} for row in workspace.read("votes").to_pylist()]
    put(workspace, "votes", rows)
    assert "Simulated votes." in Page(write_label_report(workspace, config).read_text()).text


def test_the_same_tables_give_the_same_bytes(
    annotated: Workspace, html: str, config: Config
) -> None:
    assert write_label_report(annotated, config).read_text(encoding="utf-8") == html
