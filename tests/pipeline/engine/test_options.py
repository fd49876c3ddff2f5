"""Options that are wrong are told in one line that names the key and the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass

from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import read_options


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    side: int = Field(1, gt=0, description="pixels of a side")


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")
    path: str = Field(description="the folder")
    api_key: int = 0
    count: int = Field(3, le=10, description="stickers at most")
    mode: Literal["fast", "slow"] = "fast"
    parts: dict[str, Inner] = {}
    steps: list[Inner] | None = None


@dataclass(frozen=True)
class Plain:
    path: str
    count: int = 3


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Checked:
    path: str
    count: int = 3

    def __post_init__(self) -> None:
        if self.count == 7:
            raise ValueError("seven is taken")


def said(values: dict[str, Any], model: type[Any] = Options) -> str:
    with pytest.raises(StickerworksError) as caught:
        read_options(model, values, "crawl.sources.0.options", "the source folder")
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value).replace("crawl.sources.0.options", "AT")


@pytest.mark.parametrize("model", [Options, Plain, Checked])
def test_options_are_read_as_their_types(model: type[Any]) -> None:
    read = read_options(model, {"path": "p", "count": "4"}, "where", "who")
    assert (read.path, read.count) == ("p", 4)


@pytest.mark.parametrize("model", [Options, Plain, Checked])
def test_a_typo_is_told_before_what_it_leaves_missing(model: type[Any]) -> None:
    found = said({"pathh": "x"}, model)
    assert found.startswith(
        "Bad options of the source folder: unknown key AT.pathh (did you mean path?). Known keys: "
    )
    assert "needed" not in found
    assert all(name in found for name in ("path", "count"))


@pytest.mark.parametrize("model", [Options, Plain, Checked])
def test_a_missing_key_and_a_wrong_type_are_told(model: type[Any]) -> None:
    assert "AT.path is needed" in said({}, model)
    assert "AT.count: should be a valid integer" in said({"path": "p", "count": "many"}, model)
    assert "not 'many'" in said({"path": "p", "count": "many"}, model)


def test_what_a_key_is_for_is_the_remedy() -> None:
    assert said({}).endswith("AT.path is needed. Set it: the folder.")
    assert said({"path": "p", "count": 11}).endswith(
        "AT.count: should be less than or equal to 10, not 11. It is: stickers at most."
    )
    assert "AT.mode: should be 'fast' or 'slow', not 'medium'" in said(
        {"path": "p", "mode": "medium"}
    )


def test_keys_of_sections_within_are_known_too() -> None:
    nested = said({"path": "p", "parts": {"a": {"sidee": 2}}})
    assert "unknown key AT.parts.a.sidee (did you mean side?). Known keys: side." in nested
    listed = said({"path": "p", "steps": [{"side": 0}]})
    assert "AT.steps.0.side: should be greater than 0, not 0. It is: pixels of a side." in listed
    assert "AT.parts: should be a valid dictionary, not a list" in said({"path": "p", "parts": []})


def test_every_problem_is_told_up_to_a_few() -> None:
    found = said({f"k{number}": 1 for number in range(8)} | {"count": "x"})
    assert "AT.k0" in found
    assert "and 4 more" in found


def test_what_a_dataclass_itself_refuses_is_told() -> None:
    assert ": AT: seven is taken. Known keys: path, count." in said(
        {"path": "p", "count": 7}, Checked
    )


@pytest.mark.parametrize(
    "values",
    [
        {"api_key": "hunter2"},
        {"count": "http://me:hunter2@host/"},
        {"count": "http://me:hunter2/3@host"},
        {"count": "https://host/?token=hunter2"},
        {"parts": [{"api_key": "hunter2"}]},
        {"parts": {"password": "hunter2"}},
        {"mode": ["hunter2"]},
    ],
)
def test_secrets_are_never_shown(values: dict[str, Any]) -> None:
    assert "hunter2" not in said({"path": "p", **values})


def test_long_and_hostile_values_are_cut_and_harmless() -> None:
    assert len(said({"path": "p", "count": "9x" * 500})) < 250
    assert len(said({"p" * 5000: "p"})) < 250
    found = said({"path": "p", "count": "\x1b[2J\u202e\n", "\x1b[1m\n": 1})
    assert not {"\x1b", "\u202e", "\n"} & set(found)


NESTED = st.recursive(
    st.text() | st.none(), lambda inner: st.lists(inner, max_size=3), max_leaves=9
)


@given(st.dictionaries(st.text(), NESTED, max_size=4))
def test_whatever_is_wrong_is_one_line(values: dict[str, Any]) -> None:
    if values.keys() <= {"path"}:
        return
    values.pop("path", None)
    said(values)
