"""What a lead does on the naming page, in a browser: the same decisions by keys and typing."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from procedure.filling import Plan

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "stages"))
from headless import headless_browser, wait_for_download

_TICK = """
const boxes = [...document.querySelectorAll("#keywords .keyword")];
const box = boxes.find((one) => one.querySelector("bdi").textContent === arguments[0]);
if (box) box.click();
return Boolean(box);
"""


def decide_on_page(page: Path, plan: Plan, downloads: Path) -> Path:
    """Open the page, decide about every row as it comes, split off what is added, and save."""
    with headless_browser(downloads) as browser:
        browser.set_window_size(1400, 1000)
        browser.get(page.as_uri())
        browser.find_element("id", "who").send_keys("lead")
        keys = browser.execute_script("return data.clusters.map((one) => one.key)")
        browser.execute_script("openCluster(arguments[0])", keys[0])
        for key in keys:
            _decide(browser, plan.rows[key])
        for row in plan.added:
            _split_off(browser, row["keywords"], row["name"])
        told = browser.find_element("id", "count").text
        warned = browser.find_element("id", "faulty").text
        if told != f"{len(keys):,} of {len(keys):,} decided" or warned:
            raise SystemExit(f"the page says: {told} {warned}")
        browser.find_element("id", "save").click()
        file = wait_for_download(downloads / "tags-named.json")
        if complaints := browser.get_log("browser"):
            raise SystemExit(f"the browser complains: {complaints}")
    return file


def _decide(browser: Any, row: Mapping[str, str]) -> None:
    """Decide about the open row, and go on to the next."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    if "note" in row:
        browser.find_element("css selector", "#fields [data-field=note]").send_keys(row["note"])
    into = row.get("into", "")
    pressed = {
        "keep": [Keys.ENTER, row.get("name", ""), Keys.ENTER],
        "merge": ["m", into, Keys.ENTER, Keys.ARROW_DOWN],
        "drop": ["d"],
        "block": ["b"],
    }[row["decision"]]
    ActionChains(browser, duration=0).send_keys(Keys.ESCAPE, *pressed).perform()


def _split_off(browser: Any, keyword: str, name: str) -> None:
    from selenium.webdriver.common.keys import Keys

    search = browser.find_element("id", "search")
    search.clear()
    search.send_keys(keyword, Keys.ENTER)
    if not browser.execute_script(_TICK, keyword):
        raise SystemExit(f"the page finds another cluster by {keyword}")
    apart = browser.find_element("id", "apart")
    apart.clear()
    apart.send_keys(name, Keys.ENTER)
