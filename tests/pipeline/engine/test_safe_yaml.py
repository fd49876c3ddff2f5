"""YAML from outside is small, shallow and says each thing once."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.engine.safe_yaml import parse_yaml, problem, write_yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "more than 100,000 values"),
        ("[" * 400, "more than 32 levels"),
        ("- x\n" * 260_000, "larger than 1,000,000 bytes"),
        ("a: 1\na: 2", "'a' stands twice (line 2, column 1)"),
        ("a: {b: 1, 'b': 2}", "'b' stands twice"),
        ("yes: 1\ntrue: 2", "'true' stands twice"),
        ("&a [*a]", "refers to itself"),
        ("a: &a {b: *a}", "refers to itself"),
        ("a: 2026-13-45", "makes no sense"),
        ("a: !!int ''", "makes no sense"),
        ("a: !!python/object/apply:os.system [ls]", "tag"),
        ("a: [", "expected"),
        ("a: *b", "undefined alias"),
    ],
)
def test_what_nobody_means_is_refused_at_once(text: str, said: str) -> None:
    started = time.process_time()
    with pytest.raises(yaml.YAMLError) as caught:
        parse_yaml(text)
    assert said in problem(caught.value)
    assert "\n" not in problem(caught.value)
    assert time.process_time() - started < 10


def test_what_stands_there_is_not_told() -> None:
    with pytest.raises(yaml.YAMLError) as caught:
        parse_yaml("key: sk-secret\n  other: [")
    assert "sk-secret" not in problem(caught.value)


def test_a_number_of_very_many_digits_is_a_text() -> None:
    digits = "1:" * 100 + "1"
    assert parse_yaml(f"a: {digits}") == {"a": digits}


def test_a_few_references_and_merged_keys_are_fine() -> None:
    text = "a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, y: 3}\nd: {<<: [*a, *a]}"
    one = {"x": 1, "y": 2}
    assert parse_yaml(text) == {"a": one, "b": one, "c": {"x": 1, "y": 3}, "d": one}


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(values)
@example({"\x85": None, "a\u2028b": "\u2029"})
def test_what_we_write_is_read_as_it_was(value: object) -> None:
    assert parse_yaml(write_yaml(value)) == value


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_is_a_value_or_a_yaml_error(text: str | bytes) -> None:
    with suppress(yaml.YAMLError):
        parse_yaml(text)


def test_numbers_to_the_base_of_60_are_texts() -> None:
    text = "ratio: 8:1:1\nat: 1:30.5\nport: host:80\nplain: 8"
    found = {"ratio": "8:1:1", "at": "1:30.5", "port": "host:80", "plain": 8}
    assert parse_yaml(text) == found
    assert parse_yaml(write_yaml(found)) == found
