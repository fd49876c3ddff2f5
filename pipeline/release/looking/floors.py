"""What a release may not lose beside the one before: rows, tags, agreement, what it teaches."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.engine.checks import Check
from pipeline.engine.errors import StickerworksError
from pipeline.engine.figures import points, tell

_NUMBER = re.compile(r"\d{1,9}")
_MOST_BYTES = 20_000_000
_SAME = ("baseline", "preset", "epochs", "image_side", "domain", "target")
"""Settings that figures of two gates must share to be compared."""


@dataclass(frozen=True)
class Size:
    """Rows of a release, and how many different tags they have."""

    rows: int
    tags: int


def release_before(folder: Path) -> Path | None:
    """The release of the same name beside it with the highest lower version, if any."""
    name, _, version = folder.name.rpartition("-")
    others = [
        (version_order(other.name.rpartition("-")[2]), other)
        for other in folder.parent.glob("*-*")
        if other.is_dir() and other.name.rpartition("-")[0] == name and name
    ]
    lower = [(order, other) for order, other in others if order < version_order(version)]
    return max(lower, default=(None, None))[1]


def size_of(folder: Path) -> Size:
    """Counted in the shards; StickerworksError where they can't be read."""
    rows, tags = 0, [pa.array([], pa.string())]
    files = sorted((folder / "data").glob("*.parquet"))
    if not files:
        raise StickerworksError(
            f"There is no release at {folder}.", "Give the folder that holds `data/` and README.md."
        )
    for file in files:
        try:
            found = pq.read_table(file, columns=["tags"])["tags"]
        except (pa.ArrowException, OSError, KeyError) as error:
            raise StickerworksError(
                f"{file} can't be read: {error}.", "Get that file again, or name another --before."
            ) from error
        rows += len(found)
        tags.append(pc.unique(pc.list_flatten(found)).cast(pa.string()))
    return Size(rows, pc.count_distinct(pa.concat_arrays(tags), mode="only_valid").as_py())


def read_verdict(path: Path) -> dict[str, Any]:
    """What a gate kept of a release that passed; nothing where there is none of any use."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def floor_checks(
    now: Size, before: Size, name: str, max_loss: float, verdicts: tuple[Any, Any]
) -> Iterator[Check]:
    """Rows, tags, figure and agreement beside the release ``name``; verdicts are of now, before."""
    for what in ("rows", "tags"):
        yield _count(what, getattr(now, what), getattr(before, what), name, max_loss)
    yield _figure(*verdicts, name)
    yield from _agreement(*verdicts, name)


def _count(what: str, now: int, before: int, name: str, max_loss: float) -> Check:
    least = (1 - max_loss) * before
    figure, bound = f"{now:,}, before {before:,}", f"at least {least:,.0f}"
    if now >= least:
        return Check(f"{what} beside {name}", "passed", figure, bound)
    reason = (
        f"{now:,} {what} are left of {before:,} in {name}; {max_loss:.0%} may be gone (at least "
        f"{least:,.0f})"
    )
    remedy = "`stickerworks status` says what changed; validation.max_loss states what may go."
    return Check(f"{what} beside {name}", "failed", figure, bound, reason, remedy)


def _figure(now: Mapping[str, Any], before: Mapping[str, Any], name: str) -> Check:
    title, figure = f"figure beside {name}", now.get("figure")
    ours, theirs = _interval(now.get("real_interval")), _interval(before.get("real_interval"))
    if ours is None or theirs is None or figure != before.get("figure"):
        reason = f"no passed gate of {name} is kept in this workspace to compare its figure with"
        return Check(title, "not judged", "", "", reason, "Judge that release, too.")
    if not _comparable(now.get("settings"), before.get("settings")):
        reason = f"{name} was judged with another baseline or other settings"
        return Check(title, "not judged", "", "", reason, "Judge both with the same ones.")
    share = min(*ours, *theirs) >= 0 and max(*ours, *theirs) <= 1
    told = " to ".join(tell(bound, share) for bound in ours)
    least = tell(theirs[0], share)
    if ours[1] >= theirs[0]:
        return Check(title, "passed", told, f"reaches {least}")
    falls = points(theirs[0] - ours[1], share)
    reason = f"{figure} fell beyond its noise: {told}, in {name} at least {least} ({falls} apart)"
    remedy = "Look at what was added since: `stickerworks report`, and the labels of new rows."
    return Check(title, "failed", told, f"reaches {least}", reason, remedy)


def _agreement(now: Mapping[str, Any], before: Mapping[str, Any], name: str) -> Iterator[Check]:
    ours, theirs = _interval(now.get("agreement")), _interval(before.get("agreement"))
    if ours is None or theirs is None:
        return
    title = f"agreement beside {name}"
    told, least = f"{ours[0]:.3f} to {ours[1]:.3f}", f"reaches {theirs[0]:.3f}"
    if ours[1] >= theirs[0]:
        yield Check(title, "passed", told, least)
        return
    reason = f"annotators agree less than for {name}: alpha {told}, before at least {theirs[0]:.3f}"
    remedy = "`stickerworks label report` shows who disagrees, and on which tags."
    yield Check(title, "failed", told, least, reason, remedy)


def _interval(found: Any) -> tuple[float, float] | None:
    fine = isinstance(found, list | tuple) and len(found) == 2
    if not fine or not all(isinstance(one, int | float) and abs(one) < 1e9 for one in found):
        return None
    return float(found[0]), float(found[1])


def _comparable(now: Any, before: Any) -> bool:
    if not isinstance(now, dict) or not isinstance(before, dict):
        return False
    return all(now.get(name) == before.get(name) for name in _SAME)


def version_order(version: str) -> tuple[tuple[int, ...], str]:
    """What sorts versions of a release: by their numbers, then by their text."""
    return tuple(int(number) for number in _NUMBER.findall(version)), version
