"""Real or cartoon on stickers of packs never learnt from: the default classifier and EfficientNet.

    python benchmarks/domain.py [MANIFEST] [--efficientnet [PRESET]] [--folds N]

MANIFEST is JSON lines as annotation/machine/manifest.py reads them (default
../shared/real-stickers/manifest.jsonl), corrected by annotation/machine/domain_corrections.jsonl.
The default classifier is trained leaving one pack out, with the labels as found and corrected.
With --efficientnet that preset (default lite) and the default classifier's statistics are trained
on the same --folds groups of packs: minutes on a core, a quarter of an hour for tuned.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import threadpoolctl  # type: ignore[import-untyped]

from annotation.machine import train_domain
from annotation.machine.domain_model import SHIPPED
from annotation.machine.efficientnet.held_out import figures, kept, mistakes
from annotation.machine.efficientnet.model import choose_preset
from annotation.machine.efficientnet.samples import read_labels
from annotation.machine.efficientnet.train import hold_out_both, network_scorer
from annotation.machine.train_domain import Labelled
from pipeline.engine.workspace import Workspace

CORRECTIONS = SHIPPED.with_name("domain_corrections.jsonl")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    manifest = Path("../shared/real-stickers/manifest.jsonl")
    parser.add_argument("manifest", nargs="?", type=Path, default=manifest)
    parser.add_argument("--efficientnet", nargs="?", const="lite")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--resume", type=Path, help="folder that keeps each fold's results")
    options = parser.parse_args()
    with threadpoolctl.threadpool_limits(limits=1):
        made = _default(options.manifest)
        if options.efficientnet:
            made |= _efficientnet(options)
    print(json.dumps({"benchmark": "domain", "figures": made}, ensure_ascii=False))


def _default(manifest: Path) -> dict[str, Any]:
    """Figures of the default classifier, one pack left out at a time."""
    found, corrected = train_domain.read_labelled(manifest, {}, CORRECTIONS)
    made: dict[str, Any] = {
        "stickers": len(corrected.real),
        "packs": len(set(corrected.packs.tolist())),
        "corrected_labels": int((found.real != corrected.real).sum()),
    }
    for prefix, data in (("as_found_", found), ("", corrected)):
        scores = train_domain.held_out_scores(data)
        told = train_domain.figures(data, scores)
        made[f"{prefix}domain_balanced_accuracy"] = told["balanced_accuracy"]
        made[f"{prefix}domain_auc"] = told["auc"]
        made[f"{prefix}domain_confusion"] = told["confusion"]
    print("wrong with corrected labels, one pack left out:")
    for line in _wrong(corrected, scores):
        print(line)
    return made


def _wrong(data: Labelled, scores: train_domain.Floats) -> Iterator[str]:
    for pack in sorted(set(data.packs.tolist())):
        of = data.packs == pack
        wrong = data.names[of & ((scores > 0) != data.real)]
        if len(wrong):
            names = ", ".join(sorted(Path(name).name for name in wrong.tolist()))
            yield f"  {pack}: {len(wrong)} of {int(of.sum())}: {names}"


def _efficientnet(options: argparse.Namespace) -> dict[str, Any]:
    """Figures of a preset and of the statistics alone, on the same folds."""
    preset = choose_preset(options.efficientnet, None, options.epochs)
    labels = read_labels(options.manifest, Workspace(Path("nowhere")), CORRECTIONS)
    scorer = network_scorer(preset, 0, lambda line: print(line, file=sys.stderr), {})
    if options.resume:
        scorer = kept(scorer, options.resume, f"{preset.name}-{preset.epochs}-{options.folds}")
    start = time.perf_counter()
    held, plain = hold_out_both(labels.samples, options.folds, scorer)
    took = time.perf_counter() - start
    print(f"wrong by {preset.name} with corrected labels, {options.folds} folds:")
    for row in mistakes(held):
        print(f"  {row['name']} ({row['domain']}, {row['probability']:.2f})")
    wanted = (
        "balanced_accuracy",
        "auc",
        "uncalibrated_balanced_accuracy",
        "accuracy",
        "confusion",
        "calibration_error_before",
        "calibration_error",
        "worst_groups",
    )
    made: dict[str, Any] = {"folds": options.folds, "seconds": round(took)}
    for name, of in (("efficientnet", figures(held)), ("statistics_same_folds", figures(plain))):
        made[name] = {figure: of[figure] for figure in wanted}
    return {preset.name: made}


if __name__ == "__main__":
    main()
