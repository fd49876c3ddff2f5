import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tags.name_forms import is_blocked, name_fault, same_name, shown_name

TEXTS = st.text(
    st.one_of(st.sampled_from("猫笑貓體体 Aａéе\u200d\u200b\u202e\n\t😂️👨"), st.characters()),
    max_size=60,
)
BLOCKED = ("傻逼", "操", "操你妈", "逼", "鸡巴", "妈逼", "ass", "fuck", "son of a bitch", "傻b")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  ＡＢ　ｃ\n猫 ", "AB c 猫"),
        ("打\u200b工\ufeff人", "打工人"),
        ("a\u202eb\u200dc", "abc"),
        ("👨\u200d👩\u200d👧 家", "👨\u200d👩\u200d👧 家"),
        ("e\u200b\u0301", "é"),
        ("\u200b \u3000", ""),
        ("爱\u2764\ufe0f", "爱\u2764"),
    ],
)
def test_a_name_is_shown_as_one_line_of_seen_characters(text: str, shown: str) -> None:
    assert shown_name(text) == shown


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("表情包", "表情 包"),
        ("Cat GIF", "ｃａｔ-gif"),
        ("貓咪為什麼", "猫咪为什么"),
        ("看著", "看着"),
        ("裡面", "裏面"),
        ("干杯", "乾杯"),
        ("happy", "hарру"),
        ("СOOL", "cool"),
        ("ΝΟΤΕ", "note"),
        ("ё", "ë"),
        ("ロ", "口"),
        ("哈哈!!", "哈哈"),
        ("straße", "STRASSE"),
        ("爱\u2764\ufe0f", "爱\u2764"),
        ("葛\U000e0100", "葛"),
        ("什麽", "什么"),
        ("什麼", "什么"),
    ],
)
def test_names_that_people_take_for_one_are_the_same(one: str, other: str) -> None:
    assert same_name(one) == same_name(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [("resume", "résumé"), ("猫", "狗"), ("😂", "😭"), ("笑😂", "笑"), ("C", "C++"), ("1", "2")],
)
def test_other_names_are_not(one: str, other: str) -> None:
    assert same_name(one) != same_name(other)


@pytest.mark.parametrize(
    "text",
    [
        "猫", "打工人", "OK", "520", "233", "5201314", "66666", "520 1314", "1024", "3-8", "4s",
        "c4d", "100000天", "Ünïcode", "кот", "αβ粒子", "a\nb",
    ],
)  # fmt: skip
def test_a_name_without_a_fault(text: str) -> None:
    assert name_fault(text) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty"),
        (" \u3000\n", "empty"),
        ("\u200b", "letter"),
        ("?!", "letter"),
        ("😂", "letter"),
        ("猫" * 41, "longer than 40"),
        ("ﷺ" * 3, "longer than 40"),
        (" " * 5 + "a" + " " * 2000 + "b", "longer than 40"),
        ("猫\x07", "no file"),
        ("猫\0", "no file"),
        ("猫\ud800", "no file"),
        ("猫\ufffe", "no file"),
        ("猫\ue000", "no file"),
        ("pаypal", "look alike"),
        ("c4", "key of a row"),
        ("Ｔ００１", "key of a row"),
        ("12345", "only a number"),
        ("１３８ 0013 8000", "only a number"),
        ("2024-01-01", "only a number"),
        ("3.14", "only a number"),
        ("0,5", "only a number"),
    ],
)
def test_what_can_be_no_name_says_why(text: str, fault: str) -> None:
    assert fault in (name_fault(text) or "")


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_forms_hold_for_any_text(text: str) -> None:
    shown = shown_name(text)
    assert shown_name(shown) == shown == unicodedata.normalize("NFKC", shown)
    assert shown == shown.strip()
    assert not {"\n", "\u202e"} & set(shown)
    key = same_name(text)
    assert key == same_name(shown) == same_name(f" {text}\n") == same_name(f"\u200b{text}")
    fault = name_fault(text)
    if fault is None:
        assert 0 < len(shown) <= 40
        assert key
        shown.encode()
    else:
        assert not fault.endswith(".")


@settings(max_examples=100, deadline=None)
@given(st.text("猫貓体體abcXYZ 0-", max_size=20))
def test_width_case_spacing_and_script_change_nothing(text: str) -> None:
    wide = "".join(chr(ord(s) + 0xFEE0) if "!" <= s <= "~" else s for s in text)
    key = same_name(text)
    assert key == same_name(wide) == same_name(text.upper()) == same_name(f"{text} ")
    assert key == same_name(text.replace("猫", "貓").replace("体", "體"))


@pytest.mark.parametrize(
    "text",
    [
        "傻逼", "大傻逼", "傻 逼", "傻*逼", "你个傻逼玩意", "操", "操你妈的", "操猫", "操 你 媽",
        "大鸡巴", "傻Ｂ", "ASS", "kick ass", "asss", "assssss", "fuck you", "FUUUUCK", "f.u.c.k",
        "fucks", "ｆｕｃｋ", "fuсk",
        "you son of a bitch!", "son-of-a-bitch",
    ],
)  # fmt: skip
def test_blocked_words_are_found(text: str) -> None:
    assert is_blocked(text, BLOCKED)


@pytest.mark.parametrize(
    "text",
    [
        "", "?", "猫", "操场", "体操", "操作", "操心", "广播体操", "逼真", "逼近", "小鸡巴士",
        "class", "pass", "assassin", "grass mud horse", "as", "a s s o c", "son", "a bitcoin",
        "傻 bingo", "傻瓜", "妈妈",
    ],
)  # fmt: skip
def test_innocent_words_are_not(text: str) -> None:
    assert not is_blocked(text, BLOCKED)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(BLOCKED), st.sampled_from(["", " 猫", " ok", "!"]))
def test_a_blocked_word_beside_others_is_found_and_nothing_is_without_a_list(
    word: str, rest: str
) -> None:
    assert is_blocked(word + rest, BLOCKED)
    assert not is_blocked(word + rest, ())


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_any_text_can_be_asked_about(text: str, blocked: list[str]) -> None:
    assert is_blocked(text, [*blocked, text]) == bool(shown_name(text))
