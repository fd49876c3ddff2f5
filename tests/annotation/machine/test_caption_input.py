"""What captioners get to know of a sticker."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from annotation.machine.caption_input import collect_inputs, pictures_of
from annotation.machine.captioner import CaptionInput
from annotation.machine.chat import Picture
from schemas.tables import TABLES


def frame(start_ms: int, jpeg: bytes | None = b"jpeg") -> dict[str, Any]:
    return {"start_ms": start_ms, "jpeg": jpeg}


def tables(**rows: list[dict[str, Any]]) -> dict[str, pa.Table]:
    one = [{"id": "s"}]
    names = ("stickers", "domain", "signals", "ocr", "frames", "clips", "observations")
    return {n: pa.Table.from_pylist(rows.get(n, one), schema=TABLES[n].schema) for n in names}


def test_all_that_is_known_is_told() -> None:
    [facts] = collect_inputs(
        tables(
            domain=[{"id": "s", "domain": "cartoon"}],
            signals=[{"id": "s", "animated": True}],
            ocr=[{"id": "s", "text": "HI"}],
            clips=[{"id": "s", "frames": [frame(0, b"1"), frame(80, b"2")]}],
            frames=[{"id": "s", "key_frames": [frame(0, b"k")]}],
            observations=[
                {"id": "s", "query": "cat", "tags": ["funny", "cat"], "title": "Cat 1"},
                {"id": "s", "query": "dog", "tags": None, "title": None},
            ],
        )
    )
    pictures = (Picture(b"1", 0), Picture(b"2", 80))
    keywords = ("cat", "dog", "funny", "Cat 1")
    assert facts == CaptionInput("s", "cartoon", True, keywords, "HI", pictures)


def test_nothing_known_is_no_error() -> None:
    [facts] = collect_inputs(tables(observations=[]))
    assert facts == CaptionInput("s", None, None, (), "", ())


def test_every_sticker_keeps_its_own() -> None:
    ids = [{"id": key} for key in "cab"]
    others = dict.fromkeys(("domain", "signals", "frames", "clips", "stickers"), ids)
    texts = [{"id": key, "text": f"text {key}"} for key in "abc"]
    found = collect_inputs(tables(**others, ocr=texts, observations=[{"id": "a", "query": "q"}]))
    assert [(facts.id, facts.text) for facts in found] == [(k, f"text {k}") for k in "cab"]
    assert [facts.keywords for facts in found] == [(), ("q",), ()]


def test_frames_of_an_animation_have_times_and_a_still_has_none() -> None:
    assert pictures_of([frame(0)], None) == (Picture(b"jpeg"),)
    assert pictures_of([frame(0), frame(90)], []) == (Picture(b"jpeg", 0), Picture(b"jpeg", 90))
    assert pictures_of([frame(0)], [frame(5), frame(9)]) == (
        Picture(b"jpeg", 5),
        Picture(b"jpeg", 9),
    )
    assert pictures_of([frame(0, None)], None) == ()
    assert pictures_of(None, None) == ()
