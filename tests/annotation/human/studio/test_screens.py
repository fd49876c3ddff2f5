"""The three screens in a real browser against a real server."""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from headless_chromium import HEIGHT, WIDTH, headless_chromium
from PIL import Image, ImageStat

from annotation.human.studio.files import allow_files, place_sticker
from annotation.human.studio.interface import (
    adjudication_config,
    labelling_config,
    screening_config,
)
from annotation.human.studio.payload import (
    AnonymousVote,
    Shown,
    adjudication_task,
    labelling_task,
    screening_task,
)
from annotation.human.studio.question_controls import answer_keys
from annotation.human.studio.regions import read_result
from pipeline.demo.encode import encode
from pipeline.demo.lettering import find_lettering
from pipeline.demo.render import flatten, render
from pipeline.demo.scene import SceneContent, compose
from schemas.questions import SHIPPED, Language, QuestionConfig

MOODS = "开心难过生气害怕无语惊讶期待尴尬委屈感动得意害羞疲惫无聊嫉妒安心"
CHINESE = [
    MOODS[n : n + 2] + sign for n in range(0, len(MOODS), 2) for sign in "的了猫狗熊兔鸟鱼虎龙"
]
ODD = ("a / b", "$html", "x$sticker_id y", "<b>bold</b>", "q\"'&amp;")
TAGS = ("开心", *CHINESE, *ODD, *(f"tag {n}" for n in range(461 - 1 - len(CHINESE) - len(ODD))))
HOSTILE = (
    "<script>window.stolen=1</script>",
    '"><img src=x onerror="window.stolen=1">',
    "</span></label><svg onload=window.stolen=1>",
)


@dataclass(frozen=True)
class Desk:
    """A browser that an annotator is logged in with, and what lies on the server."""

    browser: Any
    url: str
    client: Any
    files: Path

    def project(self, config: str, tasks: Sequence[dict[str, Any]]) -> tuple[int, list[int]]:
        """Numbers of a new project and of its tasks."""
        made = self.client.projects.create(
            title="screens",
            label_config=config,
            maximum_annotations=3,
            show_collab_predictions=True,
        )
        allow_files(self.client, made.id, self.files)
        answer = self.client.projects.import_tasks(
            made.id, request=list(tasks), return_task_ids=True
        )
        return made.id, answer.task_ids

    def show(self, project: int, task: int | None = None) -> None:
        """Open a task, or the stream of tasks that annotators work through."""
        which = "labeling=1" if task is None else f"task={task}"
        self.browser.get(f"{self.url}/projects/{project}/data?{which}")
        self.wait(lambda: self.all(".sw-sticker") and self.all("button[aria-label^=Submit]"))
        loaded = "return [...document.querySelectorAll('.sw-left img')].every(i => i.complete)"
        self.wait(lambda: self.settled() and self.browser.execute_script(loaded))

    def settled(self) -> bool:
        """Whether the page has stopped to draw the task again."""
        before = self.one(".sw-sticker")
        time.sleep(0.4)
        return bool(before == self.one(".sw-sticker"))

    def all(self, css: str) -> list[Any]:
        return list(self.browser.find_elements("css selector", css))

    def one(self, css: str) -> Any:
        return self.browser.find_element("css selector", css)

    def wait(self, met: Callable[[], Any]) -> Any:
        """What ``met`` gives as soon as it is true."""
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.ui import WebDriverWait

        # The page may have drawn an element anew in between.
        patient = WebDriverWait(self.browser, 20, 0.1, [WebDriverException])
        return patient.until(lambda _: met())

    def shots(self, css: str, count: int) -> list[bytes]:
        """Pixels of an element, several times a quarter of a second apart."""
        taken = []
        for _ in range(count):
            taken.append(self.picture(css).tobytes())
            time.sleep(0.25)
        return taken

    def picture(self, css: str) -> Image.Image:
        return Image.open(io.BytesIO(self.one(css).screenshot_as_png)).convert("RGB")

    def tags(self) -> list[str]:
        """The chosen tags, as the screen names them."""
        return [e.text for e in self.all(".ant-select-selection-item-content")]

    def search(self, word: str) -> list[str]:
        """Open the list of tags and search; the tags that are left (a page of them)."""
        if not self.all("[data-testid=taxonomy-search]"):
            self.one(".htx-taxonomy .ant-select-selector").click()
        box = self.wait(lambda: self.all("[data-testid=taxonomy-search]"))[0]
        self.wait(box.is_displayed)
        box.send_keys(word)
        time.sleep(0.6)  # it waits for the typing to end
        titles = self.all(".ant-select-tree-list .ant-select-tree-title")
        return [str(title.get_property("textContent")) for title in titles]

    def choose(self, word: str) -> None:
        """Tick the only tag that a search finds."""
        assert self.search(word) == [word]
        self.one(".ant-select-tree-list .ant-select-tree-checkbox").click()
        self.wait(lambda: word in self.tags())

    def submit(self, task: int) -> dict[str, Any]:
        """Press Submit; the answer's items on the server by control."""
        self.one("button[aria-label^=Submit]").click()
        found = self.wait(lambda: self.client.tasks.get(id=task).annotations)
        assert len(found) == 1
        return {item["from_name"]: item for item in found[0]["result"]}

    def keep(self, name: str) -> None:
        """Save the screen's picture where STICKERWORKS_SCREENSHOTS says, for the documentation."""
        if folder := os.environ.get("STICKERWORKS_SCREENSHOTS"):
            self.browser.save_screenshot(str(Path(folder) / f"{name}.png"))


@pytest.fixture(scope="module")
def desk(studio: Any) -> Iterator[Desk]:
    with headless_chromium() as browser:
        connection = studio.connection
        browser.get(f"{studio.url}/user/login/")
        for cookie in studio.annotator(0).cookies:
            browser.add_cookie({"name": cookie.name, "value": cookie.value, "path": "/"})
        yield Desk(browser, studio.url, connection.client, connection.files)


def placed(files: Path, frames: list[Image.Image], **said: Any) -> Shown:
    """A drawn sticker that the server shows."""
    media = encode(frames, "gif")
    sticker = hashlib.sha256(media + repr(said).encode()).hexdigest()
    original = files.parent / f"{sticker}.original"
    original.write_bytes(media)
    chosen = [frames[0], frames[len(frames) // 2], frames[-1]] if len(frames) > 1 else frames[:1]
    key_frames = [encode([flatten(frame)], "jpeg") for frame in chosen]
    path, names = place_sticker(files, sticker, "gif", original, key_frames)
    blank: dict[str, Any] = {
        "keywords": (),
        "ocr": None,
        "ocr_score": None,
        "domain": None,
        "domain_probability": None,
        "tags": (),
        "caption": None,
    }
    return Shown(
        id=sticker, path=path, frames=names, batch="b001", model="stickerworks", **{**blank, **said}
    )


def drawn(concept: str, frames: int, words: tuple[str, ...] = ()) -> list[Image.Image]:
    lettering = find_lettering()
    request = SceneContent((concept,), caption=words if lettering.chinese else (), frames=frames)
    return render(compose(Random(7), request), lettering)


@pytest.fixture(scope="module")
def labelling(desk: Desk) -> tuple[int, list[int]]:
    """A project: a sticker with suggestions, a still with hostile hints, odd tags, blind tasks.

    The last is the first again: each of these two, the third and the fifth are for one test alone,
    since who has answered a task sees it otherwise.
    """
    cat = placed(
        desk.files,
        drawn("猫咪", 8, ("开心",)),
        keywords=("开心的猫咪", "so happy cat", "猫咪来了"),
        ocr="开心",
        ocr_score=0.9,
        domain="cartoon",
        domain_probability=0.97,
        tags=("开心", "开心猫"),
        caption="An orange cat jumps for joy.",
    )
    still = placed(desk.files, drawn("猫咪", 1), keywords=("cat", *HOSTILE))
    odd = placed(desk.files, drawn("开心", 1), tags=ODD, domain="real", domain_probability=0.5)
    tasks = [labelling_task(shown, blind=False, hints=True) for shown in (cat, still, odd)]
    tasks += [labelling_task(cat, blind=True, hints=True)] * 2 + tasks[:1]
    return desk.project(labelling_config(TAGS, 6), tasks)


def test_stickers_move_and_stills_keep_still(desk: Desk, labelling: Any) -> None:
    project, tasks = labelling
    desk.show(project, tasks[5])
    assert len(set(desk.shots(".sw-sticker", 6))) > 1
    desk.show(project, tasks[1])
    time.sleep(0.5)
    assert len(set(desk.shots(".sw-sticker", 4))) == 1


def test_a_blind_task_shows_nothing_of_the_machine(desk: Desk, labelling: Any) -> None:
    project, tasks = labelling
    desk.show(project, tasks[3])
    assert desk.tags() == []
    assert not desk.all(".sw-words")
    assert not desk.all(".ant-radio-checked")
    assert not desk.all(".lsf-annotation-button__userpic_prediction")


def test_digits_choose_nothing_and_a_letter_with_alt_does(desk: Desk, labelling: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    project, tasks = labelling
    desk.show(project, tasks[4])
    ActionChains(desk.browser).send_keys(*"1234567890").perform()
    assert not desk.all(".ant-radio-checked")
    ActionChains(desk.browser).key_down(Keys.ALT).send_keys("p").key_up(Keys.ALT).perform()
    chosen = desk.wait(lambda: desk.all(".ant-radio-wrapper-checked"))
    assert [element.text.split(" ")[0] for element in chosen] == ["real"]


def test_hostile_keywords_are_text_and_nothing_runs(desk: Desk, labelling: Any) -> None:
    project, tasks = labelling
    desk.show(project, tasks[1])
    time.sleep(0.5)
    assert desk.browser.execute_script("return window.stolen") is None
    assert not desk.all(".sw-words img, .sw-words script, .sw-words svg")
    assert [word.text for word in desk.all(".sw-words span")][-3:] == list(HOSTILE)


def test_an_answer_given_through_the_screen_arrives(desk: Desk, labelling: Any) -> None:
    project, tasks = labelling
    desk.show(project)
    assert desk.wait(desk.tags) == ["开心", "开心猫"]
    fields = [e.get_attribute("value") for e in desk.all(".lsf-textarea__region textarea")]
    fields += [e.get_attribute("value") for e in desk.all(".lsf-textarea__region input")]
    assert sorted(filter(None, fields)) == ["An orange cat jumps for joy.", "开心"]
    assert everything_fits(desk)
    found = desk.search("开心")
    assert found == [tag for tag in TAGS if "开心" in tag]
    desk.keep("labelling")
    desk.browser.refresh()
    desk.wait(desk.tags)
    desk.choose("难过熊")
    items = desk.submit(tasks[0])
    assert items["tags"]["value"] == {"taxonomy": [["开心"], ["开心猫"], ["难过熊"]]}
    assert items["domain"]["value"] == {"choices": ["cartoon"]}
    assert items["caption"]["value"] == {"text": ["An orange cat jumps for joy."]}
    assert items["ocr"]["value"] == {"text": ["开心"]}


def everything_fits(desk: Desk) -> bool:
    """Whether no question and no hint needs scrolling."""
    bottom = "return Math.max(...[...document.querySelectorAll(arguments[0])]" + (
        ".map(e => e.getBoundingClientRect()[arguments[1]]))"
    )
    lowest = desk.browser.execute_script(bottom, ".sw-left, .sw-right", "bottom")
    rightmost = desk.browser.execute_script(bottom, ".sw-left, .sw-right", "right")
    bar = desk.one(".lsf-bottombar").rect
    return bool(lowest <= bar["y"] and rightmost <= WIDTH and bar["y"] + bar["height"] <= HEIGHT)


def test_tags_of_any_characters_come_back_as_they_are(desk: Desk, labelling: Any) -> None:
    project, tasks = labelling
    desk.show(project, tasks[2])
    desk.wait(desk.tags)
    desk.choose("生气龙")
    items = desk.submit(tasks[2])
    assert items["tags"]["value"] == {"taxonomy": [[tag] for tag in (*ODD, "生气龙")]}


def test_the_lead_sees_the_votes_and_decides(desk: Desk) -> None:
    shown = placed(desk.files, drawn("哭泣", 8), keywords=("别哭泣了", "i cry"))
    votes = [
        AnonymousVote(("难过熊", "无语的"), "cartoon", "A blue drop weeps.", skipped=False),
        AnonymousVote(("害怕了",), "cartoon", HOSTILE[1], skipped=False),
        AnonymousVote(("生气鱼",), "cartoon", None, skipped=False),
    ]
    config = adjudication_config(TAGS, 6)
    quiet = [votes[0], replace_caption(votes[1], "It is scared."), votes[2]]
    project, tasks = desk.project(
        config, [adjudication_task(shown, quiet), adjudication_task(shown, votes)]
    )
    desk.show(project)
    rows = [row.text.split("\n") for row in desk.all(".sw-votes tr")]
    assert [row[0][0] for row in rows] == ["A", "B", "C"]
    assert "难过熊, 无语的" in desk.one(".sw-votes").text
    assert everything_fits(desk)
    desk.keep("labelling-adjudication")
    desk.choose("难过熊")
    assert desk.submit(tasks[0])["tags"]["value"] == {"taxonomy": [["难过熊"]]}
    desk.show(project, tasks[1])
    assert HOSTILE[1] in desk.one(".sw-votes").text
    assert desk.browser.execute_script("return window.stolen") is None


def replace_caption(vote: AnonymousVote, caption: str) -> AnonymousVote:
    return AnonymousVote(vote.tags, vote.domain, caption, vote.skipped)


QUESTIONS = (
    SHIPPED["emotion"],
    SHIPPED["style"],
    QuestionConfig(
        name="liked",
        kind="scale",
        title={"en": "Would you send it?", "zh": "你会发送它吗？"},
        low={"en": "never", "zh": "绝不"},
        high={"en": "at once", "zh": "马上"},
    ),
    QuestionConfig(
        name="uses",
        kind="several",
        title={"en": "What is it used for <b>& $html?", "zh": "它用来做什么？"},
        hint={"en": "All that fits.", "zh": "所有合适的。"},
        options=(
            {"value": "greet", "title": {"en": "to greet", "zh": "打招呼"}},
            {"value": "tease", "title": {"en": "to tease <i>", "zh": "开玩笑"}},
            {"value": "thank", "title": {"en": "to thank", "zh": "感谢"}},
        ),
        required=False,
    ),
    QuestionConfig(
        name="place",
        kind="single",
        title={"en": "Where is it sent?", "zh": "会发到哪里？"},
        options=tuple(
            {"value": f"place {n}", "title": {"en": f"Place no. {n}", "zh": f"地点 {n}"}}
            for n in range(40)
        ),
        required=False,
    ),
    QuestionConfig(
        name="says",
        kind="text",
        title={"en": "What would you answer?", "zh": "你会怎么回复？"},
        hint={"en": "A few words", "zh": "几个字"},
    ),
)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_questions_are_asked_and_answered_with_keys(desk: Desk, language: Language) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    shown = replace(
        placed(desk.files, drawn("哭泣", 8), tags=("难过熊",), keywords=("别哭泣了",)),
        answers={"emotion": "sadness", "style": "no such style", "place": "place 7"},
    )
    asked = {"questions": QUESTIONS, "language": language}
    task = labelling_task(shown, blind=False, hints=True, **asked)
    project, tasks = desk.project(labelling_config(TAGS, 6, **asked), [task])
    desk.show(project)
    desk.wait(lambda: len(desk.tags()) == 2)
    desk.keep(f"labelling-questions-{language}")
    ActionChains(desk.browser).send_keys(*"1234567890").perform()
    (suggested,) = desk.all(".ant-radio-wrapper-checked")
    assert suggested.text.startswith({"en": "sadness", "zh": "悲伤"}[language])
    keys = answer_keys(QUESTIONS)
    assert keys["place"] is None
    chosen = {"style": "photo", "liked": "4", "uses": "tease"}
    for combination in ("alt+c", *((keys[name] or {})[value] for name, value in chosen.items())):
        *held, letter = combination.split("+")
        press = ActionChains(desk.browser)
        for key in held:
            press.key_down(getattr(Keys, key.upper()))
        press.send_keys(letter)
        for key in held:
            press.key_up(getattr(Keys, key.upper()))
        press.perform()
    desk.one("button[aria-label^=Submit]").click()
    desk.wait(lambda: QUESTIONS[-1].title[language] in desk.one(".ant-modal-content").text)
    desk.one(".ant-modal-content button").click()
    placeholder = QUESTIONS[-1].hint[language]
    desk.wait(lambda: not desk.all(".ant-modal-mask:not(.ant-fade-leave-active)"))
    desk.one(f"[placeholder='{placeholder}']").send_keys("好的")
    items = desk.submit(tasks[0])
    said = read_result(list(items.values()), {q.name: q.kind for q in QUESTIONS})
    assert said.fault is None
    assert dict(said.answers) == {
        "emotion": ("sadness",),
        "style": ("photo",),
        "liked": ("4",),
        "uses": ("tease",),
        "place": ("place 7",),
        "says": ("好的",),
    }
    answers = [
        {"emotion": ["sadness"], "style": ["sketch"], "liked": ["4"], "uses": ["greet", "tease"]},
        {"emotion": ["fear"], "style": ["cartoon"], "liked": ["5"], "says": ["抱抱"]},
        {"emotion": ["anger"], "style": ["cartoon"], "liked": ["2"], "place": ["place 7"]},
    ]
    hostile = [*answers[:2], {"emotion": ["anger"], "says": [HOSTILE[1]], "liked": ["made up"]}]
    votes = [
        [AnonymousVote(("难过熊",), "cartoon", "It weeps.", False, each) for each in three]
        for three in (answers, hostile)
    ]
    config = adjudication_config(TAGS, 6, **asked)
    made = [adjudication_task(shown, three, **asked) for three in votes]
    project, tasks = desk.project(config, made)
    desk.show(project)
    desk.keep(f"labelling-questions-adjudication-{language}")
    expected = {"en": "sadness fear anger", "zh": "悲伤 害怕 愤怒"}[language]
    assert expected in desk.all(".sw-votes")[1].text
    assert set(desk.submit(tasks[0])) <= {"tags"}  # the lead has to answer none
    desk.show(project, tasks[1])
    assert HOSTILE[1] in desk.all(".sw-votes")[1].text
    assert desk.browser.execute_script("return window.stolen") is None


def test_a_suspect_sticker_is_blurred_until_it_is_clicked(desk: Desk) -> None:
    board = Image.new("RGBA", (240, 240), "white")
    for n in range(100):
        x, y = n % 10, n // 10
        if (x + y) % 2:
            board.paste("black", (24 * x, 24 * y, 24 * x + 24, 24 * y + 24))
    shown = placed(desk.files, [board, board.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])
    nice = placed(desk.files, drawn("哭泣", 8), keywords=("别哭泣了", "i cry"))
    tasks = [screening_task(s, score=0.83, blurred=True) for s in (nice, shown)]
    tasks.append(screening_task(shown, score=0.1, blurred=False))
    project, numbers = desk.project(screening_config(), tasks)
    desk.show(project, numbers[2])
    desk.wait(lambda: contrast(desk) > 80)
    desk.show(project, numbers[1])
    assert contrast(desk) < 15
    desk.one(".sw-cover").click()
    desk.wait(lambda: contrast(desk) > 80)
    desk.all(".lsf-choice label")[1].click()
    assert desk.settled()
    assert contrast(desk) > 80, "an answer must not blur it again"
    desk.one(".sw-cover").click()
    desk.wait(lambda: contrast(desk) < 15)
    desk.show(project)
    assert everything_fits(desk)
    desk.keep("labelling-screening")
    desk.all(".lsf-choice label")[2].click()
    desk.one(".sw-right textarea, .sw-right input[type=text]").send_keys("a slur")
    items = desk.submit(numbers[0])
    assert items["flags"]["value"] == {"choices": ["offensive"]}
    assert items["note"]["value"] == {"text": ["a slur"]}


def contrast(desk: Desk) -> float:
    """Standard deviation of brightness in the middle of the sticker."""
    picture = desk.picture(".sw-sticker")
    middle, centre = picture.width // 2, picture.height // 2
    box = (middle - 100, centre - 100, middle + 100, centre + 100)
    return float(ImageStat.Stat(picture.convert("L").crop(box)).stddev[0])
