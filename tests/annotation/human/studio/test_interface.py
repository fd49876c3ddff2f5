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
from schemas.questions import SHIPPED, Language, QuestionConfig

ODD = ("a / b", "$html", "<b>bold</b>", "q\"'&amp;", "true", "  lead", "tab\tx", "line\nx", "笑死")
QUESTIONS = (
    SHIPPED["emotion"],
    SHIPPED["style"],
    QuestionConfig(name="liked", kind="scale", points=10, low="<b>$html", high="q\"'&amp;"),
    QuestionConfig(name="uses", kind="several", options=("greet", "tease"), required=False),
    QuestionConfig(name="place", options=tuple(f"place {n}" for n in range(30))),
    QuestionConfig(name="says", kind="text", title={"zh": "$sticker_id \x00\uffff ]]>"}),
)
CONFIGS = {
    "labelling": labelling_config(ODD, 6),
    "adjudication": adjudication_config(ODD, 6),
    "screening": screening_config(),
    "questions": labelling_config(ODD, 6, QUESTIONS, "zh"),
    "decided questions": adjudication_config(ODD, 6, QUESTIONS),
    "screening in Chinese": screening_config("zh"),
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
    own = [question.name for question in QUESTIONS]
    assert names == {
        "labelling": ["caption", "domain", "ocr", "tags"],
        "adjudication": ["domain", "tags"],
        "screening": ["flags", "note"],
        "questions": sorted(["caption", "domain", "ocr", "tags", *own]),
        "decided questions": sorted(["domain", "tags", *own]),
        "screening in Chinese": ["flags", "note"],
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
    assert all(key and re.fullmatch(r"(shift\+)?alt\+[a-z]", key) for key in keys)
    assert len(set(keys)) == len(keys)


@given(
    st.lists(
        st.tuples(st.sampled_from(["single", "several", "scale", "text"]), st.integers(2, 30)),
        max_size=12,
    ),
    st.sampled_from(["en", "zh"]),
)
def test_any_questions_have_keys_of_their_own_or_a_list(
    drawn: list[tuple[Any, int]], language: Language
) -> None:
    questions = [
        QuestionConfig(
            name=f"q{place}",
            kind=kind,
            points=min(count, 10),
            options=tuple(f"v{n}" for n in range(count)) if kind in ("single", "several") else (),
        )
        for place, (kind, count) in enumerate(drawn)
    ]
    root = ElementTree.fromstring(labelling_config(ODD, 6, questions, language))
    keys = [choice.get("hotkey") for choice in root.findall(".//Choices/Choice")]
    assert None not in keys
    assert len(set(keys)) == len(keys)
    for question in questions:
        control = root.find(f".//*[@name='{question.name}']")
        assert control is not None
        offered = [choice.get("alias") or choice.get("value") for choice in control]
        assert offered == list(question.values)
        if control.tag == "Taxonomy":
            several = question.kind == "several"
            assert control.get("maxUsages") == (str(len(question.values)) if several else "1")


def test_only_a_vote_must_answer_what_is_required() -> None:
    def required(config: str) -> set[str | None]:
        found = ElementTree.fromstring(config).findall(".//*[@required='true']")
        return {control.get("name") for control in found}

    must = {"domain", "emotion", "style", "liked", "place", "says"}
    assert required(CONFIGS["questions"]) == must
    assert required(CONFIGS["decided questions"]) == set()


def test_words_of_the_lead_are_shown_as_they_are() -> None:
    root = ElementTree.fromstring(CONFIGS["decided questions"])
    titles = [header.get("value") or "" for header in root.iter("Header")]
    assert not any(re.search(r"\$\w", title) for title in titles)
    ends = [choice.get("html") for choice in root.findall(".//*[@name='liked']/Choice")]
    assert ends[0] == "1 · &lt;b&gt;$\u2060html"
    assert ends[-1] == "10 · q&quot;&#x27;&amp;amp;"


@pytest.mark.parametrize("made", [labelling_config, adjudication_config, screening_config])
def test_a_chinese_screen_says_nothing_in_english(made: Any) -> None:
    shipped = (["标签"], 6, tuple(SHIPPED.values())) if made is not screening_config else ()
    root = ElementTree.fromstring(made(*shipped, language="zh"))
    words = [
        e.get(name) for e in root.iter() for name in ("html", "placeholder", "requiredMessage")
    ]
    words += [header.get("value") for header in root.iter("Header")]
    said = [word for word in words if word]
    assert len(said) > 6
    assert not [word for word in said if re.search(r"[A-Za-z]", word)]


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
