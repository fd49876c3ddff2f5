"""The preferred text of each field: one row a sticker, of all that captioners ever said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from annotation.machine.captions import load_captioner
from annotation.machine.chat import Model
from pipeline.engine.stage import Context, Needs, Process, Stage, Tables
from schemas.config import Config
from schemas.tables import DESCRIPTION_FIELDS
from schemas.tables import DESCRIPTIONS as TABLE

Row = Mapping[str, Any]

TEMPLATE = "template"
LANGUAGES = ("en", "zh")
SOURCES: Mapping[str, tuple[str, ...]] = {
    "caption": ("vsd2m caption", "caption", "sticker820k description", "template description"),
    "description": ("vsd2m description", "sticker820k description"),
}
"""Where a column comes from, the best first, as prompt set and field; or the field of any set.

A column that isn't named here comes from the field of its own name. The template's sentence is a
caption of last resort, and no description: it looks at nothing.
"""


@dataclass(frozen=True)
class Preference:
    """Which of several texts is taken: see ``annotate.prefer`` and ``annotate.accept_flags``."""

    prefer: tuple[str, ...]
    accept: frozenset[str]
    captioner: str
    model: str | None
    revision: str | None


def choose(rows: Sequence[Row], preference: Preference) -> dict[str, Any]:
    """One sticker's row of ``descriptions``, without its id, from its rows of ``captions``."""
    usable = [row for row in rows if _is_usable(row, preference)]
    chosen = {column: _best(column, usable, preference) for column, _ in DESCRIPTION_FIELDS}
    captions = [chosen[f"caption_{language}"] for language in LANGUAGES]
    writers = [_writer(row) for row in chosen.values() if row is not None]
    return {
        **{column: row and row["text"] for column, row in chosen.items()},
        "captioner": next((row["captioner"] for row in captions if row), None),
        "written_by": list(dict.fromkeys(writers)),
    }


def _is_usable(row: Row, preference: Preference) -> bool:
    said = row["text"] is not None and row["error"] is None
    return said and preference.accept.issuperset(row["flags"] or ())


def _best(column: str, rows: Sequence[Row], preference: Preference) -> Row | None:
    field, _, ending = column.rpartition("_")
    languages = (ending,) if ending in LANGUAGES else LANGUAGES
    name = field if ending in LANGUAGES else column
    ranked = [
        ((source, *_rank(row, preference), languages.index(row["language"])), row)
        for row in rows
        if row["language"] in languages
        for source in _sources(name, row)
    ]
    # The newest among equals: sorting keeps the order of what it can't tell apart.
    ranked.sort(key=lambda pair: pair[1]["asked_at"] or "", reverse=True)
    ranked.sort(key=lambda pair: pair[0])
    return ranked[0][1] if ranked else None


def _sources(name: str, row: Row) -> Iterator[int]:
    writer = TEMPLATE if row["captioner"] == TEMPLATE else str(row["prompt"]).partition("/")[0]
    known = SOURCES.get(name, (name,))
    for place, source in enumerate(known):
        if source in (row["field"], f"{writer} {row['field']}"):
            yield place
            return


def _rank(row: Row, preference: Preference) -> tuple[int, bool]:
    names = (row["captioner"], row["model"], f"{row['model']}@{row['revision']}")
    places = [preference.prefer.index(name) for name in names if name in preference.prefer]
    now = (preference.captioner, preference.model, preference.revision)
    is_now = (row["captioner"], row["model"], row["revision"]) == now
    return min(places, default=len(preference.prefer)), not is_now


def _writer(row: Row) -> str:
    if row["model"] is None:
        return str(row["prompt"])
    return f"{Model(row['model'], row['revision']).title} {row['prompt']}"


def _settings(config: Config) -> dict[str, Any]:
    chosen = config.annotate
    model = load_captioner(config).model()
    return {
        "prefer": list(chosen.prefer),
        "accept": sorted(set(chosen.accept_flags)),
        "captioner": chosen.captioner,
        "model": model.name if model else None,
        "revision": model.revision if model else None,
    }


def _open(context: Context) -> Process:
    settings = context.settings
    preference = Preference(
        tuple(settings["prefer"]),
        frozenset(settings["accept"]),
        settings["captioner"],
        settings["model"],
        settings["revision"],
    )

    def process(tables: Tables) -> dict[str, pa.Table]:
        said: dict[str, list[Row]] = {}
        for row in tables["captions"].to_pylist():
            said.setdefault(row["id"], []).append(row)
        ids = tables["stickers"]["id"].to_pylist()
        rows = [{"id": key, **choose(said.get(key, []), preference)} for key in ids]
        return {TABLE.name: pa.Table.from_pylist(rows, schema=TABLE.schema)}

    return process


DESCRIPTIONS = Stage(
    name="descriptions",
    version=1,
    reads=("stickers", "captions"),
    writes=("descriptions",),
    needs=Needs(memory_mb=512, seconds_per_row=0.0005),
    settings=_settings,
    open=_open,
    batch_rows=1000,
)
