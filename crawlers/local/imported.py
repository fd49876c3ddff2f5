"""The table ``imported``: what published data sets say of their stickers, from observations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.datasets.layout import Row
from pipeline.engine.stage import Output, Reader, Step
from pipeline.engine.text import storable
from schemas.config import Config
from schemas.release import SPLITS
from schemas.tables import DESCRIPTION_FIELDS
from schemas.tables import IMPORTED as TABLE

SOURCE = "import"
"""Name that observations of imported data sets have as their source."""

MAX_TAGS = 100

TEXTS = ("domain", "ocr_text", *(name for name, _ in DESCRIPTION_FIELDS))
"""Columns of texts that a data set may have."""

_DOMAINS = {"real": "real", "cartoon": "cartoon", "anime": "cartoon", "photo": "real"}
_SET, _MOST_SETS = re.compile(r"[a-z][a-z0-9_]{0,40}"), 100
_LONGEST = 8000  # characters of a text; the whole record has a limit of its own


def said_of(dataset: str, row: Row) -> dict[str, Any]:
    """What a row of a data set says, as an observation's record keeps it."""
    texts = {name: text for name in TEXTS if (text := _text(name, row.texts.get(name)))}
    return {
        "dataset": dataset,
        "name": row.id,
        "split": row.split,
        "tags": sorted(filter(None, map(storable, row.targets))),
        "simulated": row.simulated,
        "test_sets": sorted({name for name in row.test_sets if _is_set(name)})[:_MOST_SETS],
        "texts": texts,
        # Pairs: a field that is called like a secret is none where a data set has published it.
        "record": [[name, value] for name, value in row.record.items()],
    }


def imported_rows(observations: pa.Table) -> pa.Table:
    """The rows of ``imported`` that observations (``id``, ``source``, ``raw_json``) tell, in order.

    A sticker seen under several queries has one row a data set and name.
    """
    ours = observations.filter(pc.equal(observations["source"], SOURCE))
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for id_, raw in zip(ours["id"].to_pylist(), ours["raw_json"].to_pylist(), strict=True):
        said = json.loads(raw)
        if "dataset" in said:
            found.setdefault((id_, said["dataset"], said["name"]), _row(id_, said))
    return pa.Table.from_pylist(list(found.values()), schema=TABLE.schema)


def _row(id_: str, said: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: said[name] for name in ("dataset", "name", "split", "tags", "simulated")}
    record = json.dumps(dict(said["record"]), ensure_ascii=False)
    sets = said.get("test_sets", [])  # which earlier versions didn't keep
    return {"id": id_, **own, **said["texts"], "test_sets": sets, "record": record}


def _is_set(name: str) -> bool:
    return _SET.fullmatch(name) is not None and name not in SPLITS


def _text(name: str, text: str | None) -> str | None:
    if text is None:
        return None
    if name == "domain":
        return _DOMAINS.get(text.strip().casefold())
    # Line by line: text on a sticker has lines of its own.
    lines = (storable(line, _LONGEST) for line in text[:_LONGEST].splitlines())
    return "\n".join(filter(None, lines)) or None


def _settings(config: Config) -> dict[str, str]:
    return {}


def _run(reader: Reader, settings: Mapping[str, str]) -> Iterator[Output]:
    for block in reader.blocks:
        for part in block:
            seen = reader.read("observations", part, ["id", "source", "raw_json"])
            yield TABLE.name, part, imported_rows(seen)


IMPORTED = Step(
    name="imported",
    version=2,
    reads=("observations",),
    writes=("imported",),
    settings=_settings,
    run=_run,
    each_block=True,
)
