"""Picks for named test sets: files that the review page saved, read with care, and their table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, Field, ValidationError

from pipeline.engine.columns import value_codes
from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import describe_invalid
from pipeline.engine.page.saved import Moment, Sticker, read_saved, somebody
from pipeline.engine.storage import Proof
from pipeline.engine.text import plain, storable
from pipeline.engine.workspace import Workspace
from pipeline.split.groups import read_groups
from pipeline.split.pins import TEST, held_splits, read_pins, read_reserved
from pipeline.split.stickers import read_ids, read_kept, read_released
from schemas.release import SPLITS
from schemas.section import Section
from schemas.tables import TABLES

TEST_SETS = {"real": "vsd_r", "cartoon": "vsd_c"}
"""VSD2M's named test sets, by the domain of their stickers."""

MOST = 100_000
_SHOWN = 3
_SCHEMA = TABLES["reserved"].schema


def _set_name(name: str) -> str:
    if name in SPLITS:
        raise ValueError("that is the name of a split")
    return name


def _word(word: str | None) -> str | None:
    return storable(word, 200)


class Pick(Section):
    """One sticker for one set, when it was picked, and for which trigger word."""

    id: Sticker
    test_set: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$"), AfterValidator(_set_name)]
    trigger_word: Annotated[str | None, Field(max_length=2000), AfterValidator(_word)] = None
    domain: Literal["real", "cartoon"] | None = None
    at: Moment


class PickFile(Section):
    """What the review page saves; a file written by hand looks the same."""

    stickerworks_test_sets: Literal[1]
    who: Annotated[str, Field(max_length=2000), AfterValidator(somebody)]
    picks: list[Pick] = Field(max_length=MOST)


def read_picks(path: Path) -> pa.Table:
    """Rows of the table ``reserved`` from a file; StickerworksError for anything else."""
    try:
        found = PickFile.model_validate(read_saved(path, "split reserve"))
    except ValidationError as error:
        raise _strange(path, describe_invalid(error, "", PickFile)[0]) from error
    except ValueError as error:
        raise _strange(path, "it is no JSON") from error
    rows = [
        {**pick.model_dump(exclude={"at"}), "picked_by": found.who, "picked_at": pick.at}
        for pick in found.picks
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


@dataclass(frozen=True)
class Reservation:
    """All that is reserved now, how many rows that are more and fewer than before, and how many
    of them can't be in test as things are."""

    rows: pa.Table
    added: int
    removed: int
    outside: int


def reserve(
    workspace: Workspace,
    picked: Sequence[pa.Table],
    *,
    replace: bool,
    packs: bool,
    labelled_only: bool,
    dry: bool = False,
) -> Reservation:
    """Add picks to ``reserved``, or let them ``replace`` it; only say so if ``dry``.

    In whatever order files are given, of several picks of a sticker for one set the earliest
    stays. ``packs`` says that splits keep packs together, ``labelled_only`` that releases have
    labelled stickers alone. Raises StickerworksError, and changes
    nothing, where a sticker isn't in the workspace.
    """
    _check_known(workspace, pa.concat_tables(picked)["id"])
    before = workspace.read("reserved").cast(_SCHEMA)
    rows = pa.concat_tables([*([] if replace else [before]), *picked])
    keys = ("id", "test_set", "picked_at", "picked_by", "trigger_word", "domain")
    rows = rows.sort_by([(name, "ascending") for name in keys])
    first = np.unique(value_codes(_keys(rows)), return_index=True)[1]
    rows = rows.take(pa.array(np.sort(first))).combine_chunks()
    if not dry and not rows.equals(before):
        workspace.write("reserved", None, rows, Proof("split reserve", ""))
    stay = pc.sum(pc.is_in(_keys(rows), value_set=_keys(before))).as_py() or 0
    outside = _outside(workspace, rows, packs, labelled_only)
    return Reservation(rows, len(rows) - stay, len(before) - stay, outside)


def _keys(rows: pa.Table) -> pa.Array:
    return pc.binary_join_element_wise(rows["id"], rows["test_set"], " ").combine_chunks()


def _outside(workspace: Workspace, rows: pa.Table, packs: bool, labelled_only: bool) -> int:
    """Stickers that no release would have, or whose groups one has in train or validation."""
    ids = read_ids(workspace)
    if len(read_kept(workspace)) != len(ids):  # nobody has decided yet
        return 0
    released = read_released(workspace, ids, labelled_only=labelled_only)
    place = pc.index_in(pc.unique(rows["id"]), value_set=ids.combine_chunks()).drop_null()
    pins = read_pins(workspace, ids, "")
    group = read_groups(workspace, ids, released, pins.splits >= 0, packs=packs)
    held = held_splits(group, pins, read_reserved(workspace, ids), released)
    mine = place.to_numpy().astype(np.int64)
    test = released[mine] & np.isin(held[group[mine]], (-1, TEST))
    return int((~test).sum())


def count_by_set(rows: pa.Table) -> dict[str, int]:
    """Picked stickers of each set, by its name."""
    counted = rows.group_by("test_set").aggregate([([], "count_all")]).sort_by("test_set")
    return dict(zip(counted["test_set"].to_pylist(), counted["count_all"].to_pylist(), strict=True))


def _check_known(workspace: Workspace, ids: pa.ChunkedArray) -> None:
    unknown = pc.unique(ids)
    for parts in workspace.blocks:
        there = workspace.read("stickers", parts, ["id"])["id"].combine_chunks()
        unknown = unknown.filter(pc.invert(pc.is_in(unknown, value_set=there)))
    if len(unknown):
        some = ", ".join(id_[:10] for id_ in unknown.sort()[:_SHOWN].to_pylist())
        raise StickerworksError(
            f"{len(unknown):,} of the picked stickers are not in {workspace.name}: {some}"
            f"{', ...' if len(unknown) > _SHOWN else '.'}",
            "Name a file that was saved for this workspace; nothing was changed.",
        )


def _strange(path: Path, why: str) -> StickerworksError:
    return StickerworksError(
        f"{plain(str(path))} holds no picks for test sets: {why}.",
        "Name the file that the review page of `stickerworks split propose` saved.",
    )
