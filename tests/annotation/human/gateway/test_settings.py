"""What commands tell the gateway, and which words it knows."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path
from string import Formatter

import pytest

from annotation.human.gateway.inserted import own_file, with_ours
from annotation.human.gateway.visitors import proof_of
from annotation.human.gateway.words import WORDS
from annotation.human.studio import gateway_settings
from annotation.human.studio.gateway_settings import (
    program,
    read_settings,
    settings_of,
    write_settings,
)
from annotation.human.studio.server_paths import ServerPaths
from annotation.human.studio.version import TRIED, compare
from pipeline.engine.errors import StickerworksError
from schemas.labelling import LabelConfig


def test_settings_come_back_as_they_were_told(tmp_path: Path) -> None:
    config = LabelConfig(
        host="https://Label.example.org/",
        annotators=({"account": "A@x.org", "name": "小明", "language": "zh"}, "b@x.org"),
        guidelines=str(tmp_path / "g.md"),
    )
    place = ServerPaths(tmp_path)
    told = settings_of(config, 8090, 32000)
    write_settings(place, told)
    assert read_settings(place) == told
    assert told.host == told.told == "https://label.example.org"
    assert (told.language_of("a@x.org"), told.language_of("b@x.org")) == ("zh", "en")
    before = place.gateway_settings.stat().st_ino
    write_settings(place, told)
    assert place.gateway_settings.stat().st_ino == before, "nobody asks anew who everybody is"


@pytest.mark.parametrize("host", ["https://a:b:c", "https://a:99999", "https://:80", "http://["])
def test_a_public_address_that_is_none_is_told(host: str) -> None:
    with pytest.raises(StickerworksError, match=r"label\.host"):
        settings_of(LabelConfig(host=host), 8090, 32000)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"port": 1}', '{"port": "x"}'])
def test_settings_that_cannot_be_read_are_named(tmp_path: Path, content: str) -> None:
    place = ServerPaths(tmp_path)
    place.gateway_settings.write_text(content)
    with pytest.raises(StickerworksError, match=r"gateway-settings\.json can't be read"):
        read_settings(place)


def test_another_program_is_told_apart_by_all_that_the_gateway_runs_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Path(gateway_settings.__file__).parents[3]
    for name in ("annotation/human/gateway", "annotation/human/studio", "schemas"):
        shutil.copytree(ours / name, tmp_path / name, ignore=lambda *_: {"__pycache__"})
    copied = tmp_path / "annotation" / "human" / "studio" / "gateway_settings.py"
    monkeypatch.setattr(gateway_settings, "__file__", str(copied))
    before = program()
    for changed in ("annotation/human/gateway/page.css", "schemas/config.py",
                    "annotation/human/studio/regions.py"):  # fmt: skip
        with (tmp_path / changed).open("a", encoding="utf-8") as file:
            file.write("\n")
        assert program() != before, changed
        before = program()


def test_every_word_is_there_in_both_languages_with_the_same_blanks() -> None:
    def blanks(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text)} - {None}

    assert WORDS["en"].keys() == WORDS["zh"].keys()
    for key, text in WORDS["en"].items():
        assert blanks(text) == blanks(WORDS["zh"][key]), key


def test_the_dictionary_is_put_into_the_script() -> None:
    script = own_file("chinese.js").text
    assert script is not None
    assert "__WORDS__" not in script
    words = json.loads(
        files("annotation.human.gateway").joinpath("chinese.json").read_text("utf-8")
    )
    assert json.dumps(words, ensure_ascii=False) in script
    for name in ("chinese.json", "../app.py", "app.py", "", "page.css/.."):
        assert own_file(name).status == 404


def test_only_those_who_read_chinese_get_the_script() -> None:
    page = b"<html><head></head><body></head></body>"
    assert b"chinese.js" not in with_ours(page, "en", annotator=True)
    assert with_ours(page, "zh", annotator=False).count(b"chinese.js") == 1


@pytest.mark.parametrize("value", ["a;b", "a b", "a\r\nX: y", "a,b", "ä", 'a"b', "x" * 5000])
def test_a_cookie_that_could_say_more_than_one_thing_is_none(value: str) -> None:
    assert proof_of({"sessionid": value}, None).headers() == {}


def test_a_token_speaks_alone() -> None:
    proof = proof_of({"sessionid": "abc"}, "Token xyz")
    assert proof.headers() == {"Authorization": "Token xyz"}
    assert proof_of({"sessionid": "abc"}, "Basic xyz").headers() == {"Cookie": "sessionid=abc"}


def test_another_version_is_told_or_refused() -> None:
    pinned = Path(__file__).parents[4] / "constraints-label-studio.txt"
    assert f"label-studio=={TRIED}\n" in pinned.read_text(encoding="utf-8")
    assert compare(TRIED) is None
    assert "1.9.0" in str(compare("1.9.0"))
    for release in ("2.0.0", "0.9", "\x1b[31m"):
        with pytest.raises(StickerworksError, match="all was tried with"):
            compare(release)
