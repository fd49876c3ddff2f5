"""Where stickers' files come from: hosts by source, with what they and the sources stated.

Tallies of shards add up to that of the whole: a sticker lies in one shard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import HOSTS, OPT_OUTS

Place = tuple[str, str | None]
"""A source and a host; no host for files of this machine."""

ORIGIN_COLUMNS = (
    "source", "source_id", "variant", "media_url", "final_url", "licence", "licence_basis",
    "redistribute", "fetched_at", "user_agent",
    *OPT_OUTS,
)  # fmt: skip
"""What ``tally_fetched`` takes of observations, beside ``id`` and ``nbytes``."""

_COUNTED = {"licences": "licence", "licence_bases": "licence_basis", "user_agents": "user_agent"}
# Nobody reads longer lists, and what sources state as a licence may be anything.
_MOST_VALUES = 100
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>\[[^\]/?#]*\]|[^/:?#]+)"


@dataclass
class Origin:
    """What came from one host by one source; a file is an item in a variant, whoever asked.

    ``redistributable`` counts files that a release may carry, ``refused`` observations that were
    not fetched since the host refused, ``by_preference`` those of them where a preference did.
    """

    files: int = 0
    stickers: int = 0
    nbytes: int = 0
    redistributable: int = 0
    refused: int = 0
    by_preference: int = 0
    first_fetched: str | None = None
    last_fetched: str | None = None
    licences: Counter[str] = field(default_factory=Counter)
    licence_bases: Counter[str] = field(default_factory=Counter)
    signals: Counter[str] = field(default_factory=Counter)
    user_agents: Counter[str] = field(default_factory=Counter)

    def add(self, other: Origin) -> None:
        """Add what another tally of the same host says."""
        for name, value in vars(other).items():
            ours = getattr(self, name)
            if isinstance(value, Counter):
                ours.update(value)
            elif isinstance(value, int):
                setattr(self, name, ours + value)
        firsts = [t for t in (self.first_fetched, other.first_fetched) if t]
        lasts = [t for t in (self.last_fetched, other.last_fetched) if t]
        self.first_fetched, self.last_fetched = min(firsts, default=None), max(lasts, default=None)


Tally = dict[Place, Origin]


def tally_fetched(observations: pa.Table) -> Tally:
    """Count observations with bytes, which have ORIGIN_COLUMNS, ``id`` and ``nbytes``."""
    return tally_files(distinct_files(observations))


def distinct_files(observations: pa.Table) -> pa.Table:
    """Observations with bytes, the first of each file (an item in a variant), with its ``host``."""
    rows = with_host(observations, "final_url")
    return first_of(rows, ["source", "host", "source_id", "variant", "id"])


def tally_files(single: pa.Table) -> Tally:
    """Count what ``distinct_files`` found."""
    found: Tally = {}
    if not len(single):
        return found
    for source, host, files, first, last in _grouped(
        single,
        ["source", "host"],
        [([], "count_all"), ("fetched_at", "min"), ("fetched_at", "max")],
    ):
        found[source, host] = Origin(files=files, first_fetched=first, last_fetched=last)
    stickers = first_of(single, ["source", "host", "id"])
    sizes = [([], "count_all"), ("nbytes", "sum")]
    for source, host, count, nbytes in _grouped(stickers, ["source", "host"], sizes):
        found[source, host].stickers, found[source, host].nbytes = count, nbytes or 0
    for name, column in _COUNTED.items():
        for source, host, value, count in _counted(single, column):
            getattr(found[source, host], name)[value] = count
    for signal in OPT_OUTS:
        given = single.filter(pc.is_valid(single[signal]))
        for source, host, count in _grouped(given, ["source", "host"], [([], "count_all")]):
            found[source, host].signals[signal] = count
    may = single.filter(single["redistribute"])
    for source, host, count in _grouped(may, ["source", "host"], [([], "count_all")]):
        found[source, host].redistributable = count
    return found


def tally_refused(unfetched: pa.Table) -> Tally:
    """Count observations without bytes that the host, or a preference, refused."""
    rows = unfetched.filter(pc.equal(unfetched["state"], "refused"))
    found: Tally = {}
    if not len(rows):
        return found
    by_preference = pc.is_in(rows["error_class"], pa.array(PREFERENCES))
    rows = with_host(rows.append_column("by_preference", by_preference), None)
    keys = ["source", "host", "by_preference"]
    for source, host, preference, count in _grouped(rows, keys, [([], "count_all")]):
        origin = found.setdefault((source, host), Origin())
        origin.refused += count
        origin.by_preference += count if preference else 0
    return found


def merged(tallies: Iterable[Tally]) -> Tally:
    """The sum of tallies."""
    found: Tally = {}
    for tally in tallies:
        for place, origin in tally.items():
            found.setdefault(place, Origin()).add(origin)
    return found


def tally_as_json(tally: Tally) -> list[dict[str, Any]]:
    """A tally to be kept as JSON, the same for the same tally."""
    return [
        {"source": source, "host": host}
        | {
            name: dict(sorted(value.items())) if isinstance(value, Counter) else value
            for name, value in vars(origin).items()
            if value
        }
        for (source, host), origin in sorted(tally.items(), key=_by_place)
    ]


def tally_from_json(entries: Iterable[Mapping[str, Any]]) -> Tally:
    """What ``tally_as_json`` kept."""
    found: Tally = {}
    for entry in entries:
        values = {name: entry[name] for name in entry if name not in ("source", "host")}
        counters = {n: Counter(v) for n, v in values.items() if isinstance(v, dict)}
        found[entry["source"], entry["host"]] = Origin(**(values | counters))
    return found


def hosts_table(tally: Tally) -> pa.Table:
    """The rows of table ``hosts``: the largest hosts first."""
    rows = [
        {"source": source, "host": host}
        | {
            name: _listed(value) if isinstance(value, Counter) else value
            for name, value in vars(origin).items()
        }
        for (source, host), origin in sorted(tally.items(), key=_by_size)
    ]
    return pa.Table.from_pylist(rows, schema=HOSTS.schema)


PREFERENCES = ("robots", "opt_out")
"""Classes of errors where a host said so in a form for machines."""


def with_host(rows: pa.Table, first: str | None) -> pa.Table:
    """Rows with the ``host`` of their address: that in column ``first``, else ``media_url``."""
    url = rows["media_url"]
    if first is not None:
        url = pc.coalesce(rows[first], url)
    host = pc.struct_field(pc.extract_regex(url, _HOST), "host")
    return rows.append_column("host", pc.utf8_lower(host))


def first_of(rows: pa.Table, keys: list[str]) -> pa.Table:
    """The first row of each combination of values, in the order of the rows."""
    numbered = rows.select(keys).append_column("number", pa.array(range(len(rows)), pa.int64()))
    firsts = numbered.group_by(keys).aggregate([("number", "min")])["number_min"]
    return rows.take(firsts.combine_chunks().sort())


def _counted(rows: pa.Table, column: str) -> Iterable[tuple[Any, ...]]:
    stated = rows.filter(pc.is_valid(rows[column]))
    return _grouped(stated, ["source", "host", column], [([], "count_all")])


def _grouped(rows: pa.Table, keys: list[str], wanted: list[Any]) -> Iterable[tuple[Any, ...]]:
    made = rows.group_by(keys).aggregate(wanted)
    names = keys + [
        "count_all" if function == "count_all" else f"{name}_{function}"
        for name, function in wanted
    ]
    return zip(*(made[name].to_pylist() for name in names), strict=True)


def _listed(counts: Counter[str]) -> list[dict[str, Any]]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown, rest = ranked[:_MOST_VALUES], ranked[_MOST_VALUES:]
    if rest:
        shown = [*shown, (f"… {len(rest):,} others", sum(count for _, count in rest))]
    return [{"value": value, "files": count} for value, count in shown]


def _by_place(item: tuple[Place, Origin]) -> tuple[str, str]:
    (source, host), _ = item
    return source, host or ""


def _by_size(item: tuple[Place, Origin]) -> tuple[int, str, str]:
    return (-item[1].nbytes, *_by_place(item))
