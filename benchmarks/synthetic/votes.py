"""What three annotators would say: most see a sticker's true tags, some overlook or add one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.tables import VOTES
from synthetic.chance import Numbers, uniform, zipf
from synthetic.columns import all_of, joined, rows_of, texts
from synthetic.stickers import Stickers

_ANNOTATORS = ("ann", "bo", "cy")
_SEEN, _ADDED, _SKIPPED, _OTHER_DOMAIN = 0.85, 0.15, 0.02, 0.05


def vote_rows(
    stickers: Stickers, ids: pa.Array, kept: npt.NDArray[np.bool_], tagset: Sequence[str]
) -> pa.Table:
    """Three votes on each kept sticker, one after the other."""
    places = np.repeat(np.flatnonzero(kept), len(_ANNOTATORS))
    numbers = stickers.numbers[places]
    who = np.tile(np.arange(len(_ANNOTATORS)), int(kept.sum()))
    votes = numbers * len(_ANNOTATORS) + who
    seed, rows = stickers.seed, len(votes)
    real = uniform(seed, "real", numbers) < 0.3
    real ^= uniform(seed, "other domain", votes) < _OTHER_DOMAIN
    skipped = uniform(seed, "skipped", votes) < _SKIPPED
    known = {
        "id": ids.take(pa.array(places)),
        "annotator": pa.array(_ANNOTATORS).take(pa.array(who)),
        "origin": all_of("simulated", rows),
        "simulated": pa.array(np.ones(rows, bool)),
        "skipped": pa.array(skipped),
        "tags": _tags(seed, numbers, votes, skipped, tagset),
        "domain": pa.array(["cartoon", "real"]).take(pa.array(real.astype(int), mask=skipped)),
        "sequence": pa.array(votes),
        "annotation": joined("synthetic/", pa.array(votes).cast(pa.string())),
        "lead_time_s": pa.array(4 + 16 * uniform(seed, "lead time", votes)),
    }
    return rows_of(VOTES, rows, known)


def _tags(
    seed: int,
    numbers: Numbers,
    votes: Numbers,
    skipped: npt.NDArray[np.bool_],
    tagset: Sequence[str],
) -> pa.Array:
    """A sticker has one to three true tags; each annotator sees most, and some see another."""
    true = 1 + (3 * uniform(seed, "true tags", numbers)).astype(int)
    columns, chosen = [], []
    for n in range(3):
        columns.append(zipf(seed, f"true tag {n}", numbers, len(tagset)))
        chosen.append((n < true) & (uniform(seed, f"seen {n}", votes) < _SEEN))
    columns.append(zipf(seed, "added tag", votes, len(tagset)))
    chosen.append(uniform(seed, "added", votes) < _ADDED)
    ranks, given = np.stack(columns, axis=1), np.stack(chosen, axis=1) & ~skipped[:, None]
    for n in range(1, ranks.shape[1]):  # nobody gives a tag twice
        given[:, n] &= ~((ranks[:, :n] == ranks[:, n : n + 1]) & given[:, :n]).any(axis=1)
    offsets = np.concatenate([[0], np.cumsum(given.sum(axis=1))]).astype(np.int32)
    tags = texts(np.array(tagset)).take(pa.array(ranks[given]))
    return pa.ListArray.from_arrays(pa.array(offsets), tags)
