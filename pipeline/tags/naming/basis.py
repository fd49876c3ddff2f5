"""What a naming decides about: the proposals that people were shown, and their keywords."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import digest_rows
from pipeline.tags.named import NamedSet, Tables, read_named, tags_of

KEY = re.compile(r"[ct]\d{1,9}")
_COLUMNS = ("keyword", "tokens", "cluster", "distance", "key", "decision")


@dataclass(frozen=True)
class Basis:
    """The proposals of one version, in order, and every keyword with the key that holds it.

    ``keywords`` has the columns keyword, tokens, cluster, distance, key and decision. The last
    is given where an earlier set dropped or blocked the keyword and no proposal holds it.
    ``suggested`` and ``clusters`` are by key, ``names`` are those of frozen tags by id; ``parent``
    is the number of the set that these are from, 0 where nobody had named anything.
    """

    version: str
    parent: int
    keys: tuple[str, ...]
    suggested: Mapping[str, str]
    clusters: Mapping[str, Sequence[int]]
    names: Mapping[str, str]
    keywords: pa.Table


def find_basis(tables: Tables, versions: Sequence[str]) -> Basis:
    """The proposals as they are, or those of the newest set where a naming was made from these.

    ``versions`` are what the naming's rows say. Raises StickerworksError where there are no
    proposals, or clusters were made since.
    """
    named = read_named(tables)
    if named.number and set(versions) == {named.basis}:
        return _of_round(tables, named)
    return _of_proposals(tables, named)


def proposals_version(named: str, keys: Sequence[str], clusters: pa.Table) -> str:
    """Short hash of the frozen set's version, of keys, and of the keywords that each holds.

    ``clusters`` has one row a keyword, with its key; their order changes nothing.
    """
    held = clusters.select(["keyword", "key"]).filter(pc.is_valid(clusters["key"]))
    rows = pa.table(
        {
            "key": pa.chunked_array([held["key"].combine_chunks(), [*sorted(keys), named]]),
            "keyword": pa.chunked_array(
                [held["keyword"].combine_chunks(), pa.nulls(len(keys) + 1, pa.string())]
            ),
        }
    )
    order = [("keyword", "ascending"), ("key", "ascending")]
    return digest_rows(rows.sort_by(order))[:12]


def _of_proposals(tables: Tables, named: NamedSet) -> Basis:
    proposals = tables.read("proposals", columns=["key", "name", "clusters", "version"]).to_pylist()
    if not proposals:
        raise StickerworksError(
            "There are no proposals to decide about.",
            "Run `stickerworks tags`, then `stickerworks tags sheet`.",
        )
    clusters = tables.read("clusters", columns=["keyword", "cluster", "distance", "key"])
    keys = [row["key"] for row in proposals]
    version = proposals[0]["version"]
    if proposals_version(named.version, keys, clusters) != version:
        raise StickerworksError(
            "The proposals are about other clusters than there are now.",
            "Run `stickerworks tags`, then the same command again.",
        )
    held = _with_tokens(tables, clusters)
    # What was settled and isn't carried any more stays settled.
    settled = _settled(named)
    left = settled.filter(pc.invert(_is_in(settled["keyword"], held["keyword"])))
    return Basis(
        version=version,
        parent=named.number,
        keys=tuple(keys),
        suggested={row["key"]: row["name"] for row in proposals if row["name"]},
        clusters={row["key"]: row["clusters"] for row in proposals},
        names=_names(named.tags),
        keywords=_joined(_with_decisions(held, settled), left),
    )


def _of_round(tables: Tables, named: NamedSet) -> Basis:
    if not len(named.keywords):
        raise StickerworksError(
            f"The keywords of tag set {named.number} are gone: the table named_keywords is empty.",
            "Put it back from a copy of the workspace, or run `stickerworks tags` and name what "
            "it proposes: `stickerworks tags sheet --from FILE` takes over what was decided.",
        )
    every = tables.read("named_tags")
    parent = tags_of(every, named.parent)
    decided = tables.read("naming", columns=["number", "key"])
    decided = decided.filter(pc.equal(decided["number"], named.number))
    keys = decided["key"].drop_null().to_pylist()
    held = named.keywords.select(list(_COLUMNS))
    # Where a proposal held a keyword, what became of it then is decided again; where none did,
    # what an earlier set dropped stays so.
    before = pc.and_(pc.is_null(held["key"]), pc.is_in(held["decision"], pa.array(_GONE)))
    held = held.set_column(
        _COLUMNS.index("decision"),
        "decision",
        pc.if_else(before, held["decision"], pa.scalar(None, pa.string())),
    )
    now = _with_tokens(tables, tables.read("clusters", columns=["keyword", "cluster", "distance"]))
    others = now.filter(pc.invert(_is_in(now["keyword"], held["keyword"])))
    nothing = pa.nulls(len(others), pa.string())
    others = others.append_column("key", nothing).append_column("decision", nothing)
    clusters = dict(zip(*(parent[n].to_pylist() for n in ("id", "clusters")), strict=True))
    return Basis(
        version=named.basis,
        parent=named.parent,
        keys=tuple(keys),
        suggested={},
        clusters={key: clusters[key] if key[0] == "t" else [int(key[1:])] for key in keys},
        names=_names(parent),
        keywords=_joined(held, others),
    )


_GONE = ("drop", "block")


def _settled(named: NamedSet) -> pa.Table:
    """Settled keywords as the round after theirs sees them: their tag holds them, if any does."""
    rows = named.keywords
    gone = pc.if_else(pc.is_null(rows["tag"]), rows["decision"], pa.scalar(None, pa.string()))
    columns = [rows[name] for name in _COLUMNS[:4]]
    return pa.table([*columns, rows["tag"], gone], names=_COLUMNS)


def _with_decisions(held: pa.Table, settled: pa.Table) -> pa.Table:
    """Keywords with what an earlier set decided of those that no proposal holds."""
    place = pc.index_in(held["keyword"], value_set=settled["keyword"].combine_chunks())
    return held.append_column("decision", settled["decision"].take(place)).select(list(_COLUMNS))


def _with_tokens(tables: Tables, clusters: pa.Table) -> pa.Table:
    keywords = tables.read("keywords", columns=["keyword", "tokens"])
    place = pc.index_in(clusters["keyword"], value_set=keywords["keyword"].combine_chunks())
    return clusters.append_column("tokens", keywords["tokens"].take(place))


def _names(tags: pa.Table) -> dict[str, str]:
    return dict(zip(tags["id"].to_pylist(), tags["tag"].to_pylist(), strict=True))


def _joined(*tables: pa.Table) -> pa.Table:
    """Rows of several tables that may differ in what can be null."""
    bare = [pa.table([rows[name] for name in _COLUMNS], names=_COLUMNS) for rows in tables]
    return pa.concat_tables(bare).combine_chunks()


def _is_in(column: pa.ChunkedArray, among: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.is_in(column, value_set=among.combine_chunks())
