"""Processes that measure: the same rows as in this one, and files that kill their process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dying_files import DEADLY, see_or_die

from pipeline.release.looking.measuring import measure_chunks
from pipeline.release.looking.rows import read_chunks
from schemas.config import DecodeConfig

Make = Callable[..., Any]


def test_processes_give_the_rows_of_this_one_and_lose_only_what_kills_them(
    release: Make, row: Make, picture: Make, encoded: Make
) -> None:
    rows = [row(encoded(picture(n).resize((40, 40)))) for n in range(20)]
    deadly = row(DEADLY)
    folder = release(train=[*rows[:15], deadly], test=[*rows[15:], row(None)])
    alone = list(measure_chunks(read_chunks(folder), DecodeConfig()))
    apart = list(
        measure_chunks(read_chunks(folder), DecodeConfig(), workers=2, alone=1, see=see_or_die)
    )
    assert [one.chunk.split for one in apart] == ["train"] * 3 + ["test"]
    errors = [one for part in apart for one in part.measured["error"].to_pylist()]
    assert [n for n, error in enumerate(errors) if error] == [15]
    assert errors[15] == "decode: the file kills, or stalls, what decodes it"
    for ours, theirs in zip(alone, apart, strict=True):
        kept = [n for n, error in enumerate(theirs.measured["error"].to_pylist()) if not error]
        assert ours.measured.take(kept).equals(theirs.measured.take(kept))
        assert ours.looks.equals(theirs.looks)
        assert ours.key_frames.equals(theirs.key_frames)
        assert ours.chunk.rows.equals(theirs.chunk.rows)
