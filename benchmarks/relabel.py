"""What further votes bring where the ranking asks for them, against random order.

    PYTHONPATH=. python benchmarks/relabel.py [--stickers 1000] [--votes 1000] [--seeds 5]
        [--first 2] [--noise 0.2] [--kinds ...] [--rules ...] [--orders ...]
        [--cache FOLDER] [--plot FILE]

Drawn stickers with a long tail of tags; eight people, three of whom vote on each sticker and err in
a fifth of their tags, in four ways (``relabelling/voters.py``). Then a hundred votes at a time are
asked of the same people, by each order; labels are merged by the house's rule, and macro-F1 is that
of the labels against the truth, over the tags. Scores are those of the baseline ``tiny``: each half
of the stickers is scored by a network that learnt from the other half's noisy labels.

Orders: ``ranked`` (votes and scores), ``votes`` and ``scores`` (each alone; the latter by the
lowest score of a label), ``agreement`` (the least agreed first, without any model of people),
``random 1`` and ``random 2`` (one or two votes on each sticker in turn), ``oracle`` (wrong labels
first, which nobody can know). All of it with three rules for how many of more than three votes a
tag needs (``relabelling/polls.py``). Printed are medians over the seeds: macro-F1 before and after,
what a hundred votes gained over the first half of the votes and over all, and how many times that
of the better random order this is. What the ranking takes for granted was chosen on the seeds 0
and 1, which are left out. The last line is one JSON object with all curves.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from annotation.human.relabelling.scored import Scores
from benchmarks.relabelling.drawn import TAGS, Drawn, draw
from benchmarks.relabelling.orders import ORDERS, ask
from benchmarks.relabelling.polls import RULES, Poll, macro_f1, merging
from benchmarks.relabelling.scoring import score_across
from benchmarks.relabelling.voters import KINDS, Votes, cast

_STEP = 100
_RANDOM = ("random 1", "random 2")
Curves = Mapping[tuple[str, str], Mapping[str, Sequence[Sequence[float]]]]
"""Of each kind and rule, the curves of each order, a row a seed."""


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    curves: dict[tuple[str, str], dict[str, list[list[float]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        name = f"drawn-{arguments.stickers}-{seed}"
        kept = _kept(arguments.cache, name, lambda: vars(draw(arguments.stickers, seed)))  # noqa: B023
        drawn = Drawn(**kept)
        for kind in arguments.kinds:
            said = cast(drawn.truth, kind, arguments.noise, seed)
            scores = _scores(arguments, drawn, said, kind, seed)
            for rule in arguments.rules:
                for order in arguments.orders:
                    found = _curve(arguments.votes, said, drawn.truth, scores, order, rule, seed)
                    curves[kind, rule][order].append(found)
        print(f"seed {seed} done", flush=True)
    rows = [row for key, orders in curves.items() for row in _rows(key, orders)]
    _print(rows)
    if arguments.plot:
        _plot(curves, arguments.plot)
    told = {" / ".join(key): orders for key, orders in curves.items()}
    print(json.dumps({"benchmark": "relabel", "rows": rows, "curves": told}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stickers", type=int, default=1000)
    parser.add_argument("--votes", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=2, help="the first seed")
    parser.add_argument("--noise", type=float, default=0.2)
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=KINDS)
    parser.add_argument("--rules", nargs="*", choices=tuple(RULES), default=tuple(RULES))
    parser.add_argument("--orders", nargs="*", choices=ORDERS, default=ORDERS)
    parser.add_argument("--cache", type=Path, help="folder that keeps drawn stickers and scores")
    parser.add_argument("--plot", type=Path, help="picture of the curves")
    return parser.parse_args()


def _curve(
    votes: int, said: Votes, truth: Votes, scores: Scores, order: str, rule: str, seed: int
) -> list[float]:
    """Macro-F1 before, and after each step."""
    poll = Poll.begin(said, seed)
    with merging(RULES[rule]):
        found = [macro_f1(poll.labels(), truth)]
        for step in range(votes // _STEP):
            ask(poll, order, RULES[rule], scores, truth, seed * 1000 + step, _STEP)
            found.append(macro_f1(poll.labels(), truth))
    return found


def _scores(
    arguments: argparse.Namespace, drawn: Drawn, said: Votes, kind: str, seed: int
) -> Scores:
    poll = Poll.begin(said, seed)
    name = f"scores-{arguments.stickers}-{arguments.noise}-{kind}-{seed}"
    made = _kept(
        arguments.cache,
        name,
        lambda: {"values": score_across(drawn.images, poll.labels(), seed)},
    )
    return Scores(tuple(poll.names().to_pylist()), TAGS, made["values"])


def _kept(
    cache: Path | None, name: str, make: Callable[[], Mapping[str, Any]]
) -> Mapping[str, Any]:
    path = None if cache is None else cache / f"{name}.npz"
    if path is not None and path.exists():
        with np.load(path) as found:
            return dict(found)
    made = make()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **made)
    return made


def _rows(
    key: tuple[str, str], orders: Mapping[str, Sequence[Sequence[float]]]
) -> list[dict[str, Any]]:
    """What each order gained, in points of macro-F1 a hundred votes."""
    gained = {order: (_gains(runs, half=True), _gains(runs)) for order, runs in orders.items()}
    random = [gained[order] for order in _RANDOM if order in gained]
    rows = []
    for order, runs in orders.items():
        row: dict[str, Any] = {"kind": key[0], "rule": key[1], "order": order}
        row["before"] = 100 * median(run[0] for run in runs)
        row["after"] = 100 * median(run[-1] for run in runs)
        for part, name in enumerate(("first_half", "all")):
            row[name] = median(gained[order][part])
            usual = max((median(pair[part]) for pair in random), default=0.0)
            # Where random votes gain nothing, no number of times says anything.
            row[f"{name}_times"] = row[name] / usual if usual > 0 else None
        rows.append(row)
    return rows


def _gains(runs: Sequence[Sequence[float]], *, half: bool = False) -> list[float]:
    last = (len(runs[0]) - 1) // (2 if half else 1)
    return [100 * (run[last] - run[0]) / last for run in runs]


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    print(f"{'':>9}{'':>10}{'':>11}" + "".join(f"{name:>17}" for name in list(rows[0])[3:]))
    for row in rows:
        kind, rule, order, *figures = row.values()
        told = (f"{'-' if value is None else f'{value:.2f}':>17}" for value in figures)
        print(f"{kind:>9}{rule:>10}{order:>11}" + "".join(told))


def _plot(curves: Curves, path: Path) -> None:
    from matplotlib.figure import Figure

    kinds = list(dict.fromkeys(kind for kind, _ in curves))
    rules = list(dict.fromkeys(rule for _, rule in curves))
    figure = Figure(figsize=(4 * len(kinds), 3.2 * len(rules)), layout="constrained")
    axes = figure.subplots(len(rules), len(kinds), squeeze=False, sharex=True, sharey="col")
    for (kind, rule), orders in curves.items():
        axis = axes[rules.index(rule)][kinds.index(kind)]
        axis.set_title(f"{kind}, {rule}", fontsize=9)
        for order, runs in orders.items():
            middle = 100 * np.median(np.array(runs), axis=0)
            axis.plot(np.arange(len(middle)) * _STEP, middle, label=order)
    axes[-1][0].set_xlabel("further votes")
    axes[0][0].set_ylabel("macro-F1 of the labels, %")
    axes[0][0].legend(fontsize=7)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
