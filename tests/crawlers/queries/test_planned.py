"""Queries from the configuration, a file and the workspace's tables."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from crawlers.queries.planned import planned_queries
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.config import SourceConfig
from schemas.tables import KEYWORDS, TAGSET, Table


@pytest.fixture
def planned(workspace: Workspace) -> Any:
    """The queries of a source with these settings."""

    def plan(**settings: Any) -> list[str]:
        return list(planned_queries(SourceConfig(source="giphy", **settings), workspace))

    return plan


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queries.txt"


def write(workspace: Workspace, table: Table, column: str, values: list[str]) -> None:
    rows = pa.Table.from_pylist([{column: value} for value in values], schema=table.schema)
    workspace.write(table.name, None, rows, Proof("test", "test"))


def test_without_any_there_are_none(planned):
    assert planned() == []
    assert planned(queries=["", " \t"]) == []


def test_they_are_clean_and_each_comes_once_in_order(planned):
    queries = ["happy cat", " happy\tcat ", "Happy cat", "开心", "", "a\u202eb\x00c"]
    assert planned(queries=queries) == ["happy cat", "Happy cat", "开心", "ab c"]


def test_all_three_places_are_asked_together(planned, file, workspace):
    file.write_text("\ufeff开心\n\n# a remark\r\n  cat \r\ndog", "utf-8")
    write(workspace, KEYWORDS, "keyword", ["dog", "fish"])
    queries = planned(queries=["cat"], query_file=str(file), query_table="keywords")
    assert queries == ["cat", "开心", "dog", "fish"]


def test_names_of_the_tag_set_are_queries(planned, workspace):
    write(workspace, TAGSET, "tag", ["laugh", "cry"])
    assert planned(query_table="tagset") == ["laugh", "cry"]


@pytest.mark.parametrize("table", ["keywords", "tagset"])
def test_a_table_that_is_not_there_yet_names_the_command_that_makes_it(planned, table):
    with pytest.raises(StickerworksError, match=f"{table}.*stickerworks tags"):
        planned(query_table=table)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("开心\n猫\n".encode("gb18030"), "probably GB18030 .line 1."),
        (b"cat\n" + "开心\n".encode("gb18030"), "probably GB18030 .line 2."),
        ("cat".encode("utf-16"), "probably UTF-16"),
        (b"cat\n\xff\xff\n", "probably another encoding .line 2."),
    ],
)
def test_a_file_in_another_encoding_is_told_as_such(planned, file, data, told):
    file.write_bytes(data)
    with pytest.raises(StickerworksError, match=told) as raised:
        planned(query_file=str(file))
    assert "UTF-8" in raised.value.remedy


def test_a_file_that_cannot_be_read_is_named(planned, file, tmp_path):
    with pytest.raises(StickerworksError, match=r"queries\.txt: No such file"):
        planned(query_file=str(file))
    with pytest.raises(StickerworksError, match="it is a folder"):
        planned(query_file=str(tmp_path))


def test_what_is_too_long_is_refused_with_its_place(planned, file, workspace):
    long = "x" * 2001
    file.write_text(f"{long[1:]}\n{long}\n")
    with pytest.raises(StickerworksError, match=r"queries\.txt:2 has 2,001 characters"):
        planned(query_file=str(file))
    with pytest.raises(StickerworksError, match=r"queries\[1\] has 2,001"):
        planned(queries=["cat", long])
    write(workspace, KEYWORDS, "keyword", ["cat", long])
    with pytest.raises(StickerworksError, match="row 1 of the table keywords"):
        planned(query_table="keywords")


def test_many_are_planned_in_seconds(planned, file):
    file.write_text("\n".join(f"关键词 {number}" for number in range(100_000)))
    started = time.process_time()
    assert len(planned(query_file=str(file))) == 100_000
    assert time.process_time() - started < 10  # 0.4 s on a machine that does nothing else
