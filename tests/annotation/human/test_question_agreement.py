"""Agreement on questions, against plain statements of its measures."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_rows import MemoryReader

from annotation.human.agreement import AGREEMENT
from annotation.human.asked import AskedQuestion
from annotation.human.masi import masi_distance
from annotation.human.question_agreement import question_rows
from annotation.human.single_values import scale_alpha, scale_interval
from schemas.config import Config
from schemas.tables import VOTES

EMOTION = AskedQuestion("emotion", "single", ("joy", "fear"), True)
USES = AskedQuestion("uses", "several", ("greet", "tease", "thank"), False)
LIKED = AskedQuestion("liked", "scale", tuple("12345"), True)
SAYS = AskedQuestion("says", "text", (), False)
ASKED = (EMOTION, USES, LIKED, SAYS)
# Krippendorff's four observers of twelve units, as points: interval alpha is .849.
PUBLISHED = [
    "111",
    "2223",
    "3333",
    "3333",
    "2222",
    "1234",
    "4444",
    "1112",
    "2222",
    "555",
    "11",
    "3",
]


def votes(cast: dict[str, list[dict[str, list[str]]]]) -> pa.Table:
    rows = [
        {
            "id": sticker, "annotator": f"a{n}", "origin": "x", "simulated": False,
            "skipped": False, "tags": [],
            "answers": [{"question": name, "values": said} for name, said in answers.items()],
        }
        for sticker, given in cast.items()
        for n, answers in enumerate(given)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=VOTES.schema)


def units(*drawn: str) -> Counter[tuple[str, ...]]:
    return Counter(tuple(sorted(unit)) for unit in drawn)


def alpha(answers: list[list[Any]], distance: Any) -> float | None:
    """Krippendorff's alpha, said pair by pair."""
    paired = [unit for unit in answers if len(unit) > 1]
    everything = [value for unit in paired for value in unit]
    total = len(everything)
    apart = sum(
        2 * distance(a, b) / (len(unit) - 1) for unit in paired for a, b in combinations(unit, 2)
    )
    chance = sum(2 * distance(a, b) for a, b in combinations(everything, 2))
    return 1 - apart / total / (chance / total / (total - 1)) if chance else None


def squared(a: str, b: str) -> float:
    return float((int(a) - int(b)) ** 2)


def test_alpha_of_points_is_the_published_one() -> None:
    assert scale_alpha(units(*PUBLISHED)) == pytest.approx(0.849, abs=0.0005)
    low, high = scale_interval(units(*PUBLISHED), resamples=200) or (1, 0)
    assert low < 0.849 < high <= 1
    assert scale_alpha(units("33", "333")) is None
    assert scale_alpha(units("1", "5")) is None


answered = st.lists(st.lists(st.sampled_from("1245"), max_size=4), max_size=6)


@given(answered)
def test_alpha_of_points_is_what_it_states(drawn: list[list[str]]) -> None:
    found, expected = scale_alpha(units(*map("".join, drawn))), alpha(drawn, squared)
    assert (found is None) == (expected is None)
    assert found == pytest.approx(expected)


def test_each_question_has_its_measure() -> None:
    cast = {
        "s": [
            {"emotion": ["joy"], "uses": ["greet", "thank"], "liked": ["4"], "says": ["Yes"]},
            {"emotion": ["joy"], "uses": ["greet"], "liked": ["5"], "says": [" yes "]},
            {"emotion": ["fear"], "uses": ["tease"], "liked": ["1"], "says": ["no"]},
        ],
        "t": [
            {"emotion": ["fear"], "uses": ["tease"], "liked": ["2"]},
            {"emotion": ["fear"], "uses": ["tease", "made up"], "liked": ["2"], "says": ["x"]},
            {"emotion": ["made up"]},
        ],
        "u": [{"emotion": ["joy"], "uses": [], "liked": ["5"]}],
    }
    rows = {row["question"]: row for row in question_rows(votes(cast), ASKED, resamples=50)}
    assert list(rows) == ["emotion", "uses", "liked", "says"]
    assert {row["measure"] for row in rows.values()} == {"question"}
    assert [row["stickers"] for row in rows.values()] == [2, 2, 2, 1]
    assert [row["equal"] for row in rows.values()] == [0.5, 0.25, 0.25, pytest.approx(1 / 3)]
    given = {
        name: [[one[name] for one in said if name in one] for said in cast.values()]
        for name in ("uses", "liked", "emotion")
    }
    sets = [
        [frozenset(values) - {"made up"} for values in unit if values] for unit in given["uses"]
    ]
    assert rows["uses"]["alpha"] == pytest.approx(alpha(sets, masi_distance))
    points = [[one[0] for one in unit] for unit in given["liked"]]
    assert rows["liked"]["alpha"] == pytest.approx(alpha(points, squared))
    chosen = [[one[0] for one in unit if one != ["made up"]] for unit in given["emotion"]]
    assert rows["emotion"]["alpha"] == pytest.approx(alpha(chosen, lambda a, b: float(a != b)))
    assert rows["emotion"]["low"] <= rows["emotion"]["alpha"] <= rows["emotion"]["high"]
    assert "kappa" in rows["emotion"]
    assert "alpha" not in rows["says"]
    assert question_rows(votes({}), ASKED) == []


def test_the_table_has_a_row_a_question_after_the_domain() -> None:
    said = [{"emotion": ["joy"]}, {"emotion": ["joy"]}, {"emotion": ["fear"]}]
    asked = [{"version": "1", "name": "emotion", "kind": "single", "values": ["joy", "fear"]}]
    tables = MemoryReader(votes=votes({"s": said}), questions=asked)
    ((name, _, table),) = AGREEMENT.run(tables, AGREEMENT.settings(Config()))
    assert name == "agreement"
    rows = table.to_pylist()
    assert [row["measure"] for row in rows][:3] == ["tag_sets", "domain", "question"]
    assert (rows[2]["question"], rows[2]["equal"]) == ("emotion", pytest.approx(1 / 3))
