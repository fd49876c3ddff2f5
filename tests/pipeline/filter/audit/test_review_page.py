"""The review page in a browser: keys answer, a reload forgets nothing, the file can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from headless import headless_browser, reload_until, wait_for_download

from pipeline.filter.audit.answers import read_answers
from pipeline.filter.audit.audit import ask
from pipeline.filter.audit.sampling import draw_sample
from schemas.config import Config


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    with headless_browser(tmp_path / "downloads") as opened:
        yield opened


def test_answers_by_keys_are_saved_and_read(decided: Any, browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    workspace = decided([{"aspect": 2 + n / 10, "longest": 1} for n in range(10)])
    sample = draw_sample(workspace, Config(), "aspect", 50)
    page = ask(workspace, sample, 0.9, studio=False).page
    browser.get(page.as_uri())

    def count() -> str:
        return str(browser.find_element("id", "count").text)

    browser.find_element("id", "who").send_keys("Dora K")
    browser.find_element("css selector", "h2").click()
    ActionChains(browser).send_keys("dku", Keys.ARROW_LEFT, "k").perform()
    said = f"3 of {len(sample.stickers)} answered"
    assert count() == said
    reload_until(browser, lambda: count() == said)
    assert count() == said
    browser.find_element("css selector", '.one:nth-child(4) [data-answer="drop"]').click()
    browser.find_element("id", "save").click()
    saved = wait_for_download(tmp_path / "downloads" / "audit-aspect.json")
    found = {one.id: (one.answer, one.who) for one in read_answers(saved, "aspect")}
    given = [found.get(one.id) for one in sample.stickers[:5]]
    expected = ["drop", "keep", "keep", "drop"]
    assert given == [*((answer, "Dora K") for answer in expected), None]
    assert browser.get_log("browser") == [], "the policy refuses nothing of the page"
