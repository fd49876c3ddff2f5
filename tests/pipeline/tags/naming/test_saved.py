"""Files that the naming page saves: read as they are, or refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.errors import StickerworksError
from pipeline.tags.naming.rows import NamingRow
from pipeline.tags.naming.saved import read_saved_naming

GOOD: dict[str, Any] = {
    "stickerworks_naming": 1,
    "version": "0123456789ab",
    "who": " Dora\u202e K\n",
    "rows": [{"key": "c0", "decision": "keep", "name": " 愤怒"}, {"key": "t001"}],
    "added": [{"name": "猫", "keywords": ["猫猫"], "words": ["喵"]}],
}


def save(folder: Path, content: Any) -> Path:
    file = folder / "tags-named.json"
    text = content if isinstance(content, str) else json.dumps(content)
    file.write_text(text, encoding="utf-8")
    return file


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    found = read_saved_naming(save(tmp_path, GOOD))
    assert (found.source, found.who) == ("tags-named.json", "Dora K")
    version = "0123456789ab"
    assert found.rows == (
        NamingRow("c0", "keep", " 愤怒", version=version),
        NamingRow("t001", version=version),
        NamingRow("", "add", "猫", keywords=("猫猫",), words=("喵",), version=version),
    )
    assert found.rows[0].where("name") == "c0, name"
    assert found.rows[2].where("words") == "added tag 1 (猫), words"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"stickerworks_naming": 2}, "stickerworks_naming"),
        ({"version": "<b>"}, "version"),
        ({"rows": [{"key": "c0\n"}]}, "rows.0.key"),
        ({"rows": [{"key": "x1"}]}, "rows.0.key"),
        ({"rows": [{"key": "c1", "nmae": "x"}]}, "unknown key rows.0.nmae (did you mean name?)"),
        ({"rows": [{"key": "c1", "name": 5}]}, "rows.0.name"),
        ({"rows": [{"key": "c1", "name": "x" * 2001}]}, "rows.0.name"),
        ({"rows": [{"key": "c1", "name": "\ud800"}]}, "rows.0.name"),
        ({"added": [{"keywords": "猫"}]}, "added.0.keywords"),
        ({"rows": {}}, "rows"),
    ],
)
def test_what_a_page_does_not_save_is_refused(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    with pytest.raises(StickerworksError) as raised:
        read_saved_naming(save(tmp_path, GOOD | change))
    assert "holds no naming of tags" in str(raised.value)
    assert told in str(raised.value)


@pytest.mark.parametrize("text", ["", "[", "null", "[]", "[" * 100_000, '{"picks": []}', "NaN"])
def test_other_files_are_refused_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(StickerworksError) as raised:
        read_saved_naming(save(tmp_path, text))
    assert str(raised.value).count("\n") <= 1


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match="can't be read"):
        read_saved_naming(tmp_path / "none.json")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ROW = st.fixed_dictionaries(
    {"key": st.from_regex(r"[ct][0-9]{1,9}", fullmatch=True)},
    optional={"decision": TEXTS, "name": TEXTS, "aliases": st.lists(TEXTS, max_size=3)},
)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(ROW, max_size=4), added=st.lists(TEXTS, max_size=3))
def test_whatever_texts_say_they_come_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], added: list[str]
) -> None:
    content = GOOD | {"rows": rows, "added": [{"name": name} for name in added]}
    found = read_saved_naming(save(tmp_path_factory.mktemp("saved"), content)).rows
    assert [(row.key, row.decision, row.name, list(row.aliases)) for row in found[: len(rows)]] == [
        (row["key"], row.get("decision", ""), row.get("name", ""), row.get("aliases", []))
        for row in rows
    ]
    assert [row.name for row in found[len(rows) :]] == added
