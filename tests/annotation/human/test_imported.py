"""Labels of data sets: where nobody voted, and nowhere else."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_rows import MemoryReader, table_of

from annotation.human.imported import fill_unvoted
from annotation.human.merge import MERGE
from schemas.config import MergeConfig

STICKERS = ["a", "b", "c"]
COLUMNS = ["id", "tags", "domain", "simulated"]


def said(id_: str, *tags: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "dataset": "d", "name": id_, "tags": list(tags), "simulated": False, **more}


def vote(id_: str, annotator: str, *tags: str, **more: Any) -> dict[str, Any]:
    row = {"id": id_, "annotator": annotator, "origin": "label_studio", "simulated": False}
    return {**row, "skipped": False, "tags": list(tags), "sequence": 0, **more}


def merged(imported: list[dict[str, Any]], votes: list[dict[str, Any]] = (), **tables: Any) -> Any:  # type: ignore[assignment]
    reader = MemoryReader(
        stickers=[{"id": id_} for id_ in STICKERS], imported=imported, votes=votes, **tables
    )
    ((_, _, labels),) = MERGE.run(reader, MergeConfig())
    return {row["id"]: row for row in labels.to_pylist()}


def test_labels_of_a_data_set_are_effective_where_nobody_voted() -> None:
    found = merged([said("a", "joy", domain="cartoon"), said("b")])
    assert (found["a"]["tags"], found["a"]["status"]) == (["joy"], "effective")
    assert (found["a"]["provenance"], found["a"]["domain"]) == ("imported", "cartoon")
    assert (found["a"]["votes"], found["a"]["simulated"]) == (0, False)
    assert (found["b"]["tags"], found["b"]["status"]) == ([], "unlabelled")
    assert found["c"]["provenance"] is None


@pytest.mark.parametrize(
    ("votes", "status"),
    [
        ([vote("a", "1", "wit"), vote("a", "2", "wit")], "effective"),
        ([vote("a", "1", "wit")], "insufficient"),
        ([vote("a", "1", skipped=True)], "insufficient"),
        ([vote("a", "1"), vote("a", "2", "x"), vote("a", "3", "y")], "adjudicate"),
    ],
)
def test_any_answer_of_ours_outweighs_it(votes: list[dict[str, Any]], status: str) -> None:
    found = merged([said("a", "joy", domain="real")], votes)["a"]
    assert (found["status"], found["provenance"], found["domain"]) == (status, "votes", None)
    assert "joy" not in found["tags"]


def test_several_rows_of_a_sticker_give_the_tags_of_all() -> None:
    rows = [said("b", "z", "a", domain="real"), said("b", "m", simulated=True, domain="cartoon")]
    found = merged(rows)["b"]
    assert (found["tags"], found["domain"]) == (["a", "m", "z"], "real")
    assert found["simulated"] is True


def test_a_tag_set_of_ours_forbids_no_label_of_theirs_and_a_drop_takes_it() -> None:
    dropped = [{"id": id_, "kept": id_ != "b", "outcome": "kept"} for id_ in STICKERS]
    found = merged([said("a", "joy"), said("b", "joy")], tagset=[{"tag": "wit"}], decisions=dropped)
    assert found["a"]["tags"] == ["joy"]
    assert (found["b"]["status"], found["b"]["tags"]) == ("dropped", None)


@given(
    st.lists(st.tuples(st.sampled_from("abcx"), st.lists(st.text("xyz", min_size=1, max_size=2))))
)
def test_it_is_the_union_by_a_plain_statement(rows: list[tuple[str, list[str]]]) -> None:
    found = merged([said(id_, *tags) for id_, tags in rows])
    for id_ in STICKERS:
        tags = sorted({tag for other, own in rows if other == id_ for tag in own})
        assert found[id_]["tags"] == tags
        assert found[id_]["status"] == ("effective" if tags else "unlabelled")


def test_rows_about_other_stickers_change_nothing() -> None:
    labels = table_of("labels", [{"id": "a", "tags": [], "status": "unlabelled"}])
    others: pa.Table = table_of("imported", [said("x", "joy")]).select(COLUMNS)
    assert fill_unvoted(labels, others) is labels
