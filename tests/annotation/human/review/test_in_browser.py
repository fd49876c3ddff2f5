"""The review page in a browser: hostile texts, a reason asked for, the file taken in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headless import reload_until, wait_for_download
from table_rows import put

from annotation.human.review.labels import Vocabulary
from annotation.human.review.page import PageFacts, write_review_page
from annotation.human.review.saved import read_saved_review
from annotation.human.review.search import first_found
from annotation.human.review.shown import read_shown
from annotation.human.review.wanted import Wanted
from pipeline.engine.workspace import Workspace

HOSTILE = "</script><script>document.title='bad'</script>\u202e<b>" + "很长" * 5000


def test_changes_are_kept_need_a_reason_and_are_saved(
    reviewed: Workspace, browser: Any, tmp_path: Path
) -> None:
    put(reviewed, "ocr", [{"id": "1" * 64, "measured": True, "text": HOSTILE}], 0)
    wanted = Wanted(status="effective")
    ids = first_found(reviewed, wanted, 9).ids
    shown = read_shown(reviewed, ids, wanted, ("safety", 0.5))
    facts = PageFacts("w", wanted.lines(), len(ids))
    target = tmp_path / "review.html"
    page = write_review_page(reviewed, target, shown, Vocabulary.of(reviewed), facts)
    assert "ann" not in page.read_text("utf-8").split('id="data"')[1].split("</script>")[0]
    browser.get(page.as_uri())
    find = browser.find_element
    card = f'[data-id="{"1" * 64}"] '
    assert "blurred" not in find("css selector", f"{card}.tile").get_attribute("class")
    hidden = find("css selector", f'[data-id="{"2" * 64}"] .tile')
    assert "blurred" in hidden.get_attribute("class")
    hidden.click()
    assert "blurred" not in hidden.get_attribute("class")

    box = find("css selector", f"{card}[data-field=tags]")
    box.clear()
    box.send_keys("sad，fear")
    find("id", "save").click()
    assert "no reason yet" in find("id", "told").text
    reload_until(browser, lambda: find("id", "count").text == "1 of 3 changed")
    assert find("id", "count").text == "1 of 3 changed"
    find("css selector", f"{card}[data-field=why]").send_keys("it cries")
    find("id", "save").click()
    saved = read_saved_review(wait_for_download(tmp_path / "downloads" / "review.json"), "w")
    (change,) = saved.changes
    assert (change.before, change.after, change.why) == (("joy",), ("sad", "fear"), "it cries")
    assert browser.title.startswith("Labels")
    assert browser.get_log("browser") == [], "the policy refuses nothing of the page"
