"""How many answers with chatter are cut right or flagged, and how many real texts pass.

    python benchmarks/chatter.py [--captions FILE.tsv]

The corpus is tests/annotation/machine/chatter_corpus.tsv, made by hand in two languages: `tuning`
is what the checks were written against, `held_out` was written before and not looked at, `later`
was written in a few goes to find what they missed and then tuned on, `reviewed` is by another hand
(its readings of what stands on stickers left out: they are never looked through for chatter) and
tuned on as well, and `unseen` came last: nothing was changed for its answers with chatter, so their
recall says most of what to expect (two of its clean texts were flagged at first, and are no more).
``slipped`` is the share of chatter that is left in and not flagged; of what else was missed, too
much or too little was cut, or what could be cut was flagged.
With --captions, texts of real stickers (a column `caption`) are a further check for false alarms.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annotation.machine.chatter import find_chatter, without_chatter
from annotation.machine.parsing import without_thought

CORPUS = Path(__file__).parents[1] / "tests" / "annotation" / "machine" / "chatter_corpus.tsv"


def main() -> None:
    """Measure both parts, and real captions where they are given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=Path, help="TSV with a column caption")
    options = parser.parse_args()
    lines = CORPUS.read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    figures: dict[str, Any] = {
        part: _measure([row[1:] for row in rows if row[0] == part])
        for part in ("tuning", "held_out", "later", "reviewed", "unseen")
    }
    if options.captions:
        with options.captions.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            figures["real"] = _pass([row["caption"] for row in table], speech=True)
    print(json.dumps(figures, ensure_ascii=False))


def _measure(rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    wanted = [row for row in rows if row[1] != "clean"]
    missed = [row for row in wanted if not _is_right(row)]
    for _, expected, raw, _ in missed:
        print(f"missed {expected}: {raw}")
    by_language = {language: sum(row[0] == language for row in wanted) for language in ("en", "zh")}
    return {
        "answers": len(wanted),
        "languages": by_language,
        "recall": round(1 - len(missed) / len(wanted), 4),
        "slipped": round(sum(_is_unseen(row) for row in missed) / len(wanted), 4),
        **_pass([json.loads(row[2]) for row in rows if row[1] == "clean"]),
    }


def _is_right(row: Sequence[str]) -> bool:
    _, expected, raw, left = row
    answer = without_chatter(without_thought(json.loads(raw)))
    flags = find_chatter(answer)
    return (answer, flags) == (json.loads(left), []) if expected == "trim" else expected in flags


def _is_unseen(row: Sequence[str]) -> bool:
    """Whether nothing is cut off or flagged."""
    raw = json.loads(row[2])
    return without_chatter(without_thought(raw)) == raw.strip() and not find_chatter(raw)


def _pass(texts: Sequence[str], *, speech: bool = False) -> dict[str, Any]:
    began = time.process_time()
    wrong = [text for text in texts if _touched(text, speech)]
    spent = time.process_time() - began
    for text in wrong:
        print(f"false alarm: {text!r}")
    return {
        "clean": len(texts),
        "false_alarms": len(wrong),
        "microseconds_a_text": round(1e6 * spent / max(1, len(texts))),
    }


def _touched(text: str, speech: bool) -> bool:
    answer = without_chatter(text)
    return answer != text.strip() or bool(find_chatter(answer, speech=speech))


if __name__ == "__main__":
    main()
