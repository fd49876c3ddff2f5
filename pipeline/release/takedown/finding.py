"""Stickers that look the same as those that are to go: they go as well.

Near-duplicate groups say so of what the filter compared, and the pictures themselves of all that
was decoded. Stickers of one template with another caption are others, and stay.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.copies.across import find_copies
from pipeline.copies.codes import sticker_codes
from pipeline.copies.comparing import SAME, STILL_OF
from pipeline.copies.looks import Looks, key_frame_column, measured_table
from pipeline.engine.decoding.measured import Measured, measure
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import Config

_FEW = 20_000
_NEAR_BITS = 8

_Some = tuple[pa.Array, pa.Table, pa.Array]
"""Ids of stickers, their rows of signals, and their key frames."""


def alike_in_tables(workspace: Workspace, ids: Collection[str]) -> set[str]:
    """The stickers and their near-duplicates, stills and animations, by the table duplicates."""
    alike = _group(workspace, set(ids))
    shown = _members(workspace, "still_of", alike, "id") | _members(
        workspace, "id", alike, "still_of"
    )
    return alike | shown | _group(workspace, shown)


@dataclass(frozen=True)
class Sample:
    """A picture that somebody sent: its name, its bytes and their format."""

    name: str
    data: bytes
    format: str | None


def copies_of_samples(workspace: Workspace, config: Config, samples: Sequence[Sample]) -> set[str]:
    """Stickers of the workspace that show one of these pictures.

    Raises StickerworksError for a file that is no picture.
    """
    if not samples:
        return set()
    measured = [_measured(sample, config) for sample in samples]
    signals = measured_table([made.signals for made in measured])
    frames = key_frame_column([made.key_frames for made in measured])
    every = _all_looks(workspace, _likely(workspace, signals))
    return {id_ for _, id_ in _copies(config, signals, frames, every)}


def copies_of_stickers(workspace: Workspace, config: Config, ids: Collection[str]) -> set[str]:
    """Stickers that show the same as some of these, whatever the table duplicates says of them.

    Pictures alone decide, without what was read on them: a copy that reads otherwise is one.
    """
    chosen = pa.array(sorted(ids), pa.string())
    read = [_looks_of(workspace, parts, chosen) for parts in workspace.blocks]
    ours = [(signals, frames) for _, signals, frames in read if len(signals)]
    if not ours:
        return set()
    signals = pa.concat_tables([signals for signals, _ in ours])
    frames = pa.concat_arrays([frames for _, frames in ours])
    every = _all_looks(workspace, _likely(workspace, signals))
    return {id_ for _, id_ in _copies(config, signals, frames, every)}


def _likely(workspace: Workspace, named: pa.Table) -> Callable[[int], pa.Array | None]:
    """Which stickers of a shard are worth comparing with those of these signals: all of a few.

    Of many, those of which a hash lies near one of the named ones', or of a window of these: so a
    million are looked through in seconds.
    """
    if sum(workspace.rows("signals", part) for part in workspace.parts_of("signals")) <= _FEW:
        return lambda part: None
    codes = sticker_codes(named)
    known = np.unique(np.concatenate([codes.own.code, codes.derived.code, codes.frames.code]))

    def likely(part: int) -> pa.Array:
        rows = workspace.read("signals", part, ["phash", "frame_hashes"])
        near = np.zeros(len(rows), np.bool_)
        hashes = rows["frame_hashes"].combine_chunks()
        for owners, values in (
            (np.flatnonzero(rows["phash"].is_valid().to_numpy()), rows["phash"].drop_null()),
            (pc.list_parent_indices(hashes).to_numpy(), hashes.flatten()),
        ):
            found = np.frombuffer(b"".join(values.to_pylist()), ">u8").astype(np.uint64)
            bits = np.full(len(found), 64, np.uint8)
            for code in known:
                np.minimum(bits, np.bitwise_count(found ^ code), out=bits)
            near[owners[bits <= _NEAR_BITS]] = True
        return pa.array(near)

    return likely


def _copies(
    config: Config, signals: pa.Table, frames: pa.Array, others: Iterator[_Some]
) -> Iterator[tuple[int, str]]:
    """Pairs of a row of ``signals`` and the id of a sticker that is a copy of it."""
    with tempfile.TemporaryDirectory(prefix="stickerworks-") as folder:
        looks, ids = Looks(Path(folder)), []
        # Nothing of these was read before: captions in their pictures decide.
        looks.add(0, signals, frames, pa.nulls(len(signals), pa.string()))
        for sticker, measured, shown in others:
            looks.add(1, measured, shown, pa.nulls(len(measured), pa.string()))
            ids += sticker.to_pylist()
        for copies in find_copies(looks, config.filter.duplicates):
            same = (copies.what == SAME) | (copies.what == STILL_OF)
            for one, other in zip(copies.one[same], copies.other[same], strict=True):
                yield int(other), ids[int(one) - len(signals)]


def _all_looks(workspace: Workspace, chosen: Callable[[int], pa.Array | None]) -> Iterator[_Some]:
    """Stickers that were measured, shard by shard: all, or those that are ``chosen``."""
    for part in workspace.parts:
        where = chosen(part)
        if where is not None and not pc.any(where).as_py():
            continue
        signals = workspace.read("signals", part)
        frames = workspace.read("frames", part, ["key_frames"])
        if len(signals) != len(frames):
            continue
        if where is not None:
            signals, frames = signals.filter(where), frames.filter(where)
        if len(signals):
            yield signals["id"].combine_chunks(), signals, frames["key_frames"].combine_chunks()


def _looks_of(workspace: Workspace, parts: Sequence[int], chosen: pa.Array) -> _Some:
    here = [
        part
        for part in parts
        if pc.any(pc.is_in(workspace.read("signals", part, ["id"])["id"], value_set=chosen)).as_py()
    ]
    signals = workspace.read("signals", here)
    frames = workspace.read("frames", here, ["id", "key_frames"])
    where = pc.is_in(signals["id"], value_set=chosen)
    frames = frames.filter(pc.is_in(frames["id"], value_set=chosen))
    signals = signals.filter(where)
    return signals["id"], signals, frames["key_frames"].combine_chunks()


def _measured(sample: Sample, config: Config) -> Measured:
    made = measure(sample.data, sample.format, config.filter.decode)
    if made.key_frames is None:
        raise StickerworksError(
            f"{sample.name} shows no picture ({made.signals.get('error')}).",
            "Name a picture or a GIF.",
        )
    return made


def _group(workspace: Workspace, ids: set[str]) -> set[str]:
    groups = _members(workspace, "id", ids, "group")
    return ids | _members(workspace, "group", groups, "id")


def _members(workspace: Workspace, column: str, values: set[str], wanted: str) -> set[str]:
    return _members_of(workspace, "duplicates", column, values, wanted)


def _members_of(
    workspace: Workspace, name: str, column: str, values: set[str], wanted: str
) -> set[str]:
    """Values of ``wanted`` in the rows of a table whose ``column`` has one of these values."""
    chosen = pa.array(sorted(values), pa.string())
    found: set[str] = set()
    for parts in workspace.blocks if values else ():
        table = workspace.read(name, parts, list(dict.fromkeys([column, wanted])))
        here = table.filter(pc.is_in(table[column], value_set=chosen))
        found.update(here[wanted].drop_null().to_pylist())
    return found


def stickers_here(workspace: Workspace, ids: Collection[str]) -> set[str]:
    """Which of these ids are stickers of the workspace."""
    return _members_of(workspace, "stickers", "id", set(ids), "id")
