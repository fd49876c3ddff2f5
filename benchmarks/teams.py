"""Who is asked about which sticker at the size of StickerTAG: 13,571 stickers, three people each of
fifty; and further people for all that two of them leave."""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from collections import Counter, defaultdict
from typing import Any

from annotation.human.studio.assigning import Assignee, Assignment, Need, assign, meetings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stickers", type=int, default=13_571)
    parser.add_argument("--people", type=int, default=50)
    arguments = parser.parse_args()
    team = [Assignee(f"p{n:02d}@example.org") for n in range(arguments.people)]
    needs = [Need(f"{n:064x}", 3) for n in range(arguments.stickers)]
    started = time.process_time()
    made = assign(needs, team)
    seconds = time.process_time() - started
    people = _people(made)
    load, met = Counter(one for _, one in made.given), meetings(people.values())
    gone = {one.account for one in team[:2]}
    left = [
        Need(key, len(set(had) & gone), frozenset(had))
        for key, had in people.items()
        if set(had) & gone
    ]
    started = time.process_time()
    further = assign(left, team[2:], met)
    figures = {
        "stickers": arguments.stickers,
        "people": arguments.people,
        "cpu_s": round(seconds, 2),
        "people_a_sticker": sorted({len(had) for had in people.values()}),
        "stickers_a_person": _range(load),
        "meetings_a_pair": _range(Counter(met)),
        "taken_over": len(further.given),
        "taken_over_cpu_s": round(time.process_time() - started, 2),
        "taken_over_a_person": _range(Counter(one for _, one in further.given)),
        "peak_mib": _peak(needs, team),
    }
    print(json.dumps(figures))


def _people(made: Assignment) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for sticker, person in made.given:
        found[sticker].append(person)
    return found


def _range(counts: Counter[Any]) -> list[int]:
    return [min(counts.values()), max(counts.values())]


def _peak(needs: list[Need], team: list[Assignee]) -> int:
    tracemalloc.start()
    assign(needs, team)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return round(peak / 2**20)


if __name__ == "__main__":
    main()
