"""Train the default classifier: `python -m annotation.machine.train_domain --manifest ... `.

manifest.py says what a manifest and its corrections look like. Packs share artists and subjects,
so every figure is leave-one-pack-out, and the penalty is chosen inside the packs that are left:
no figure has seen its own pack, not even through that choice.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from annotation.machine.domain_model import FORMAT, SHIPPED
from annotation.machine.features import FEATURES, sticker_statistics
from annotation.machine.manifest import key_frames, read_manifest
from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import plain

PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Labelled:
    """Statistics (stickers x features), whether each is real, its pack and its name."""

    statistics: Floats
    real: NDArray[np.bool_]
    packs: NDArray[np.str_]
    names: NDArray[np.str_]

    def take(self, chosen: NDArray[np.bool_]) -> Labelled:
        """The chosen stickers."""
        return Labelled(
            self.statistics[chosen], self.real[chosen], self.packs[chosen], self.names[chosen]
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, evaluate leave-one-pack-out and write the model file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=SHIPPED)
    parser.add_argument(
        "--relabel",
        action="append",
        default=[],
        metavar="PACK=DOMAIN",
        help="a pack whose domain in the manifest is wrong; recorded in the model file",
    )
    parser.add_argument(
        "--corrections", type=Path, help="JSON lines of stickers whose domain is wrong there"
    )
    options = parser.parse_args(arguments)
    try:
        relabel = dict(_pair(item) for item in options.relabel)
        model = train(options.manifest, relabel, options.corrections)
    except StickerworksError as error:
        print(plain(str(error)), file=sys.stderr)
        return 1
    with atomic_file(options.output) as temporary:
        text = json.dumps(model, indent=2, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    print(json.dumps(model["held_out"], indent=2))
    return 0


def train(
    manifest: Path, relabel: dict[str, str], corrections: Path | None = None
) -> dict[str, Any]:
    """The model file's content, held-out figures and provenance included."""
    given, data = read_labelled(manifest, relabel, corrections)
    for labels in (given, data):
        _check_packs(labels)
    penalty = choose_penalty(data)
    scaler, regression = fit(data, penalty)
    held_out = {"labels used": evaluate(data)}
    if relabel or corrections:
        held_out["manifest's own labels"] = evaluate(given)
    return {
        "format": FORMAT,
        "name": "domain-logistic",
        "version": "2",
        "classes": "probability of real; cartoon otherwise; classes weighted equally",
        "held_out": held_out,
        "training": _provenance(manifest, data, relabel, penalty)
        | _corrected(given, data, corrections),
        "intercept": _short(regression.intercept_[0]),
        "terms": [
            {
                "statistic": name,
                "mean": _short(mean),
                "scale": _short(scale),
                "coefficient": _short(weight),
            }
            for name, mean, scale, weight in zip(
                FEATURES, scaler.mean_, scaler.scale_, regression.coef_[0], strict=True
            )
        ],
    }


def read_labelled(
    manifest: Path, relabel: dict[str, str], corrections: Path | None = None
) -> tuple[Labelled, Labelled]:
    """Measure every labelled sticker of a manifest: with its own labels, and corrected.

    ``relabel`` gives whole packs another domain, and prevails.
    """
    entries = read_manifest(manifest, corrections)
    unknown = sorted(set(relabel) - {str(entry.pack) for entry in entries})
    if unknown:
        raise StickerworksError(
            f"No pack in {manifest} is called {unknown[0]!r}.", "Check --relabel."
        )
    files = [(entry, entry.path) for entry in entries if entry.path is not None]
    if len({entry.found for entry, _ in files}) < 2:
        raise StickerworksError(
            f"The manifest {manifest} lacks real or cartoon stickers.",
            'Each line needs "path", "pack" and "domain".',
        )
    statistics = np.array([sticker_statistics(key_frames(path)) for _, path in files])
    packs = np.array([entry.pack or entry.id for entry, _ in files])
    names = np.array([entry.name for entry, _ in files])
    found = np.array([entry.found == "real" for entry, _ in files])
    corrected = [relabel.get(str(entry.pack), entry.domain) == "real" for entry, _ in files]
    return (
        Labelled(statistics, found, packs, names),
        Labelled(statistics, np.array(corrected), packs, names),
    )


def fit(data: Labelled, penalty: float) -> tuple[StandardScaler, LogisticRegression]:
    """Standardise and fit with equal weight for both classes, whatever their shares."""
    scaler = StandardScaler().fit(data.statistics)
    regression = LogisticRegression(C=penalty, class_weight="balanced", max_iter=5000)
    return scaler, regression.fit(scaler.transform(data.statistics), data.real)


def held_out_scores(data: Labelled, penalty: float | None = None) -> Floats:
    """Log-odds of every sticker from a model that has not seen its pack.

    Without ``penalty`` each model chooses its own from the packs that it may see.
    """
    scores = np.zeros(len(data.real))
    # Tables this small: threads would wait for each other for longer than they compute.
    with threadpool_limits(limits=1, user_api="blas"):
        for pack in np.unique(data.packs):
            out = data.packs == pack
            rest = data.take(~out)
            scaler, regression = fit(rest, choose_penalty(rest) if penalty is None else penalty)
            scores[out] = regression.decision_function(scaler.transform(data.statistics[out]))
    return scores


def choose_penalty(data: Labelled) -> float:
    """The C with the best leave-one-pack-out AUC."""
    quality = [roc_auc_score(data.real, held_out_scores(data, c)) for c in PENALTIES]
    return PENALTIES[int(np.argmax(quality))]


def evaluate(data: Labelled) -> dict[str, Any]:
    """Leave-one-pack-out figures, pooled over packs, with the worst packs named."""
    return figures(data, held_out_scores(data))


def figures(data: Labelled, scores: Floats) -> dict[str, Any]:
    """The figures of held-out log-odds."""
    right = (scores > 0) == data.real
    packs = {pack: float(right[data.packs == pack].mean()) for pack in np.unique(data.packs)}
    worst = sorted(packs.items(), key=lambda item: (item[1], item[0]))[:5]
    return {
        "protocol": "leave one pack out, penalty chosen inside; scores pooled over packs",
        "balanced_accuracy": round(float(balanced_accuracy_score(data.real, scores > 0)), 3),
        "auc": round(float(roc_auc_score(data.real, scores)), 3),
        "accuracy": round(float(right.mean()), 3),
        "confusion": {
            name: {"real": int((scores[of] > 0).sum()), "cartoon": int((scores[of] <= 0).sum())}
            for name, of in (("real", data.real), ("cartoon", ~data.real))
        },
        "worst_packs": {str(pack): round(share, 2) for pack, share in worst},
    }


def _provenance(
    manifest: Path, data: Labelled, relabel: dict[str, str], penalty: float
) -> dict[str, Any]:
    packs = Counter(
        "real" if data.real[data.packs == pack].mean() > 0.5 else "cartoon"
        for pack in np.unique(data.packs)
    )
    return {
        "manifest_sha256": hashlib.sha256(manifest.read_bytes()).hexdigest(),
        "stickers": {"real": int(data.real.sum()), "cartoon": int((~data.real).sum())},
        "packs": dict(sorted(packs.items())),
        "relabelled_packs": relabel,
        "penalty_c": penalty,
        "scikit_learn": sklearn.__version__,
        "note": "Trained by the stickerworks authors on statistics alone; no picture is kept.",
    }


def _corrected(given: Labelled, data: Labelled, corrections: Path | None) -> dict[str, Any]:
    return {
        "corrected_stickers": int((given.real != data.real).sum()),
        "corrections_sha256": None
        if corrections is None
        else hashlib.sha256(corrections.read_bytes()).hexdigest(),
    }


def _check_packs(data: Labelled) -> None:
    for name, chosen in (("real", data.real), ("cartoon", ~data.real)):
        packs = len(np.unique(data.packs[chosen]))
        # One is held out, another inside to choose the penalty, and one must be left to learn from.
        if packs < 3:
            raise StickerworksError(
                f"Only {packs} packs are {name}; leaving packs out needs 3 of each domain.",
                "Add packs to the manifest, or check --relabel.",
            )


def _pair(item: str) -> tuple[str, str]:
    pack, _, domain = item.rpartition("=")
    if not pack or domain not in ("real", "cartoon"):
        raise StickerworksError(f"--relabel {item} is not PACK=real or PACK=cartoon.")
    return pack, domain


def _short(value: float) -> float:
    return float(f"{value:.6g}")


if __name__ == "__main__":
    sys.exit(main())
