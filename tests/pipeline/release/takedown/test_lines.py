"""Texts from which what names a sticker is taken out, and nothing else."""

from __future__ import annotations

import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from pipeline.release.takedown.cleaner.lines import cleaned_text
from pipeline.release.takedown.cleaner.named import TakenDown

ID, OTHER = "ab" * 32, "cd" * 32
GONE = TakenDown(frozenset({ID}), texts=frozenset({"https://a.example/secret"}))
NONE: frozenset[str] = frozenset()


def test_lines_that_name_it_go():
    text = f'{{"id": "{ID}"}}\n{{"id": "{OTHER}"}}\nsaid https://a.example/secret\n'
    assert cleaned_text("runs.jsonl", text, GONE, NONE) == f'{{"id": "{OTHER}"}}\n'


def test_entries_of_json_go_with_what_they_are_about():
    told = {
        "reasons": [f"sticker {ID} is late", "fine"],
        "rows": [{"id": ID, "tags": ["a"]}, {"id": OTHER, "tags": []}],
        ID: 3,
        "count": 2,
    }
    left = json.loads(cleaned_text("gate.json", json.dumps(told, indent=1), GONE, NONE))
    assert left == {"reasons": ["fine"], "rows": [{"id": OTHER, "tags": []}], "count": 2}


def test_half_a_file_of_json_is_cleaned_line_by_line():
    assert cleaned_text("a.json", f'{{"x": [\n"{ID}",\n"b"', GONE, NONE) == '{"x": [\n"b"'


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=8)


@given(st.lists(st.tuples(CELL, CELL, st.booleans()), min_size=1, max_size=8))
def test_a_row_of_csv_goes_as_a_whole_and_others_stay_byte_by_byte(rows):
    def written(some):
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator="\n").writerows(some)
        return out.getvalue()

    table = [("name", "id", "words")]
    table += [(one, ID if gone else OTHER, two) for one, two, gone in rows]
    expected = written(row for row in table if row[1] != ID)
    assert cleaned_text("a.csv", written(table), GONE, NONE) == expected


@given(st.text(max_size=200))
def test_what_names_nothing_stays_as_it_is(text):
    for name in ("a.csv", "a.json", "a.log"):
        assert cleaned_text(name, text, GONE, NONE) == text
