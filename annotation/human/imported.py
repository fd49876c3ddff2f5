"""Labels of published data sets, where nobody here has voted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.tag_pairs import TagPairs
from schemas.tables import LABELS


def fill_unvoted(labels: pa.Table, imported: pa.Table) -> pa.Table:
    """The rows of ``labels``, those without any answer as the rows of ``imported`` say.

    A sticker that several rows tell of has the tags of all, and the first domain told. One vote or
    skip by people of ours outweighs them. ``imported`` has id, tags, domain and simulated.
    """
    about = imported.filter(pc.is_in(imported["id"], value_set=labels["id"].combine_chunks()))
    if not len(about):
        return labels
    count = len(labels)
    row = pc.index_in(about["id"], value_set=labels["id"].combine_chunks()).to_numpy()
    row = row.astype(np.int64)
    lists = about["tags"].combine_chunks()
    tags = TagPairs([lists], None)
    pairs = tags.pairs(row, lists)
    free = pc.is_null(labels["provenance"]).combine_chunks().to_numpy(zero_copy_only=False)
    tagged = np.zeros(count, bool)
    tagged[tags.owner(pairs)] = True
    tagged &= free
    simulated = np.zeros(count, bool)
    simulated[row[pc.fill_null(about["simulated"], False).to_numpy()]] = True
    changes = {
        "tags": (tagged, tags.lists(pairs, count)),
        "status": (tagged, "effective"),
        "domain": (free, _first(row, about["domain"], count)),
        "provenance": (tagged, "imported"),
        "simulated": (tagged & simulated, True),
    }
    for name, (where, values) in changes.items():
        place = labels.schema.get_field_index(name)
        column = pc.if_else(pa.array(where), values, labels[name].combine_chunks())
        labels = labels.set_column(place, LABELS.schema.field(name), column)
    return labels


def _first(
    row: np.ndarray[tuple[int], np.dtype[np.int64]], values: pa.Array, count: int
) -> pa.Array:
    """For each of ``count`` stickers the first value told; null where there is none."""
    told = pc.is_valid(values).to_numpy()
    owners, places = np.unique(row[told], return_index=True)
    found = np.full(count, -1)
    found[owners] = np.flatnonzero(told)[places]
    return values.combine_chunks().take(pa.array(found, mask=found < 0))
