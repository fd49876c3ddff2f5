"""Names are found whole, in any width, case and script, and never within other words."""

import pytest

from pipeline.tags.suggesting.names import TagNames

NAMES = TagNames.of(
    [(0, ["开心", "happy", None]), (1, ["good morning"]), (2, ["笑"]), (3, ["打工人", ""])]
)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("开心", (0,)),
        ("開心！", (0,)),
        ("ＨＡＰＰＹ", (0,)),
        ("Good  Morning!", (1,)),
        ("笑", (2,)),
        ("开心果", ()),
        ("", ()),
        ("开心" * 1000, ()),
    ],
)
def test_a_whole_text_is_a_name(text: str, tags: tuple[int, ...]) -> None:
    assert NAMES.equal(text) == tags


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["今天", "开心"], [(0, 1, 2)]),
        (["good", "morning", "happy"], [(1, 0, 2), (0, 2, 3)]),
        (["打", "工人"], [(3, 0, 2)]),
        (["happyness"], []),
        (["笑", "死"], []),
        ([], []),
    ],
)
def test_names_are_whole_words_in_a_row(
    words: list[str], found: list[tuple[int, int, int]]
) -> None:
    assert list(NAMES.within(words)) == found


def test_a_name_of_two_tags_finds_both_and_one_character_is_known_as_short() -> None:
    names = TagNames.of([(0, ["猫", "喵"]), (1, ["猫", "小猫"])])
    assert names.equal("猫") == (0, 1)
    assert names.short == {0}


def test_no_names_find_nothing() -> None:
    names = TagNames.of([])
    assert names.equal("猫") == ()
    assert list(names.within(["猫"])) == []
