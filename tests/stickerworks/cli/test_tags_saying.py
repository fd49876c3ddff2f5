"""What `stickerworks tags` says of clusters, and the files of the curve."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from stickerworks.cli.tags_saying import _lines, write_elbow


def curve(clear: bool | None) -> list[dict[str, Any]]:
    """Falls fast below 5 clusters and slowly above."""
    rows = []
    for k in range(2, 12):
        inertia = 100.0 - 20 * (k - 2) if k <= 5 else 40.0 - (k - 5)
        row = {"k": k, "inertia": inertia, "height": 0.6, "chosen": k == 5, "clear": clear}
        rows.append(row | {"stability": 0.75 if k == 5 else None, "seeds": {5: 2, 6: 1}.get(k, 0)})
    return rows


def test_a_clear_elbow_is_told_with_what_is_as_good() -> None:
    assert list(_lines(curve(clear=True))) == [
        "K = 5: a clear elbow (height 0.60); seeds agree to 0.75 (adjusted Rand index)",
        "5 to 5 are as defensible; by seed: 5, 5, 6",
    ]


def test_no_clear_elbow_is_said_as_such_with_the_way_out() -> None:
    told = list(_lines(curve(clear=False)))
    assert "NO CLEAR ELBOW" in told[0]
    assert "tags.clusters" in told[-1]


def test_a_fixed_number_is_nobodys_elbow() -> None:
    row = {"k": 7, "inertia": 3.0, "height": None, "chosen": True, "clear": None}
    assert list(_lines([row | {"stability": None, "seeds": 0}])) == ["K = 7, as configured"]


def test_nobody_is_advised_on_the_number_of_clusters_that_people_named() -> None:
    told = list(_lines(curve(clear=False), asked=120, named=True))
    assert told[0] == "This is the curve behind the clusters that people named:"
    assert "NO CLEAR ELBOW" in told[1]
    assert not any("tags.clusters" in line for line in told)
    fixed = {"k": 60, "inertia": 3.0, "height": None, "chosen": True, "clear": None}
    told = list(_lines([fixed | {"stability": None, "seeds": 0}], asked=120, named=True))
    assert told[1:] == ["K = 60, as configured"]


def test_the_curve_is_written_with_the_same_bytes_each_time(tmp_path: Path) -> None:
    first, second = (write_elbow(curve(clear=True), tmp_path / name) for name in "ab")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    table, plot = first
    assert plot.read_bytes().startswith(b"\x89PNG")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["k"]) for row in rows] == list(range(2, 12))
    assert rows[3]["stability"] == "0.75"


def test_tags_says_what_became_of_the_keywords(program: Any, made: Path) -> None:
    answer = program("tags", "--json")
    assert answer.code == 0
    clusters = json.loads(answer.out)["clusters"]
    assert clusters["clustered"] == 2
    assert clusters["k"] == 2
    assert "2 keywords: 2 clustered" in program("tags").said
    fixed = program("tags", "--set", "tags.clusters=400")
    assert fixed.code == 0
    assert "asks for 400 clusters" in fixed.said
    assert "K = 2, as configured" in fixed.said
