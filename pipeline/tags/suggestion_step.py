"""The step from keywords and the tag set to suggested tags of each sticker."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.columns import lists_of
from pipeline.engine.stage import Output, Reader, Step
from pipeline.tags.carried import carried_in, numbers_of
from schemas.tables import TABLES


def _suggestions(reader: Reader, settings: None) -> Iterator[Output]:
    tagset = reader.read("tagset", columns=["tag", "clusters", "flags", "version"]).to_pylist()
    # An oversized cluster is what K-means could not tell apart: its tag would fit few of them.
    named = sorted(
        (row["tag"], cluster)
        for row in tagset
        if "oversized" not in row["flags"]
        for cluster in row["clusters"]
    )
    digest = tagset[0]["version"] if tagset else None
    assigned = reader.read("clusters", columns=["keyword", "cluster"])
    tags = pa.array([tag for tag, _ in named], pa.string())
    clusters = pa.array([cluster for _, cluster in named], pa.int32())
    tag_of = pc.index_in(assigned["cluster"], value_set=clusters)
    for block in reader.blocks:
        ids = reader.read("stickers", block, ["id"])["id"]
        stickers, numbers = numbers_of(carried_in(reader, block), assigned["keyword"], tag_of)
        found = tags.take(pa.array(numbers))
        lists = lists_of(stickers, found, len(ids))
        scored = pa.StructArray.from_arrays(
            [
                found,
                pa.array([1.0] * len(found), pa.float64()),
                pa.array([["keyword"]] * len(found), pa.list_(pa.string())),
            ],
            fields=list(TABLES["suggestions"].schema.field("scored").type.value_type),
        )
        versions = pa.array([digest] * len(ids), pa.string())
        columns = [ids, lists, lists_of(stickers, scored, len(ids)), versions]
        yield "suggestions", block, pa.table(columns, schema=TABLES["suggestions"].schema)


SUGGESTIONS = Step(
    name="suggestions",
    version=2,
    reads=("stickers", "observations", "decisions", "clusters", "tagset"),
    writes=("suggestions",),
    settings=lambda config: None,
    run=_suggestions,
)
