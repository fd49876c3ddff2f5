"""Takedown lists as people and partners write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawlers.takedown.entries import Entry, read_entries
from pipeline.engine.errors import StickerworksError

SHA = "AB" * 32


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "takedown.csv"


def read(file: Path, text: str | bytes) -> list[Entry]:
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(read_entries(file))


def test_csv_with_a_header_a_note_and_blank_lines(file):
    text = (
        "\ufeffNote,Kind,Value\r\n"
        f'"by letter, 3 May",sha256,{SHA}\r\n'
        "\r\n"
        ",url,HTTPS://Example.org/a*\r\n"
        ',author,"Lee,  Ann"\r\n'
        ",phash,00FF00FF00FF00FF\r\n"
        ",pack,giphy/cats\r\n"
    )
    assert read(file, text) == [
        Entry("sha256", SHA.lower(), 2),
        Entry("url", "//example.org/a*", 4),
        Entry("author", "lee, ann", 5),
        Entry("phash", "00ff00ff00ff00ff", 6),
        Entry("pack", "giphy/cats", 7),
    ]


def test_json_lines(file):
    text = '\n{"kind": "pack", "value": "cats", "why": 1}\n\n{"kind": "author", "value": "A"}\n'
    assert read(file, text) == [Entry("pack", "cats", 2), Entry("author", "a", 4)]


def test_a_list_without_entries_names_nothing_and_an_empty_file_is_refused(file):
    assert read(file, "kind,value\n") == []
    for text in ("", "\n \n"):
        with pytest.raises(StickerworksError, match="is empty"):
            read(file, text)


@pytest.mark.parametrize(
    ("value", "prefix"),
    [
        ("https://example.org*", "//example.org/*"),
        ("https://example.org/a?*", "//example.org/a?*"),
        ("https://example.org/a?b=*", "//example.org/a?b=*"),
    ],
)
def test_a_star_at_the_end_makes_a_prefix(file, value, prefix):
    assert read(file, f"kind,value\nurl,{value}\n") == [Entry("url", prefix, 2)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n", "csv:1: the header names no columns kind and value"),
        ("kind,value\nhash,ab\n", "csv:2: 'hash' is no kind; those are sha256, phash, url, pack"),
        ("kind,value\n\nsha256,ab\n", "csv:3: the value isn't 64 hexadecimal digits"),
        ("kind,value\nphash,0x00ff00ff00ff00\n", "csv:2: the value isn't 16 hexadecimal"),
        ("kind,value\nurl,example.org/a\n", "csv:2: the value is no address that begins with"),
        ("kind,value\nurl,*\n", "csv:2: the value is no address"),
        ("kind,value\nurl,https://*\n", "csv:2: the value is no address"),
        (f"kind,value\nurl,https://a.org/{'x' * 8000}\n", "csv:2: the address has more than 8000"),
        ("kind,value\nauthor,\n", "csv:2: it has no value"),
        ("kind,value\nauthor\n", "csv:2: it has no kind and value"),
        ('kind,value\nauthor,"a\n', "csv:2: it is no CSV"),
        (f"kind,value\nauthor,{'x' * 70_000}\n", "csv:2: it has more than 65,536 bytes"),
        ('{"kind": "pack"}\n', "csv:1: it has no kind and value"),
        ('{"kind": ["pack"], "value": "a"}\n', "csv:1: it has no kind and value"),
        ('{"kind": "pack", "value": "a"}\n[]\n', "csv:2: it is no JSON object"),
        ('{"kind": "pack", "value": "a"}\nx\n', "csv:2: it is no JSON"),
        ("{" * 60_000, "csv:1: it is no JSON"),
        (b"kind,value\nauthor,\xff\n", "csv:2: it isn't UTF-8"),
        (b"\xff\xfek\x00", "csv:1: it isn't UTF-8"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(file, text, told):
    with pytest.raises(StickerworksError) as raised:
        read(file, text)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.remedy


def test_a_name_that_is_refused_is_not_shown(file):
    with pytest.raises(StickerworksError) as raised:
        read(file, "kind,value\nsha256,Ann Lee\n")
    assert "Ann" not in str(raised.value)


def test_a_list_that_is_not_there(file):
    with pytest.raises(StickerworksError, match=r"takedown\.csv: No such file.*crawl\.takedown"):
        list(read_entries(file))
    with pytest.raises(StickerworksError, match="it is a folder"):
        list(read_entries(file.parent))
