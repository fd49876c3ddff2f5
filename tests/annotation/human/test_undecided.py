"""Which stickers wait for the lead: for their tags, or for an answer that a vote must give."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from annotation.human.asked import AskedQuestion
from annotation.human.undecided import needs_decision, undecided
from schemas.tables import ADJUDICATIONS, LABELS

ASKED = (
    AskedQuestion("emotion", "single", ("joy", "fear"), True),
    AskedQuestion("style", "single", ("sketch", "photo"), False),
    AskedQuestion("says", "text", (), True),
)


def labels(*rows: tuple[str, dict[str, str] | None]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "id": str(place),
                "status": status,
                "answers": answers
                and [{"question": name, "status": said} for name, said in answers.items()],
            }
            for place, (status, answers) in enumerate(rows)
        ],
        schema=LABELS.schema,
    )


@pytest.mark.parametrize(
    ("status", "answers", "waits"),
    [
        ("adjudicate", None, True),
        ("adjudicate", {"emotion": "effective"}, True),
        ("effective", {"emotion": "adjudicate", "style": "effective"}, True),
        ("insufficient", {"emotion": "adjudicate"}, True),
        ("effective", {"emotion": "insufficient"}, False),
        ("effective", {"style": "adjudicate", "says": "adjudicate", "gone": "adjudicate"}, False),
        ("rejected", {"emotion": "adjudicate"}, False),
        ("dropped", None, False),
        ("effective", None, False),
    ],
)
def test_what_waits(status: str, answers: dict[str, str] | None, waits: bool) -> None:
    both = labels((status, answers), ("effective", None))
    assert needs_decision(both, ASKED).tolist() == [waits, False]
    assert not needs_decision(both.slice(0, 0), ASKED).any()


@pytest.mark.parametrize(
    ("status", "tags", "answer", "waits"),
    [
        ("adjudicate", ["笑"], ["joy"], False),
        ("adjudicate", [], ["joy"], False),
        ("adjudicate", ["zz"], ["joy"], True),
        ("adjudicate", None, ["joy"], True),
        ("adjudicate", ["笑"], [], True),
        ("effective", [], ["fear"], False),
        ("effective", ["zz"], ["rage"], True),
        ("effective", [], None, True),
    ],
)
def test_a_decision_leaves_open_what_it_does_not_say(
    status: str, tags: list[str] | None, answer: list[str] | None, waits: bool
) -> None:
    disputed = labels((status, {"emotion": "adjudicate"}))
    row: dict[str, Any] = {"id": "0", "adjudicator": "lead", "skipped": False, "tags": tags}
    row["answers"] = None if answer is None else [{"question": "emotion", "values": answer}]
    decisions = pa.Table.from_pylist([row], schema=ADJUDICATIONS.schema)
    assert undecided(disputed, decisions, ASKED, {"笑"}) == (["0"] if waits else [])
    assert undecided(disputed, decisions.slice(0, 0), ASKED, {"笑"}) == ["0"]
