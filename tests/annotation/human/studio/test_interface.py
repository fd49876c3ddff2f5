"""The three screens' configuration, as Label Studio's own parser reads it."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from label_studio_sdk.label_interface import LabelInterface

from annotation.human.studio.interface import (
    FLAG_KEYS,
    adjudication_config,
    labelling_config,
    screening_config,
)
from pipeline.engine.errors import StickerworksError

ODD = ("a / b", "$html", "<b>bold</b>", "q\"'&amp;", "true", "  lead", "tab\tx", "line\nx", "笑死")
CONFIGS = {
    "labelling": labelling_config(ODD, 6),
    "adjudication": adjudication_config(ODD, 6),
    "screening": screening_config(),
}
_XML = st.characters(
    exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff", include_characters="\t\n\r"
)
tag_texts = st.text(_XML, min_size=1, max_size=20).filter(str.strip)


def parsed(config: str) -> Any:
    interface = LabelInterface(config)
    interface.validate()
    return interface


@pytest.mark.parametrize("config", CONFIGS.values(), ids=list(CONFIGS))
def test_label_studio_takes_the_configuration(config: str) -> None:
    parsed(config)


def test_controls_have_the_names_that_answers_are_read_by() -> None:
    names = {name: sorted(parsed(config)._controls) for name, config in CONFIGS.items()}
    assert names == {
        "labelling": ["caption", "domain", "ocr", "tags"],
        "adjudication": ["domain", "tags"],
        "screening": ["flags", "note"],
    }


def test_adjudication_shows_the_votes_beside_the_sticker() -> None:
    assert sorted(parsed(CONFIGS["adjudication"])._objects) == ["sticker", "votes"]


def test_flags_are_those_that_reviews_know() -> None:
    flags = parsed(screening_config()).get_control("flags").labels
    assert set(flags) == set(FLAG_KEYS)
    assert set(FLAG_KEYS) == {
        "fine",
        "inappropriate",
        "offensive",
        "insulting",
        "personal_data",
    }


@pytest.mark.parametrize("config", CONFIGS.values(), ids=list(CONFIGS))
def test_no_choice_is_left_to_get_a_digit_as_its_hotkey(config: str) -> None:
    choices = ElementTree.fromstring(config).findall(".//Choices/Choice")
    keys = [choice.get("hotkey") for choice in choices]
    assert all(key and re.fullmatch(r"alt\+[a-z]", key) for key in keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=list(CONFIGS))
def test_stickers_are_shown_by_the_object_that_lets_gifs_move(config: str) -> None:
    root = ElementTree.fromstring(config)
    shown = [e for e in root.iter("HyperText") if e.get("name") == "sticker"]
    assert len(shown) == 1
    assert shown[0].get("value") == "$html"
    assert root.find(".//Image") is None


@given(st.lists(tag_texts, unique=True, max_size=8))
@example(list(ODD))
def test_tags_of_any_characters_stand_in_it_as_they_are(tags: list[str]) -> None:
    root = ElementTree.fromstring(labelling_config(tags, 6))
    taxonomy = root.find(".//Taxonomy")
    assert taxonomy is not None
    assert [choice.get("value") for choice in taxonomy] == tags
    assert taxonomy.get("maxUsages") == "6"


@given(st.lists(st.text(alphabet=st.sampled_from("a/ \u241f"), min_size=1).filter(str.strip)))
def test_no_tag_holds_what_the_page_cuts_paths_at(tags: list[str]) -> None:
    taxonomy = ElementTree.fromstring(labelling_config(tags, 6)).find(".//Taxonomy")
    assert taxonomy is not None
    separator = taxonomy.get("pathSeparator")
    assert separator
    assert all(separator not in tag for tag in tags)


@pytest.mark.parametrize("tag", ["", "  ", "a\x00", "\x1b[31m", "\ud800", "\uffff"])
def test_a_tag_that_xml_cannot_hold_is_refused(tag: str) -> None:
    with pytest.raises(StickerworksError, match="can't be shown"):
        labelling_config(["cat", tag], 6)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=list(CONFIGS))
def test_style_holds_nothing_that_the_page_would_escape(config: str) -> None:
    style = ElementTree.fromstring(config).findtext(".//Style")
    assert style
    assert not set("<>&") & set(style)
