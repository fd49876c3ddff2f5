"""Machine annotation and votes: domain, captions, labels, agreement."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow.compute as pc

from pipeline.engine.page.cards import Card
from pipeline.engine.page.missing_tables import missing
from pipeline.engine.text import one_line
from pipeline.engine.workspace import Workspace
from pipeline.report.plots import draw_shares
from pipeline.report.reading import SmallestKeys, read_shards

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
    for _, tables in read_shards(workspace, wanted):
        if "domain" not in tables:
            continue
        table = tables["domain"]
        if "labels" in tables:
            equal = pc.equal(table["domain"], tables["labels"]["domain"]).drop_null()
            compared, agreed = compared + len(equal), agreed + (pc.sum(equal).as_py() or 0)
        table = table.filter(pc.is_valid(table["probability"]))
        models.update(table["model"].drop_null().to_pylist())
        bins += np.histogram(table["probability"].to_numpy(), edges)[0]
        for row in table.select(["id", "domain", "probability"]).to_pylist():
            counts[row["domain"]] += 1
            sureness = abs(row["probability"] - 0.5)
            best[row["domain"]].append((-sureness, row["id"], row["probability"]))
            best["unsure"].append((sureness, row["id"], row["probability"]))
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
    for part in workspace.parts:
        table = workspace.read("captions", part, columns)
        for row in table.select([*keys, "flags", "error"]).to_pylist():
            kind = tuple(row[name] for name in keys)
            written[kind] += 1
            doubted[kind] += bool(row["flags"])
            failed[kind] += row["error"] is not None
        flags.update(pc.list_flatten(table["flags"]).to_pylist())
        errors += len(table) - table["error"].null_count
        first = sorted(set(table["id"].to_pylist()))[:_CAPTIONS]
        chosen: dict[str, list[dict[str, Any]]] = {key: [] for key in first}
        for row in table.to_pylist():
            if row["id"] in chosen and row["text"]:
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
    for _, tables in read_shards(workspace, wanted):
        if "labels" not in tables:
            continue
        table = tables["labels"]
        for row in table.filter(pc.not_equal(table["status"], "unlabelled")).to_pylist():
            given.update(entry["tag"] for entry in row["counts"] or ())
            agreed.update(row["tags"] or ())
            unknown.update(row["unknown_tags"] or ())
            simulated += bool(row["simulated"])
            if row["status"] == "adjudicate":
                disputed.add(row["id"], _disputed(row))
        statuses.update(table["status"].drop_null().to_pylist())
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
