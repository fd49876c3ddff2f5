"""The step over a collection that was never crawled: keywords, texts and tags made up."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.tags.suggestion_step import SUGGESTIONS
from schemas.config import Config
from schemas.tables import TABLES

_BLOCK = 64_000
_TAGS = 461
_WORDS = 60_000
_TEXTS = 0.5


@dataclass(frozen=True)
class MadeUp:
    """Reads tables of ``stickers`` stickers and ``keywords`` keywords of one to four words."""

    stickers: int
    keyword_count: int

    @property
    def parts(self) -> tuple[int, ...]:
        return tuple(range(-(-self.stickers // _BLOCK)))

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        return tuple((part,) for part in self.parts)

    def read(self, table: str, parts: Any = None, columns: list[str] | None = None) -> pa.Table:
        """Rows of a block, or a global table."""
        rows = self._block(table, parts[0]) if parts is not None else self._global(table)
        return rows if columns is None else rows.select(columns)

    @cached_property
    def _phrases(self) -> tuple[list[list[str]], npt.NDArray[np.int64]]:
        random = np.random.default_rng(0)
        signs = np.array([chr(code) for code in range(0x4E00, 0x4E00 + 3000)])
        words = ["".join(pair) for pair in random.choice(signs, (_WORDS, 2))]
        lengths = random.integers(1, 5, self.keyword_count)
        # Zipf's law: some words stand everywhere.
        drawn = np.minimum(random.zipf(1.3, int(lengths.sum())) - 1, _WORDS - 1)
        found = np.split(drawn, np.cumsum(lengths)[:-1])
        return [[words[place] for place in one] for one in found], drawn

    @cached_property
    def _keywords(self) -> pa.Table:
        said = {"".join(words): words for words in self._phrases[0]}
        ordered = sorted(said)
        tokens = pa.array([said[keyword] for keyword in ordered], pa.list_(pa.string()))
        counts = pa.array([1] * len(ordered), pa.int64())
        return pa.table([ordered, tokens, counts], schema=TABLES["keywords"].schema)

    def _global(self, name: str) -> pa.Table:
        schema = TABLES[name].schema
        if name == "keywords":
            return self._keywords
        if name == "tagset":
            tags = [
                {"tag": f"{words[0]}{n}", "id": f"t{n:03}", "named": True, "version": "made up",
                 "aliases": [words[0]], "flags": []}
                for n, words in enumerate(self._keywords["tokens"].slice(0, _TAGS).to_pylist())
            ]  # fmt: skip
            return pa.Table.from_pylist(tags, schema=schema)
        if name != "clusters":
            return schema.empty_table()
        keywords = self._keywords["keyword"]
        tag = np.random.default_rng(1).integers(0, _TAGS, len(keywords))
        known = {
            "keyword": keywords,
            "cluster": pa.array(tag, pa.int32()),
            "state": pa.array(["named"]).take(pa.array(np.zeros(len(tag), np.int8))),
            "tag": pa.array([f"t{n:03}" for n in range(_TAGS)]).take(pa.array(tag)),
        }
        return _table(schema, known, len(tag))

    def _block(self, name: str, part: int) -> pa.Table:
        random = np.random.default_rng(part + 2)
        rows = min(_BLOCK, self.stickers - part * _BLOCK)
        ids = pa.array([f"{part:08x}{row:056x}" for row in range(rows)])
        known: dict[str, Any] = {"id": ids}
        if name == "decisions":
            known |= {"kept": pa.array(np.ones(rows, np.bool_))}
        if name == "observations":
            chosen = random.integers(0, len(self._keywords), rows)
            known |= {"query": self._keywords["keyword"].take(pa.array(chosen))}
        if name == "ocr":
            known |= {"text": pa.array(self._texts(random, rows), pa.string())}
        return _table(TABLES[name].schema, known, rows)

    def _texts(self, random: np.random.Generator, rows: int) -> list[str | None]:
        """Texts of two keywords, each another: the worst that there can be."""
        keywords = self._keywords["keyword"]
        pairs = random.integers(0, len(keywords), (2, rows))
        one, two = (keywords.take(pa.array(half)).to_pylist() for half in pairs)
        has = random.random(rows) < _TEXTS
        return [f"{a}\n{b}" if shown else None for a, b, shown in zip(one, two, has, strict=True)]


def measure_size(stickers: int, keywords: int) -> dict[str, float]:
    """Processor seconds of the step, and the process's peak of memory in GiB."""
    reader = MadeUp(stickers, keywords)
    reader.read("keywords")
    making, suggested = 0.0, 0
    read = reader.read

    def timed(table: str, parts: Any = None, columns: Sequence[str] | None = None) -> pa.Table:
        nonlocal making
        before = time.process_time()
        rows = read(table, parts, None if columns is None else list(columns))
        making += time.process_time() - before
        return rows

    object.__setattr__(reader, "read", timed)
    started = time.process_time()
    for _, _, rows in SUGGESTIONS.run(reader, SUGGESTIONS.settings(Config())):
        suggested += len(rows["scored"].combine_chunks().flatten())
    seconds = time.process_time() - started - making
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "stickers": stickers,
        "keywords": len(reader.read("keywords")),
        "seconds": round(seconds, 1),
        "peak_gib": round(peak, 2),
        "suggestions": suggested,
    }


def _table(schema: pa.Schema, known: dict[str, Any], rows: int) -> pa.Table:
    columns = [known.get(field.name, pa.nulls(rows, field.type)) for field in schema]
    return pa.table(columns, schema=schema)
