"""Labelled stickers as the trainer takes them, from votes or from a manifest."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotation.machine.features import sticker_statistics
from annotation.machine.manifest import LabelledSticker, key_frames, read_manifest
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace


@dataclass(frozen=True)
class DomainSample:
    """A sticker with its domain, its key frames, and the group that it is held out with."""

    id: str
    name: str
    real: bool
    group: str
    frames: tuple[bytes, ...]
    statistics: NDArray[np.float64]


@dataclass(frozen=True)
class LabelledSamples:
    """Samples by id, where they are from, and how many labels can't be used, by reason."""

    samples: tuple[DomainSample, ...]
    source: str
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Digest of what was learnt from: ids, domains, groups and frames."""
        sha = hashlib.sha256()
        for sample in self.samples:
            frames = hashlib.sha256(b"".join(sample.frames)).hexdigest()
            sha.update(f"{sample.id} {sample.real} {sample.group} {frames}\n".encode())
        return sha.hexdigest()


def collect_labels(workspace: Workspace, simulated: bool = False) -> LabelledSamples:
    """Stickers whose votes agree on a domain, with key frames from the table ``frames``.

    Votes that no person gave count only with ``simulated``.
    """
    domains: dict[str, bool] = {}
    left_out: Counter[str] = Counter()
    labels = workspace.read("labels", columns=["id", "domain", "simulated"])
    for row in labels.to_pylist():
        if row["domain"] is None:
            continue
        if row["simulated"] and not simulated:
            left_out["simulated votes"] += 1
            continue
        domains[row["id"]] = row["domain"] == "real"
    groups = find_groups(domains, observations(workspace, domains))
    frames = dict(_frames(workspace, domains))
    given = ((key, key, real, groups[key], frames.get(key, ())) for key, real in domains.items())
    return _labels(given, "votes", left_out)


def read_labels(
    manifest: Path, workspace: Workspace, corrections: Path | None = None
) -> LabelledSamples:
    """Labels made elsewhere; their groups are the manifest's packs.

    Lines with an id take their key frames from the workspace.
    """
    entries = {entry.id: entry for entry in read_manifest(manifest, corrections)}
    frames = dict(_frames(workspace, {key for key, entry in entries.items() if not entry.path}))
    given = (
        (key, entry.name, entry.domain == "real", entry.pack or key, _entry_frames(entry, frames))
        for key, entry in entries.items()
    )
    return _labels(given, str(manifest), Counter())


def find_groups(stickers: Iterable[str], keys: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The group of each sticker: those that share a key, directly or over others, are together.

    A group is named after its first pack; without one, after its first sticker.
    """
    stickers = list(stickers)
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    for sticker, key in keys:
        # Packs sort before near-duplicate groups and stickers, whose names begin with "~".
        first, second = sorted((root(f"~{sticker}"), root(key)))
        parent[second] = first
    return {sticker: root(f"~{sticker}").removeprefix("~") for sticker in stickers}


def observations(workspace: Workspace, wanted: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of a sticker and what relates it to others: its packs and its near-duplicates."""
    wanted = set(wanted)
    seen = workspace.read("observations", columns=["id", "source", "pack_id", "pack_title"])
    for row in seen.to_pylist():
        pack = row["pack_id"] or row["pack_title"]
        if row["id"] in wanted and pack:
            yield row["id"], f"{row['source']}/{pack}"
    for row in workspace.read("duplicates", columns=["id", "group"]).to_pylist():
        if row["id"] in wanted:
            yield row["id"], f"~duplicates of {row['group']}"


def _frames(workspace: Workspace, wanted: Iterable[str]) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    wanted = set(wanted)
    for part in workspace.parts if wanted else ():
        table = workspace.read("frames", part, ["id", "key_frames"])
        for row in table.to_pylist():
            if row["id"] in wanted:
                jpegs = (frame["jpeg"] for frame in row["key_frames"] or ())
                yield row["id"], tuple(jpeg for jpeg in jpegs if jpeg)


def _entry_frames(
    entry: LabelledSticker, frames: dict[str, tuple[bytes, ...]]
) -> tuple[bytes, ...]:
    if entry.path is None:
        return frames.get(entry.id, ())
    try:
        return tuple(key_frames(entry.path))
    except (OSError, ValueError, SyntaxError) as error:
        raise StickerworksError(
            f"The sticker {entry.path} can't be read: {error}.",
            "Leave it out of the manifest, or set its domain to null.",
        ) from error


def _labels(
    given: Iterable[tuple[str, str, bool, str, Sequence[bytes]]],
    source: str,
    left_out: Counter[str],
) -> LabelledSamples:
    samples = []
    for key, name, real, group, frames in given:
        if not frames:
            left_out["no key frames"] += 1
            continue
        try:
            statistics = sticker_statistics(frames)
        except (OSError, ValueError, SyntaxError):
            left_out["damaged key frames"] += 1
            continue
        samples.append(DomainSample(key, name, real, group, tuple(frames), statistics))
    samples.sort(key=lambda sample: sample.id)
    return LabelledSamples(tuple(samples), source, dict(sorted(left_out.items())))
