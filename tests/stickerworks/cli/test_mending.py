"""A table that the disk has changed is found by its checksum, and made again."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.engine.errors import DamagedTableError
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES

BOUND = ("--set", "filter.rules.aspect.max=1.8")


def flip_a_bit(path: Path, column: str = "id") -> None:
    """Damage the data of a column, and neither the footer nor the proof."""
    group = pq.read_metadata(path).row_group(0)
    chunks = [group.column(n) for n in range(group.num_columns)]
    chunk = next(c for c in chunks if c.path_in_schema.split(".")[0] == column)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    data = bytearray(path.read_bytes())
    data[start + chunk.total_compressed_size - 3] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("table", ["signals", "media"])
def test_the_shard_is_made_again(program: Any, made: Path, table: str) -> None:
    path = made / f"tables/{table}/part-00001.parquet"
    whole = path.read_bytes()
    flip_a_bit(path)
    answer = program("release", "--json", *BOUND)
    assert answer.code == 0, answer.said
    assert path.read_bytes() == whole
    told = [line for line in answer.said.splitlines() if "is made again" in line]
    assert len(told) == 1
    (aside,) = (made / "damaged").iterdir()
    assert aside.name.startswith(f"{table}-part-00001.")
    assert aside.read_bytes() != whole
    counts = [work["made"] for work in json.loads(answer.out)["work"] if work["name"] == "signals"]
    assert sum(counts) == (table == "signals")  # one shard of two


def test_a_name_that_changed_in_the_footer_is_found_and_made_again(
    program: Any, made: Path
) -> None:
    path = made / "tables/decisions/part-00000.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"threshold", b"thresholt"))
    answer = program("release", "--set", "release.version=0.9.0")
    assert answer.code == 0, answer.said
    assert "other columns than it should" in answer.said
    assert path.read_bytes() == whole


def test_a_file_that_is_damaged_again_and_again_ends_the_command(
    program: Any, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made / "tables/signals/part-00001.parquet"
    flip_a_bit(path)

    def keep_damaging(*_: Any) -> Path:
        return path  # the file stays where it is, as it is

    monkeypatch.setattr("stickerworks.cli.mending.set_aside", keep_damaging)
    answer = program("update", *BOUND)
    assert answer.code == 1
    assert "Delete that file" in answer.said.splitlines()[-1]


def test_a_table_without_a_footer_is_made_again(program: Any, made: Path) -> None:
    paths = [made / f"tables/{name}/part-00001.parquet" for name in ("stickers", "measures")]
    whole = [path.read_bytes() for path in paths]
    for path in paths:
        path.write_bytes(path.read_bytes()[:-20])
    answer = program("status")
    assert answer.code == 1  # it may not write, and says what is wrong
    assert "stickers/part-00001" in answer.said
    assert program("update").code == 0
    assert [path.read_bytes() for path in paths] == whole


def test_what_people_gave_is_not_made_up(program: Any, made: Path) -> None:
    (made / "tables/ballot.parquet").write_bytes(b"PAR1 nonsense PAR1")
    answer = program("update", *BOUND, "--set", "merge.agree=1")
    assert answer.code == 1
    assert "ballot.parquet" in answer.said
    assert "label export" in answer.said
    assert not (made / "damaged").exists()


def test_a_captioner_that_a_stranger_names_makes_nothing_again(program: Any, made: Path) -> None:
    path = made / "tables/captions/part-00001.parquet"
    empty = TABLES["captions"].schema.empty_table()
    Workspace(made).write("captions", 1, empty, Proof("captions", "", {}))
    damaged = path.read_bytes()[:-20]
    path.write_bytes(damaged)
    with (made / "stickerworks.yaml").open("a") as kept:
        kept.write("annotate.captioner: openai\n")
        kept.write("annotate.options: {model: m, base_url: 'https://stranger.example/v1'}\n")
    answer = program("report")
    assert answer.code == 1
    assert "somebody else may have written it" in answer.said.splitlines()[-1]
    assert path.read_bytes() == damaged
    assert not (made / "damaged").exists()


def test_the_error_passes_a_workers_pipe() -> None:
    error = pickle.loads(pickle.dumps(DamagedTableError("what", "remedy", "/w/part-00001.parquet")))
    assert (str(error), error.path) == ("what remedy", Path("/w/part-00001.parquet"))
