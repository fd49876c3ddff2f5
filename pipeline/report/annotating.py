"""Machine annotation and votes: domain, captions, labels, agreement."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow.compute as pc

from pipeline.engine.counting import count_together, count_values
from pipeline.engine.page.cards import Card
from pipeline.engine.page.missing_tables import missing
from pipeline.engine.text import one_line
from pipeline.engine.workspace import Workspace
from pipeline.report.plots import draw_shares
from pipeline.report.reading import SmallestKeys, read_blocks, smallest

_EXAMPLES, _CAPTIONS, _TAGS, _PAIRS, _DISPUTED = 8, 12, 40, 30, 12


def domain(workspace: Workspace) -> dict[str, Any]:
    """Real and cartoon: counts, probabilities, and examples from sure to unsure."""
    edges = np.linspace(0, 1, 21)
    bins = np.zeros(len(edges) - 1)
    counts: Counter[str] = Counter()
    models: Counter[str] = Counter()
    # Per group the sorting keys and ids of its best examples, ascending.
    best: dict[str, list[tuple[float, str, float]]] = {"real": [], "cartoon": [], "unsure": []}
    compared = agreed = 0
    wanted = {"domain": ["domain", "probability", "model"], "labels": ["domain"]}
    for tables in read_blocks(workspace, wanted):
        if "domain" not in tables:
            continue
        table = tables["domain"]
        if "labels" in tables:
            equal = pc.equal(table["domain"], tables["labels"]["domain"]).drop_null()
            compared, agreed = compared + len(equal), agreed + (pc.sum(equal).as_py() or 0)
        table = table.filter(pc.is_valid(table["probability"]))
        models.update(count_values(table["model"]))
        counts.update(count_values(table["domain"]))
        bins += np.histogram(table["probability"].to_numpy(), edges)[0]
        sureness = pc.abs(pc.subtract(table["probability"], 0.5))
        for name, found in best.items():
            order, chosen = sureness, table
            if name != "unsure":
                chosen = table.filter(pc.equal(table["domain"], name))
                order = pc.negate(sureness.filter(pc.equal(table["domain"], name)))
            ranked = smallest(chosen.append_column("order", order), _EXAMPLES, "order", "id")
            found += [(row["order"], row["id"], row["probability"]) for row in ranked]
        best = {name: sorted(rows)[:_EXAMPLES] for name, rows in best.items()}
    return {
        "missing": missing(workspace, "domain"),
        "counts": {"real": counts["real"], "cartoon": counts["cartoon"]},
        "models": sorted(models),
        "plot": draw_shares(edges, bins, "probability of real") if bins.sum() else None,
        "compared": compared,
        "agreed": agreed,
        "examples": {
            name: [Card(key, (f"real {probability:.2f}",)) for _, key, probability in rows]
            for name, rows in best.items()
        },
    }


def captions(workspace: Workspace) -> dict[str, Any]:
    """Who wrote captions, flags and errors, and a sample with all its texts."""
    written: Counter[tuple[Any, ...]] = Counter()
    doubted: Counter[tuple[Any, ...]] = Counter()
    failed: Counter[tuple[Any, ...]] = Counter()
    flags: Counter[str] = Counter()
    errors = 0
    sample: SmallestKeys[list[dict[str, Any]]] = SmallestKeys(_CAPTIONS)
    keys = ["captioner", "model", "revision", "prompt", "field", "language"]
    columns = ["id", *keys, "text", "flags", "error"]
    for parts in workspace.blocks:
        table = workspace.read("captions", parts, columns)
        flagged = pc.fill_null(pc.greater(pc.list_value_length(table["flags"]), 0), False)
        errors += len(table) - table["error"].null_count
        for kinds, some in (
            (written, table),
            (doubted, table.filter(flagged)),
            (failed, table.filter(pc.is_valid(table["error"]))),
        ):
            kinds.update(count_together([some[name] for name in keys]))
        flags.update(count_values(pc.list_flatten(table["flags"])))
        first = pc.array_sort_indices(table["id"].unique())
        first = table["id"].unique().take(first[:_CAPTIONS])
        chosen: dict[str, list[dict[str, Any]]] = {key: [] for key in first.to_pylist()}
        for row in table.filter(pc.is_in(table["id"], first)).to_pylist():
            if row["text"]:
                chosen[row["id"]].append({**row, "text": one_line(row["text"], 300)})
        for key, texts in chosen.items():
            sample.add(key, texts)
    return {
        "missing": missing(workspace, "captions"),
        "written": [
            dict(zip(keys, key, strict=True), rows=n, flagged=doubted[key], failed=failed[key])
            for key, n in sorted(written.items(), key=lambda item: str(item[0]))
        ],
        "flags": sorted(flags.items()),
        "errors": errors,
        "sample": [(Card(key), texts) for key, texts in sample.ranked()],
    }


def labels(workspace: Workspace) -> dict[str, Any]:
    """Statuses, how often votes for each tag agree, and stickers left for adjudication."""
    statuses: Counter[str] = Counter()
    given: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    simulated = 0
    disputed: SmallestKeys[Card] = SmallestKeys(_DISPUTED)
    wanted = {"labels": ["status", "tags", "counts", "unknown_tags", "simulated"]}
    for tables in read_blocks(workspace, wanted):
        if "labels" not in tables:
            continue
        statuses.update(count_values(tables["labels"]["status"]))
        table = tables["labels"].filter(pc.not_equal(tables["labels"]["status"], "unlabelled"))
        given.update(count_values(pc.struct_field(pc.list_flatten(table["counts"]), "tag")))
        agreed.update(count_values(pc.list_flatten(table["tags"])))
        unknown.update(count_values(pc.list_flatten(table["unknown_tags"])))
        simulated += pc.sum(table["simulated"]).as_py() or 0
        for row in smallest(table.filter(pc.equal(table["status"], "adjudicate")), _DISPUTED):
            disputed.add(row["id"], _disputed(row))
    agreement = workspace.read("agreement").to_pylist()
    whole = {row["measure"]: row for row in agreement}
    alphas = {row["tag"]: row["alpha"] for row in agreement if row["measure"] == "tag"}
    ranked = sorted(given, key=lambda tag: (-given[tag], tag))
    pairs = [row for row in agreement if row["measure"] == "pair"]
    return {
        "missing": missing(workspace, "labels"),
        "statuses": {name: statuses[name] for name in _STATUSES},
        "simulated": simulated,
        "tags": [
            {"tag": one_line(t, 40), "given": given[t], "agreed": agreed[t], "alpha": alphas.get(t)}
            for t in ranked[:_TAGS]
        ],
        "more_tags": max(0, len(ranked) - _TAGS),
        "unknown": [(one_line(tag, 40), n) for tag, n in sorted(unknown.items())[:_TAGS]],
        "agreement": whole.get("tag_sets"),
        "domain_alpha": whole["domain"]["alpha"] if "domain" in whole else None,
        "pairs": [
            {**pair, "names": [one_line(n, 24) for n in pair["annotators"]]} for pair in pairs
        ][:_PAIRS],
        "more_pairs": max(0, len(pairs) - _PAIRS),
        "disputed": [card for _, card in disputed.ranked()],
    }


def _disputed(row: dict[str, Any]) -> Card:
    given = (f"{one_line(entry['tag'], 20)} {entry['votes']}" for entry in row["counts"] or ())
    return Card(row["id"], (", ".join(given) or "no tag given",))


_STATUSES = ("effective", "adjudicate", "insufficient", "rejected", "unlabelled", "dropped")
