"""The page of machine texts in a browser: by keys, in both languages, blind, kept and saved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from headless import headless_browser, reload_until, wait_for_download

from annotation.human.checking.choosing import WantedTexts, choose_texts
from annotation.human.checking.page import write_texts_page
from annotation.human.checking.saved import read_saved_texts
from pipeline.engine.workspace import Workspace


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    with headless_browser(tmp_path / "downloads") as opened:
        yield opened


def test_texts_are_checked_by_keys(captioned: Workspace, browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    groups = choose_texts(captioned, WantedTexts(), "w")
    page = write_texts_page(captioned, tmp_path / "texts.html", groups, "w", "en")
    data = page.read_text("utf-8").split('id="data">')[1].split("</script>")[0]
    assert not any(name in data for name in ("openai", "vsd2m", '"two"'))
    browser.get(page.as_uri())
    find = browser.find_element
    # Four texts: right; one corrected; one opened and left as it was; one taken back again.
    steps = ["r", "c", "A cat waves its paw", Keys.ESCAPE, "j", "c", Keys.ESCAPE, "j", "x", "z"]
    for step in steps:
        ActionChains(browser).send_keys(step).perform()
    assert find("id", "count").text == "2 of 4 texts checked"
    reload_until(browser, lambda: find("id", "count").text == "2 of 4 texts checked")
    assert find("id", "count").text == "2 of 4 texts checked"
    find("id", "who").send_keys("Dora")
    find("id", "save").click()
    saved = read_saved_texts(wait_for_download(tmp_path / "downloads" / "texts.json"), "w")
    first, second = saved.checks
    texts = [text.text for group in groups for text in group.texts]
    assert (first.original, first.verdict, first.corrected) == (texts[0], "right", None)
    assert (second.original, second.verdict) == (texts[1], "corrected")
    assert second.corrected == "A cat waves its paw"
    assert saved.who == "Dora"

    page = write_texts_page(captioned, tmp_path / "texts.html", groups, "w", "zh")
    browser.get(page.as_uri())
    assert browser.title.startswith("机器写的文字对吗")
    assert find("css selector", "[data-verdict=right]").text == "对"
    assert find("id", "count").text == "已检查 2 / 4 条"
    assert browser.get_log("browser") == [], "the policy refuses nothing of the page"
