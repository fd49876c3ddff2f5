"""The naming page in a browser: what a lead does there is what the saved file says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from headless import reload_until, wait_for_download

from pipeline.engine.workspace import Workspace
from pipeline.tags.naming.page.page import FILE, write_naming_page
from pipeline.tags.naming.rows import Naming, NamingRow
from pipeline.tags.naming.saved import read_saved_naming

Propose = Callable[..., Workspace]

CLUSTERS = {
    "c0": ["生气", "生气猫", "猫"],
    "c1": ["发怒"],
    "c2": ["开心", "开心狗"],
    "c3": ["坏话"],
    "c4": ["广告"],
}


class Lead:
    """What a lead does on the page."""

    def __init__(self, browser: Any, downloads: Path, page: Path) -> None:
        self.browser, self.downloads, self.page = browser, downloads, page
        browser.get(page.as_uri())

    def keys(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.browser).send_keys(*keys).perform()

    def open(self, key: str) -> None:
        self.browser.execute_script("openCluster(arguments[0])", key)

    def fill(self, selector: str, text: str) -> None:
        field = self.browser.find_element("css selector", selector)
        field.clear()
        field.send_keys(text)

    def click(self, selector: str) -> None:
        self.browser.find_element("css selector", selector).click()

    def text(self, selector: str) -> str:
        return str(self.browser.find_element("css selector", selector).text)

    def save(self) -> Path:
        file = self.downloads / FILE
        file.unlink(missing_ok=True)
        self.browser.find_element("id", "save").click()
        return wait_for_download(file)

    def saved(self) -> dict[str, NamingRow]:
        """Rows of the saved file, by their keys or, of added tags, their names."""
        return {row.key or row.name: row for row in read_saved_naming(self.save()).rows}

    def complaints(self) -> list[Any]:
        """What the browser's log says; it is empty then."""
        return list(self.browser.get_log("browser"))


@pytest.fixture
def lead(chromium: tuple[Any, Path], propose: Propose, tmp_path: Path) -> Any:
    def open_page(
        clusters: Any = CLUSTERS, start: Naming | None = None, each: int = 1, **changes: Any
    ) -> Lead:
        workspace = propose(clusters, each, **changes)
        written = write_naming_page(workspace, tmp_path / "p.html", start)
        assert written is not None
        return Lead(*chromium, written.path)

    return open_page


def test_what_is_decided_is_what_the_file_says(lead: Callable[..., Lead]) -> None:
    from selenium.webdriver.common.keys import Keys

    page = lead()
    page.fill("#who", "Dora K")
    page.keys(Keys.ESCAPE, Keys.ENTER, "愤怒", Keys.ENTER)
    assert page.text("#heading") == "发怒"
    page.keys("m", "愤怒", Keys.ENTER, Keys.ARROW_DOWN, "k")
    page.keys("b", "d")
    assert page.text("#count") == "5 of 5 decided"
    page.open("c2")
    page.keys("k")
    assert page.text("#heading") == "坏话", "what is kept stays so, and it goes on"
    page.click('#decisions [data-decision="block"]')
    assert page.text("#count") == "4 of 5 decided"
    page.click('#decisions [data-decision="block"]')
    page.open("c0")
    for field, text in (("english", "angry"), ("group", "feelings"), ("aliases", "怒,气，火"),
                        ("note", "sure")):  # fmt: skip
        page.fill(f'#fields [data-field="{field}"]', text)
    naming = read_saved_naming(page.save())
    rows = {row.key: row for row in naming.rows}
    assert naming.who == "Dora K"
    assert {row.version for row in naming.rows} == {"0123456789ab"}
    assert rows["c0"] == NamingRow(
        "c0", "keep", "愤怒", "angry", "feelings", ("怒", "气", "火"), note="sure",
        version="0123456789ab",
    )  # fmt: skip
    decided = {key: (row.decision, row.name, row.into) for key, row in rows.items()}
    assert decided == {
        "c0": ("keep", "愤怒", ""),
        "c1": ("merge", "", "c0"),
        "c2": ("keep", "开心", ""),
        "c3": ("block", "", ""),
        "c4": ("drop", "", ""),
    }
    assert page.complaints() == [], "the policy refuses nothing of the page"


def test_keywords_split_off_and_words_make_tags_of_their_own(lead: Callable[..., Lead]) -> None:
    page = lead()
    page.click("#keywords li:nth-child(3) input")
    page.fill("#apart", "猫猫")
    page.click("#split")
    page.fill("#word", "狗")
    assert page.text("#word-count") == "1 keyword in all clusters has it."
    page.fill("#apart", "狗狗")
    page.click("#split")
    page.open("c2")
    assert [one.text for one in page.browser.find_elements("css selector", ".moved .take")] == [
        "→ 狗狗"
    ]
    rows = page.saved()
    assert (rows["猫猫"].decision, rows["猫猫"].keywords) == ("add", ("生气猫",))
    assert (rows["狗狗"].keywords, rows["狗狗"].words) == ((), ("狗",))
    page.click("#additions li:nth-child(1) button")
    page.fill('#addition-fields [data-field="english"]', "cat")
    page.fill("#take-keyword", "喵")
    page.keys("\n")
    assert (page.saved()["猫猫"].english, page.saved()["猫猫"].keywords) == (
        "cat",
        ("生气猫", "喵"),
    )
    page.click("#remove")
    assert set(page.saved()) == {*CLUSTERS, "狗狗"}


def test_every_step_can_be_undone_and_done_again(lead: Callable[..., Lead]) -> None:
    page = lead()
    page.keys("k", "d", "b", "k")
    page.open("c4")
    page.click("#keywords input")
    page.fill("#apart", "外")
    page.click("#split")
    page.fill("#name", "广告们")
    page.keys("\ue00c")  # Escape
    after = page.saved()
    shown = page.browser.execute_script("return past.length")
    for _ in range(shown):
        page.click("#undo")
    blank = page.saved()
    assert {row.decision for row in blank.values()} == {""}
    assert set(blank) == set(CLUSTERS)
    for _ in range(shown):
        page.browser.execute_script("redo()")
    assert page.saved() == after
    assert after["c4"].name == "广告们"


def test_a_reload_keeps_all_and_a_file_takes_it_elsewhere(lead: Callable[..., Lead]) -> None:
    page = lead()
    page.fill("#who", "Dora")
    page.fill("#name", "怒气")
    who = lambda: page.browser.find_element("id", "who").get_attribute("value")  # noqa: E731
    reload_until(page.browser, lambda: who() == "Dora")
    assert who() == "Dora"
    file = page.save()
    before = read_saved_naming(file)
    assert {row.key: row.name for row in before.rows}["c0"] == "怒气"
    page.browser.execute_script("localStorage.clear()")
    page.browser.refresh()
    assert page.saved()["c0"].name == ""
    file.write_text(json.dumps(json.loads(_json(before))), encoding="utf-8")
    page.browser.find_element("id", "load").send_keys(str(file))
    page.browser.execute_async_script("setTimeout(arguments[0], 200)")
    assert page.text("#told").startswith("Loaded")
    assert read_saved_naming(page.save()) == before


@pytest.mark.parametrize("told", [True, False])
def test_two_tabs_lose_nothing_of_each_other(lead: Callable[..., Lead], told: bool) -> None:
    page = lead()
    first = page.browser.current_window_handle
    page.browser.switch_to.new_window("tab")
    page.browser.get(page.page.as_uri())
    try:
        if not told:  # a tab may sleep through the other's events
            page.browser.execute_script(
                "addEventListener('storage', (event) => event.stopImmediatePropagation(), true);"
            )
        second = page.browser.current_window_handle
        page.browser.switch_to.window(first)
        page.fill("#name", "怒气")
        page.click("#keywords input")
        page.fill("#apart", "一")
        page.click("#split")
        page.browser.switch_to.window(second)
        page.open("c1")
        page.keys("d")
        page.open("c2")
        page.click("#keywords input")
        page.fill("#apart", "二")
        page.click("#split")
        rows = page.saved()
        assert (rows["c0"].name, rows["c1"].decision) == ("怒气", "drop")
        assert {"一", "二"} < set(rows)
    finally:
        page.browser.close()
        page.browser.switch_to.window(first)
    assert page.saved() == rows


def test_answers_about_other_clusters_can_still_be_saved(lead: Callable[..., Lead]) -> None:
    page = lead()
    page.browser.execute_script(
        "localStorage.setItem(PREFIX + 'ff', JSON.stringify("
        "{stickerworks_naming: 1, version: 'ff', rows: [{key: 'c9', name: '旧'}], at: 1}))"
    )
    page.browser.refresh()
    file = page.downloads / FILE
    file.unlink(missing_ok=True)
    page.click("#told button")
    (row,) = read_saved_naming(wait_for_download(file)).rows
    assert (row.key, row.name, row.version) == ("c9", "旧", "ff")
    page.browser.execute_script("localStorage.clear()")


def _json(naming: Naming) -> str:
    fields = ("key", "decision", "name", "english", "group", "aliases", "into", "note")
    rows = [{field: getattr(row, field) for field in fields} for row in naming.rows]
    return json.dumps(
        {"stickerworks_naming": 1, "version": "0123456789ab", "who": naming.who, "rows": rows}
    )


def test_files_about_other_clusters_and_other_files_are_not_loaded(
    lead: Callable[..., Lead], tmp_path: Path
) -> None:
    page = lead()
    told = {
        '{"stickerworks_naming": 1, "version": "ff", "rows": []}': "tags page --from FILE",
        '{"picks": []}': "no file that this page has saved",
        "[": "no file that this page has saved",
        "null": "no file that this page has saved",
    }
    for number, (content, expected) in enumerate(told.items()):
        file = tmp_path / f"{number}.json"
        file.write_text(content, encoding="utf-8")
        page.browser.execute_script("say('')")
        page.browser.find_element("id", "load").send_keys(str(file))
        page.browser.execute_async_script("setTimeout(arguments[0], 200)")
        assert expected in page.text("#told")
    assert page.browser.execute_script("return past.length") == 0


def test_what_is_merged_into_an_added_tag_follows_its_name(lead: Callable[..., Lead]) -> None:
    page = lead()
    page.click("#keywords li:nth-child(1) input")
    page.fill("#apart", "猫")
    page.click("#split")
    page.open("c1")
    page.keys("m", "猫", "\n")
    page.click("#additions li:nth-child(1) button")
    page.browser.find_element("css selector", "#addition-fields input").send_keys("猫")
    rows = page.saved()
    assert (rows["c1"].into, rows["猫猫"].decision) == ("猫猫", "add")
    page.click("#undo")
    assert page.saved()["c1"].into == "猫"
    page.click("#undo")
    assert page.saved()["c1"].decision == "merge"


def test_names_that_are_offered_are_taken_and_words_only_when_chosen(
    lead: Callable[..., Lead],
) -> None:
    page = lead(c0={"name": None, "flags": ["blocked"]}, c1={"english": "angry"})
    page.keys("k")
    assert page.text("#warnings") == "It has no name."
    page.keys("\ue00c")  # Escape
    page.keys("2")
    page.open("c1")
    page.keys("1")
    rows = page.saved()
    assert (rows["c0"].name, rows["c1"].name, rows["c1"].english) == ("气", "发怒", "angry")


def test_a_browser_that_keeps_nothing_is_told_and_the_page_works(
    lead: Callable[..., Lead],
) -> None:
    page = lead()
    page.browser.execute_script("Storage.prototype.setItem = () => { throw new Error('full'); };")
    page.keys("k")
    assert page.text("#count") == "1 of 5 decided; this browser keeps nothing, save often"
    assert page.saved()["c0"].decision == "keep"


def test_warnings_tell_of_equal_names_circles_and_names_that_lack(
    lead: Callable[..., Lead],
) -> None:
    page = lead({"c0": ["Cat"], "c1": ["b"], "c2": ["x"], "c3": ["y"]})
    page.fill("#name", "Cat")
    page.open("c1")
    page.fill("#name", "ｃ ＡＴ")
    assert "c0 Cat is called" in page.text("#warnings")
    page.browser.find_element("id", "name").send_keys("\ue003" * 5)  # Backspace
    assert page.text("#warnings") == "It has no name."
    page.browser.execute_script(
        "setRow('x', 'c2', {decision: 'merge', into: 'c3'});"
        "setRow('x', 'c3', {decision: 'merge', into: 'c2'});"
    )
    page.open("c3")
    assert page.text("#warnings") == "The merges lead in a circle."
    assert page.text("#faulty") == "3 warnings"
    page.open("c0")
    page.browser.execute_script("decide('merge')")
    page.fill("#into", "c0")
    assert page.browser.find_elements("css selector", "#targets li") == []


def test_what_was_named_before_and_what_is_carried_over_is_filled_in(
    lead: Callable[..., Lead],
) -> None:
    rows = (
        NamingRow("c5", "merge", into="t001", note="as before"),
        NamingRow("", "add", "猫猫", keywords=("猫",)),
    )
    clusters = {"t001": ["愤怒", "火"], "c5": ["怒"]}
    page = lead(clusters, Naming("sheet.xlsx", rows, "Dora"),
                t001={"english": "angry", "group": "feelings", "aliases": ["怒气"]})  # fmt: skip
    naming = read_saved_naming(page.save())
    found = {row.key or row.name: row for row in naming.rows}
    version = "0123456789ab"
    assert naming.who == "Dora"
    assert found["t001"].exemplars == ("愤怒", "火"), "another page takes over by these"
    assert found == {
        "t001": NamingRow("t001", "keep", "愤怒", "angry", "feelings", ("怒气",), version=version),
        "c5": NamingRow("c5", "merge", into="t001", note="as before", version=version),
        "猫猫": NamingRow("", "add", "猫猫", keywords=("猫",), version=version),
    }


def test_answers_kept_for_another_version_are_told_and_not_used(
    lead: Callable[..., Lead], tmp_path: Path
) -> None:
    page = lead()
    page.keys("k")
    kept = page.browser.execute_script("return localStorage.getItem(data.place)")
    page.browser.execute_script(
        "localStorage.removeItem(data.place); localStorage.setItem(PREFIX + 'fff', arguments[0])",
        kept.replace("0123456789ab", "fff"),
    )
    page.browser.refresh()
    assert "other clusters" in page.text("#told")
    assert page.saved()["c0"].decision == ""


def test_answers_from_another_page_about_these_clusters_are_offered(
    lead: Callable[..., Lead],
) -> None:
    page = lead()
    page.keys("k")
    begun = lead(start=Naming("sheet.xlsx", (NamingRow("c1", "drop"),)))
    rows = begun.saved()
    assert (rows["c0"].decision, rows["c1"].decision) == ("", "drop")
    begun.browser.refresh()
    begun.click("#told button")
    rows = begun.saved()
    assert (rows["c0"].decision, rows["c1"].decision) == ("keep", "")
    begun.click("#undo")
    assert begun.saved()["c1"].decision == "drop"


HOSTILE = [
    "</script><script>window.hacked = 1</script>", "<img src=x onerror=hacked=1>", "\"'`${1}",
    "\u202egnp.exe\u202c", "__proto__", "<!--<script>", "</script/", "\u2028\\u003c",
]  # fmt: skip


def test_hostile_texts_are_shown_as_they_are_and_come_back(lead: Callable[..., Lead]) -> None:
    page = lead({"c0": HOSTILE, "c1": [HOSTILE[0] + "2"]})
    assert page.browser.execute_script("return window.hacked") is None
    shown = page.browser.execute_script(
        "return [...document.querySelectorAll('#keywords bdi')].map((one) => one.textContent)"
    )
    assert sorted(shown) == sorted(HOSTILE)
    page.browser.execute_script(
        "for (const box of document.querySelectorAll('#keywords input')) box.click()"
    )
    page.fill("#apart", "</textarea><b>x")
    page.click("#split")
    added = page.saved()["</textarea><b>x"]
    assert sorted(added.keywords) == sorted(HOSTILE)
    assert page.browser.execute_script("return window.hacked") is None
    assert page.complaints() == []


def test_hundreds_of_clusters_open_and_are_searched(lead: Callable[..., Lead]) -> None:
    clusters = {f"c{n}": [f"词{n}", f"句{n}"] for n in range(461)}
    page = lead(clusters)
    assert page.text("#count") == "0 of 461 decided"
    page.fill("#search", "句460")
    items = page.browser.find_elements("css selector", "#list li")
    assert [item.text for item in items] == ["○\n词460\nc460 · 2 keywords"]
    page.keys("\n", "k")
    assert page.text("#count") == "1 of 461 decided"
    pictures = page.browser.find_elements("css selector", "img")
    assert len(pictures) == 2, "only the open cluster's pictures are in the page"
    assert len(page.saved()) == 461
