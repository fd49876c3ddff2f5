"""Texts from which what names a sticker is taken out, and nothing else."""

from __future__ import annotations

import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from pipeline.release.takedown.cleaner.lines import cleaned_text
from pipeline.release.takedown.cleaner.named import TakenDown, hash_text
from pipeline.release.takedown.cleaner.removed import RemovedFiles

ID, OTHER = "ab" * 32, "cd" * 32
GONE = TakenDown(frozenset({ID}), texts=frozenset({"https://a.example/secret"}))
NONE = RemovedFiles()


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


WORDS = TakenDown(frozenset({ID}), texts=frozenset({"dataset", "licence", "打工人", "12", "a"}))


def test_a_title_that_is_any_word_takes_nothing_with_it():
    card = "# The dataset\n\nits licence is a\n12\n"
    croissant = {"name": "dataset", "licence": {"name": "licence"}, "keys": ["12", "a", "打工人"]}
    for indent in (None, 1):
        text = json.dumps(croissant, indent=indent, ensure_ascii=False)
        assert cleaned_text("croissant.json", text, WORDS) == text
    assert cleaned_text("README.md", card, WORDS) == card
    table = "licence,rows\ndataset,12\n打工人,3\n"
    assert cleaned_text("licences.csv", table, WORDS) == table


def test_whole_values_of_titles_and_source_ids_go_however_short():
    told = {
        "title": "dataset",
        "rows": [{"title": "打工人", "n": 1}, {"title": "打工人们"}, {"source_id": "12"}],
        "examples": ["打工人", "b"],
        "n": 12,
    }
    for ensure_ascii in (True, False):
        text = json.dumps(told, ensure_ascii=ensure_ascii)
        left = json.loads(cleaned_text("a.json", text, WORDS))
        assert left == {"rows": [{"title": "打工人们"}], "examples": ["b"], "n": 12}
    rows = "Title,n\n打工人,1\n打工人们,2\n"
    assert cleaned_text("a.csv", rows, WORDS) == "Title,n\n打工人们,2\n"
    lines = '{"title": "a"}\n{"title": "b", "a": "a"}\n'
    assert cleaned_text("a.jsonl", lines, WORDS) == '{"title": "b", "a": "a"}\n'


def test_the_whole_of_a_file_never_goes_for_one_of_its_fields():
    told = {"worst": f"sticker {ID}", "passed": True}
    assert json.loads(cleaned_text("gate.json", json.dumps(told), GONE)) == {"passed": True}
    assert json.loads(cleaned_text("one.json", json.dumps({"id": ID, "text": "x"}), GONE)) == {}
    assert json.loads(cleaned_text("one.json", json.dumps(ID), GONE)) == ""


def test_what_stands_under_another_id_stays_and_siblings_lose_the_name():
    told = {"captions": {ID: "gone", OTHER: "stays"}, "rows": [{"id": OTHER, "template_id": ID}]}
    assert json.loads(cleaned_text("a.json", json.dumps(told), GONE)) == {
        "captions": {OTHER: "stays"},
        "rows": [{"id": OTHER, "template_id": None}],
    }


def test_an_address_known_by_its_hash_goes_from_texts():
    gone = TakenDown(frozenset({ID}), addresses=frozenset({hash_text("https://a.example/1")}))
    told = {"source_urls": ["https://a.example/1", "https://a.example/2"]}
    left = json.loads(cleaned_text("a.json", json.dumps(told), gone))
    assert left == {"source_urls": ["https://a.example/2"]}
