"""Frames of animations for captioning models: a few that differ, in order, with their times."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import pyarrow as pa

from pipeline.engine.decoding.frames import Frame, open_source, read_frames
from pipeline.engine.decoding.header import Undecodable
from pipeline.engine.decoding.picture import DARK, WHITE, compose, jpeg
from pipeline.engine.images import reading_images
from pipeline.engine.key_frames import choose, sample, thumbnails
from pipeline.engine.stage import Context, Process, Tables
from pipeline.filter.clip_settings import ClipSettings
from schemas.tables import CLIPS

LEAST = 4


def open_clips(context: Context) -> Process:
    """Return the function that samples animations; stills get none, nor all where no model asks."""
    settings: ClipSettings = context.settings
    media = context.media()

    def process(tables: Tables) -> dict[str, pa.Table]:
        rows = []
        moving = tables["signals"].select(["id", "animated", "flags"]).to_pylist()
        places = tables["media"].to_pylist()
        kinds = tables["stickers"]["format"].to_pylist()
        for signals, place, kind in zip(moving, places, kinds, strict=True):
            row: dict[str, Any] = {"id": signals["id"], "measured": True, "frames": []}
            data = media.read(place) if settings.frames and signals["animated"] else None
            if data is not None:
                ground = DARK if "dark_background" in (signals["flags"] or ()) else WHITE
                try:
                    row["frames"] = sample_clip(data, kind, settings, ground)
                except Undecodable as error:
                    row |= {"frames": None, "error": str(error)}
            rows.append(row)
        return {CLIPS.name: pa.Table.from_pylist(rows, schema=CLIPS.schema)}

    return process


def sample_clip(
    data: bytes, kind: str | None, settings: ClipSettings, ground: int = WHITE
) -> list[dict[str, Any]]:
    """At most ``frames`` frames of an animation as rows of a key frame, in play order.

    Those that differ most are chosen; where fewer than four differ, others fill up evenly.
    Raises Undecodable.
    """
    with reading_images(settings.caps.max_pixels):
        source = open_source(data, kind, settings.caps)
        samples, durations = [], []
        for frame in read_frames(source):
            samples.append(sample(frame.pixels))
            durations.append(source.displayed_ms(frame.duration_ms))
        picks = fill_up(choose(thumbnails(samples, ground), durations, settings.frames), durations)
        frames = enumerate(islice(read_frames(source), picks[-1] + 1))
        chosen = set(picks)
        return [
            _row(index, frame, durations, settings.side, ground)
            for index, frame in frames
            if index in chosen
        ]


def fill_up(picks: Sequence[int], durations: Sequence[int]) -> list[int]:
    """Ascending indices: the picks, and evenly spread frames up to four where there are as many.

    A picture that hardly changes still shows that it does.
    """
    chosen = set(picks)
    count = len(durations)
    even = [index * count // LEAST for index in range(LEAST)]
    while len(chosen) < min(LEAST, count):
        # The one farthest from all chosen: beside a pick there is nothing new to see.
        left = [index for index in even if index not in chosen]
        chosen.add(max(left, key=lambda index: min(abs(index - pick) for pick in chosen)))
    return sorted(chosen)


def _row(
    index: int, frame: Frame, durations: Sequence[int], side: int, ground: int
) -> dict[str, Any]:
    data, width, height = jpeg(compose(frame, ground), side)
    return {
        "index": index,
        "start_ms": min(sum(durations[:index]), 2**31 - 1),
        "duration_ms": durations[index],
        "width": width,
        "height": height,
        "jpeg": data,
    }
