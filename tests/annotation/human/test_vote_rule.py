"""The vote rule against a statement of it that a person can check (StickerTAG section 3.2)."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.human.merge import merge_votes
from schemas.config import MergeConfig
from schemas.tables import VOTES

KNOWN = ("哭", "笑", "狗", "猫")
UNKNOWN = ("made up", "renamed")

rows = st.lists(
    st.fixed_dictionaries(
        {
            "annotator": st.sampled_from("abcd"),
            # Several rows of one annotation are versions of it.
            "annotation": st.none() | st.integers(0, 3),
            "skipped": st.booleans(),
            "tags": st.lists(st.sampled_from(KNOWN + UNKNOWN), max_size=3),
            "quarantined": st.sampled_from([None, None, None, "changed by another user"]),
        }
    ),
    max_size=10,
)


def state(cast: list[dict[str, Any]], agree: int, needed: int) -> tuple[str, list[str], list[str]]:
    """Status, effective tags and unknown tags, said one step after another."""
    versions: dict[Any, dict[str, Any]] = {}
    for row in cast:  # in order of time
        if row["quarantined"] is None:
            versions[row["annotator"], row["annotation"] or f"own {row['sequence']}"] = row
    spoken: dict[str, dict[str, Any]] = {}
    for row in sorted(versions.values(), key=lambda row: row["sequence"]):
        if not row["skipped"]:
            spoken[row["annotator"]] = row
    skips = {row["annotator"] for row in versions.values()} - set(spoken)
    given_by = {
        tag: [row for row in spoken.values() if tag in row["tags"]] for tag in KNOWN + UNKNOWN
    }
    unknown = sorted(tag for tag in UNKNOWN if given_by[tag])
    valid = [
        row for row in spoken.values() if not row["tags"] or any(t in KNOWN for t in row["tags"])
    ]
    # Of more votes than asked, more than the share halfway between agree and one less.
    enough = next(n for n in range(agree, 99) if n * needed > (agree - 0.5) * len(valid))
    effective = sorted(tag for tag in KNOWN if len(given_by[tag]) >= enough)
    if effective:
        return "effective", effective, unknown
    if len(skips) >= agree:
        return "rejected", [], unknown
    if len(valid) >= needed:
        return "adjudicate", [], unknown
    return ("insufficient" if versions else "unlabelled"), [], unknown


def name(row: dict[str, Any]) -> str | None:
    return None if row["annotation"] is None else f"{row['annotator']}{row['annotation']}"


@settings(max_examples=1000)
@given(rows, st.sampled_from([(2, 3), (2, 2), (1, 1), (3, 4)]), st.randoms())
def test_the_rule_is_what_it_states(
    drawn: list[dict[str, Any]], rule: tuple[int, int], random: Any
) -> None:
    agree, needed = rule
    cast = [row | {"sequence": n, "annotation": name(row)} for n, row in enumerate(drawn)]
    same = {"id": "s", "origin": "label_studio", "simulated": False}
    shuffled = [same | row for row in cast]
    random.shuffle(shuffled)
    votes = pa.Table.from_pylist(shuffled, schema=VOTES.schema)
    config = MergeConfig(agree=agree, annotators=needed)
    (label,) = merge_votes(votes, ["s"], config, KNOWN).to_pylist()
    assert (label["status"], label["tags"], label["unknown_tags"]) == state(cast, agree, needed)
