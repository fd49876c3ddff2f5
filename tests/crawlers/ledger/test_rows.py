"""Rows that Arrow reads from the ledger's JSON are those that Python reads from it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.ledger import rows as rows_module
from crawlers.ledger.ledger import Blob, FetchFailure, open_ledger
from crawlers.ledger.rows import shard_tables, unfetched_table
from crawlers.observation import Key, Observation, columns_of

_texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_observations = st.builds(
    Observation,
    source_id=st.just("item"),
    title=_texts,
    author=_texts,
    tags=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5)).map(tuple),
    rank=st.none() | st.integers(-5, 2**63 - 1),
    pack_index=st.none() | st.integers(0, 2**31 - 1),
    raw=st.none() | st.dictionaries(st.text(max_size=3), _texts, max_size=3),
)
_facts = st.fixed_dictionaries(
    {},
    optional={
        "http_status": st.none() | st.integers(100, 599),
        "etag": _texts,
        "redirects": st.lists(st.just("https://host.example/“")),
        "of_another_version": st.integers() | _texts,
    },
)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(_observations, _facts), min_size=1, max_size=6))
def test_any_text_and_number_comes_through(
    tmp_path_factory: pytest.TempPathFactory, listed: list[tuple[Any, Any]]
) -> None:
    path = tmp_path_factory.mktemp("l") / "ledger.sqlite"
    with pytest.MonkeyPatch.context() as patch, open_ledger(path) as ledger:
        patch.setattr(rows_module, "_BLOCK_BYTES", 64)  # so that there are several blocks
        expected: dict[str, dict[str, Any]] = {}
        for number, (observation, facts) in enumerate(listed):
            key = Key("web", f"{number}", "", "")
            columns = columns_of(observation)
            ledger.note(key, number, columns, True)
            # The bytes of one sticker, and a second row without any.
            ledger.record_blob(key, Blob("ab", "gif", 3, "media/ab.gif", None), facts)
            missed = Key("web", f"{number}", "", "missed")
            ledger.note(missed, number, columns, True)
            ledger.record_failure(missed, FetchFailure("gone", "http_404", "no", 2, facts=facts))
            expected[f"{number}"] = columns | json.loads(json.dumps(facts))
        ledger.connection.execute("UPDATE blobs SET part = 0, row = 0")
        tables = shard_tables(ledger.connection, 0)
        failures = unfetched_table(ledger.connection)
    for table in (tables["observations"], failures):
        assert len(table) == len(listed)
        for row in table.to_pylist():
            known = expected[row["source_id"]]
            for name in row.keys() & known.keys() - {"attempts"}:
                assert row[name] == known[name], name
    assert tables["stickers"].to_pylist()[0]["id"] == "ab"


def test_rows_without_a_rank_come_last_and_texts_are_ordered_by_their_characters(
    tmp_path: Path,
) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        for name, rank in (("猫", None), ("é", 2), ("z", 2), ("a", 10)):
            key = Key("web", name, "cat", "")
            ledger.note(key, 0, columns_of(Observation(name, rank=rank)), True)
            ledger.record_failure(key, FetchFailure("gone", "http_404", "no"))
        found = unfetched_table(ledger.connection)["source_id"].to_pylist()
    assert found == ["z", "é", "a", "猫"]


def test_many_rows_without_bytes_are_one_at_a_time_and_in_one_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches change neither the rows nor their order: source, query, rank, id, variant."""
    names = random.Random(1)
    keys = {
        Key(names.choice("ab"), f"é{names.randrange(9)}", names.choice(["", "cat", "猫"]), variant)
        for variant in ("", "still") for _ in range(40)
    }  # fmt: skip
    ranks = {key: names.choice([None, 0, 2, 10, 2**62]) for key in sorted(keys, key=str)}
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        assert len(unfetched_table(ledger.connection)) == 0
        for key, rank in ranks.items():
            ledger.note(key, 0, columns_of(Observation("x", rank=rank)), True)
            ledger.record_failure(key, FetchFailure("gone", "http_404", "no"))
        whole = unfetched_table(ledger.connection)
        read: list[int] = []
        monkeypatch.setattr(rows_module, "_BATCH_ROWS", 7)
        monkeypatch.setattr(rows_module, "_table", _counting(read, rows_module._table))
        assert unfetched_table(ledger.connection).equals(whole)
    assert max(read) == 7
    assert whole["title"].num_chunks == 1
    listed = whole.select(["source", "query", "rank", "source_id", "variant"]).to_pylist()
    order = [
        (
            row["source"],
            row["query"] or "",
            2**63 if row["rank"] is None else row["rank"],
            row["source_id"],
            row["variant"] or "",
        )
        for row in listed
    ]
    assert order == sorted(order)
    assert len(order) == len(keys)


def _counting(counts: list[int], real: Any) -> Any:
    def table(kind: Any, columns: Any) -> Any:
        made = real(kind, columns)
        counts.append(len(made))
        return made

    return table
