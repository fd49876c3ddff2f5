"""Gold: stickers whose label the lead knows, read from a file that the server never sees."""

from __future__ import annotations

import pyarrow as pa

from annotation.human.studio.gold_file import read_gold_file
from pipeline.engine.paths import named_path
from schemas.labelling import LabelConfig
from schemas.tables import GOLD


def read_gold(config: LabelConfig) -> pa.Table:
    """The table ``gold`` of the file ``label.gold``; empty where none is configured.

    Each line is a JSON object with ``id`` (a sticker's sha256), ``tags`` and perhaps ``domain``.
    Raises StickerworksError that names the line that can't be read.
    """
    known = {} if config.gold is None else read_gold_file(named_path(config.gold, "label.gold"))
    rows = [
        {"id": key, "tags": list(known[key].tags), "domain": known[key].domain}
        for key in sorted(known)
    ]
    return pa.Table.from_pylist(rows, schema=GOLD.schema)
