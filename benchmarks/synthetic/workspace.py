"""Synthetic tables in a workspace, with the proofs that the real commands take as current."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa

from crawlers.ledger.export import FINGERPRINT, STAGE
from crawlers.ledger.packs import pack_name
from pipeline.engine.current import base_of, fingerprint_of, inputs_of
from pipeline.engine.runner import run
from pipeline.engine.stage import Output, Reader, Stage
from pipeline.engine.storage import Proof
from pipeline.engine.store.contract import ANYTHING
from pipeline.engine.workspace import Workspace
from pipeline.filter.configured import measure_versions
from pipeline.filter.stages import (
    DUPLICATES,
    EMBEDDINGS,
    EXPENSIVE_MEASURES,
    OCR,
    REVIEWS,
    SIGNALS,
)
from schemas.config import Config
from schemas.tables import GROUP_JOINS, MEDIA, UNFETCHED, VOTES
from synthetic.chain import Silent
from synthetic.columns import all_of, rows_of, texts
from synthetic.crawled import observation_rows, sticker_rows
from synthetic.measured import (
    duplicates_rows,
    embeddings_rows,
    expensive_rows,
    frames_rows,
    measures_rows,
    ocr_rows,
    reviews_rows,
    signals_rows,
)
from synthetic.pictures import encode
from synthetic.stickers import FORMATS, Stickers, shard
from synthetic.votes import vote_rows
from synthetic.words import MOODS

Make = Callable[[Stickers, pa.Array], pa.Table]
"""Rows of a shard's stickers, whose ids come beside them."""


@dataclass(frozen=True)
class Collection:
    """A synthetic collection in a workspace: ``rows`` stickers in shards of ``shard_rows``."""

    root: Path
    rows: int
    shard_rows: int = 1000
    seed: int = 0
    processes: int = 1

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.root)

    @property
    def parts(self) -> range:
        return range(-(-self.rows // self.shard_rows))

    def shard(self, part: int) -> Stickers:
        return shard(self.seed, part, self.shard_rows, self.rows)

    def ids(self, part: int) -> pa.Array:
        """Ids of a shard that was crawled."""
        return self.workspace.read("stickers", part, ["id"])["id"].combine_chunks()

    def each(self, work: Callable[[int], None]) -> None:
        """Do something with every shard, in as many processes as the collection is made by."""
        if self.processes == 1:
            for part in self.parts:
                work(part)
            return
        with get_context("spawn").Pool(self.processes, _skip_flushes) as pool:
            pool.map(work, self.parts, chunksize=8)


def _skip_flushes() -> None:
    """Let nothing wait for the disk in this process: what is made up can be made up again."""
    setattr(os, "fsync", lambda descriptor: None)  # noqa: B010 - typed otherwise


def crawl(collection: Collection, *, media: bool = False) -> None:
    """Write what a crawl leaves: with ``media`` also packs of tiny files."""
    collection.each(partial(_crawl_shard, collection, media))
    empty, proof = UNFETCHED.schema.empty_table(), Proof(STAGE, FINGERPRINT)
    collection.workspace.write(UNFETCHED.name, None, empty, proof)


def _crawl_shard(collection: Collection, media: bool, part: int) -> None:
    workspace, stickers = collection.workspace, collection.shard(part)
    ids, nbytes = texts(stickers.ids), None
    known = {"id": ids}
    if media:
        files = encode(stickers)
        ids = pa.array([hashlib.sha256(data).hexdigest() for data in files], pa.string())
        nbytes = np.array([len(data) for data in files], np.int64)
        pack = pack_name(part, 0, content := b"".join(files))
        workspace.store.write(pack, content, ANYTHING)
        places = pa.array(np.cumsum(nbytes) - nbytes)
        known = {"id": ids, "pack": all_of(pack, len(ids)), "offset": places,
                 "nbytes": pa.array(nbytes)}  # fmt: skip
    written = {
        "observations": observation_rows(stickers, ids),
        "media": rows_of(MEDIA, len(ids), known),
        "stickers": sticker_rows(stickers, ids, nbytes),
    }
    for name, rows in written.items():
        counts = {"read": len(rows), "kept": len(rows)}
        workspace.write(name, part, rows, Proof(STAGE, FINGERPRINT, counts=counts))


def write_signals(collection: Collection, config: Config) -> None:
    """Write ``signals``, ``frames`` and ``measures`` as if their stage had made them."""
    version = measure_versions(config, expensive=False)["transparency"]
    rows: dict[str, Make] = {
        "signals": signals_rows,
        "frames": frames_rows,
        "measures": partial(measures_rows, version=version),
    }
    collection.each(partial(_write_shard, collection, SIGNALS, config, rows))


def write_texts(collection: Collection, config: Config) -> None:
    """Write ``ocr``, ``expensive_measures`` and ``embeddings`` of stickers that were screened."""
    for stage, make in ((EXPENSIVE_MEASURES, expensive_rows), (EMBEDDINGS, embeddings_rows)):
        rows: dict[str, Make] = {stage.name: make}
        collection.each(partial(_write_shard, collection, stage, config, rows))
    collection.each(partial(_read_shard, collection, config))


def _read_shard(collection: Collection, config: Config, part: int) -> None:
    kept = collection.workspace.read("screening", part, ["kept"])["kept"]
    measured = kept.to_numpy(zero_copy_only=False)
    rows: dict[str, Make] = {"ocr": partial(ocr_rows, measured=measured, config=config)}
    _write_shard(collection, OCR, config, rows, part)


def _write_shard(
    collection: Collection, stage: Stage, config: Config, rows: Mapping[str, Make], part: int
) -> None:
    workspace, ids = collection.workspace, collection.ids(part)
    stickers = collection.shard(part)
    made = {name: make(stickers, ids) for name, make in rows.items()}
    first = made[stage.writes[0]]
    failed = len(ids) - first["error"].null_count if "id" in first.column_names else 0
    counts = {"read": len(ids), "measured": len(ids), "skipped": 0, "taken_over": 0,
              "failed": failed, "quarantined": 0}  # fmt: skip
    if stage.adds:
        counts["given_up"] = 0
    inputs = inputs_of(stage, workspace, (part,))
    proof = Proof(
        stage.name, fingerprint_of(stage, config), inputs, counts, base=base_of(stage, config)
    )
    for name, table in made.items():
        workspace.write(name, part, table, proof)


def write_groups(collection: Collection, config: Config) -> None:
    """Write ``duplicates`` and ``reviews`` as if nothing but families were alike."""
    for step, make in ((DUPLICATES, duplicates_rows), (REVIEWS, reviews_rows)):
        made_up = replace(step, run=partial(_make_up, collection, step.name, make))
        run(made_up, collection.workspace, config, Silent())


def _make_up(
    collection: Collection, table: str, make: Make, reader: Reader, settings: object
) -> Iterator[Output]:
    for part in reader.parts:
        yield table, part, make(collection.shard(part), collection.ids(part))
    if table == DUPLICATES.name:
        yield GROUP_JOINS.name, None, GROUP_JOINS.schema.empty_table()


def draw_folder(folder: Path, count: int) -> None:
    """Tiny stickers in folders that are named after keywords; no workspace."""
    stickers = Stickers(0, np.arange(count))
    for number, (data, kind) in enumerate(zip(encode(stickers), stickers.format, strict=True)):
        path = folder / MOODS[number % 8] / f"{number:05}.{FORMATS[kind]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def write_votes(workspace: Workspace, seed: int = 0) -> None:
    """Three votes on each sticker that is kept, in the tags of the tag set."""
    tagset = workspace.read("tagset", columns=["tag"])["tag"].to_pylist()
    rows, start = [], 0
    for part in workspace.parts:
        decided = workspace.read("decisions", part, ["id", "kept"])
        kept = decided["kept"].to_numpy(zero_copy_only=False)
        stickers = Stickers(seed, np.arange(start, start + len(kept)))
        rows.append(vote_rows(stickers, decided["id"].combine_chunks(), kept, tagset))
        start += len(kept)
    workspace.write(VOTES.name, None, pa.concat_tables(rows), Proof("synthetic", ""))
