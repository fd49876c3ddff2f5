"""How often each model's texts were right, corrected or wrong, as people say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

VERDICTS = ("right", "corrected", "wrong")


@dataclass(frozen=True)
class Judged:
    """Texts of one model and prompt set, of one field and language, by the last check of each."""

    writer: str
    field: str
    language: str
    right: int
    corrected: int
    wrong: int

    @property
    def checked(self) -> int:
        """All of them."""
        return self.right + self.corrected + self.wrong


def judged_writers(checks: pa.Table) -> list[Judged]:
    """Rows of the table ``text_checks``, the most checked first within each field."""
    last: dict[tuple[str, ...], str] = {}
    for row in checks.sort_by("number").to_pylist():
        named = row["model"] or row["captioner"] or "unknown"
        writer = f"{named}{'@' + row['revision'] if row['revision'] else ''} {row['prompt'] or ''}"
        text = (row["id"], row["original"])
        last[writer.strip(), row["field"], row["language"], *text] = row["verdict"]
    counts: Counter[tuple[str, str, str, str]] = Counter(
        (writer, field, language, verdict)
        for (writer, field, language, *_), verdict in last.items()
    )
    kinds = sorted({key[:3] for key in counts}, key=lambda kind: (kind[1], kind[2]))
    made = [Judged(*kind, *(counts[*kind, verdict] for verdict in VERDICTS)) for kind in kinds]
    return sorted(made, key=lambda one: (one.field, one.language, -one.checked, one.writer))


def figure_lines(judged: Iterable[Judged]) -> list[str]:
    """The figures as lines of a table."""
    head = f"  {'text':<20}{'checked':>8}{'right':>8}{'corrected':>11}{'wrong':>8}  writer"
    return [
        head,
        *(
            f"  {one.field + ' ' + one.language:<20}{one.checked:>8,}"
            f"{one.right / one.checked:>8.0%}{one.corrected / one.checked:>11.0%}"
            f"{one.wrong / one.checked:>8.0%}  {one.writer}"
            for one in judged
        ),
    ]
