"""What a change makes necessary is one command, and nothing more than that is made."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES

STRICT = ("--set", "filter.rules.min_side.min=500")  # drops every sticker
BOUND = ("--set", "filter.rules.aspect.max=1.9")


def works(answer: Any) -> list[str]:
    return [work["name"] for work in json.loads(answer.out)["work"] if work["made"]]


def test_a_threshold_decides_again_and_no_more(program: Any, made: Path) -> None:
    signals = (made / "tables/signals/part-00000.parquet").stat().st_ino
    assert works(program("update", "--json", *BOUND)) == ["screening", "decisions"]
    assert (made / "tables/signals/part-00000.parquet").stat().st_ino == signals
    assert "up to date" in program("update", *BOUND).said


def test_what_follows_from_other_decisions_is_made_in_order(program: Any) -> None:
    made = works(program("update", "--json", *STRICT))
    order = ["screening", "decisions", "suggestions", "labels", "splits"]
    assert [name for name in made if name in order] == order
    assert not {"signals", "domain"} & {*made}  # unchanged, and never asked for


def test_who_only_told_real_from_cartoon_gets_no_captions(program: Any, made: Path) -> None:
    program("annotate", "domain")
    assert {*works(program("update", "--json", *STRICT))} >= {"domain", "splits"}
    assert not (made / "tables/captions").exists()


def test_a_dry_run_makes_nothing(program: Any, made: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in made.rglob("*"))
    answer = program("update", "--dry-run", *BOUND)
    assert "decisions    would run over 8 rows" in answer.said
    assert sorted((path, path.stat().st_mtime_ns) for path in made.rglob("*")) == before


@pytest.mark.parametrize("command", ["filter", "update", "release"])
def test_rows_in_quarantine_are_told_by_the_exit_code(
    program: Any, made: Path, command: str
) -> None:
    workspace = Workspace(made)
    proof = workspace.proof("signals", 1)
    assert proof is not None
    proof = replace(proof, counts={**proof.counts, "quarantined": 1})
    workspace.write("signals", 1, workspace.read("signals", 1), proof)
    answer = program(command, "--json")
    # A release keeps its splits for later ones, which the splits read.
    again = ["splits"] if command == "release" else []
    assert (answer.code, works(answer)) == (3, again)
    assert "signals      up to date, quarantined 1" in answer.said


def test_shards_without_rows_are_made_too(program: Any, made: Path) -> None:
    workspace = Workspace(made)
    for table in ("stickers", "media", "observations"):
        empty = workspace.read(table, 1)[:0].cast(TABLES[table].schema)
        workspace.write(table, 2, empty, Proof("crawl", "", {}))
    assert "Next: `stickerworks update`" in program("status").said
    assert "signals" in works(program("update", "--json"))
    assert workspace.has("signals", 2)


def test_a_release_makes_what_it_needs(program: Any, made: Path) -> None:
    shutil.rmtree(made / "tables/splits")
    (made / "tables/leakage.parquet").unlink()
    answer = program("release", "--json", *BOUND)
    assert answer.code == 0, answer.said
    assert works(answer) == ["screening", "decisions", "splits", "splits"]
    assert sum(json.loads(answer.out)["release"]["rows"].values()) == 8


def test_an_interrupted_room_is_gone_on_with_by_what_reads_it(program: Any, made: Path) -> None:
    (made / "tables/signals/part-00001.parquet").unlink()
    answer = program("tags", "--json")
    assert answer.code == 0, answer.said
    assert "signals" in works(answer)


def test_a_room_that_never_ran_is_named(program: Any, made: Path) -> None:
    for path in (made / "tables").iterdir():
        if path.stem not in ("stickers", "media", "observations", "unfetched"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    answer = program("tags")
    assert answer.code == 1
    assert "Run `stickerworks filter` first." in answer.said
