"""A folder in Sticker820K's layout, written by hand."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lmdb


def write_sticker820k(
    folder: Path, infos: Mapping[str, Any], images: Mapping[str, bytes], **lists: Sequence[str]
) -> Path:
    """Write infos (pickled unless bytes), images and lists of names; return the folder."""
    pickled = {
        name: info if isinstance(info, bytes) else pickle.dumps(info)
        for name, info in infos.items()
    }
    for part, values in (("infos", pickled), ("imgs", images)):
        (folder / part).mkdir(parents=True)
        with (
            lmdb.open(str(folder / part), map_size=2**26) as environment,
            environment.begin(write=True) as transaction,
        ):
            for name, value in values.items():
                transaction.put(name.encode(), value)
    for split, names in lists.items():
        (folder / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
    return folder
