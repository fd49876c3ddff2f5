"""Train the domain classifier: `python -m annotation.machine.train_domain --manifest ... `.

The manifest is JSON lines with ``path`` (below the manifest's folder), ``pack`` and ``domain``
(real or cartoon; others are left out). Packs share artists and subjects, so every figure is
leave-one-pack-out, and the penalty is chosen inside the packs that are left: no figure has seen
its own pack, not even through that choice.
"""

from __future__ import annotations

import argparse
import hashlib
import io
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
from PIL import Image, ImageSequence
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

from annotation.machine.domain_model import FORMAT, SHIPPED
from annotation.machine.features import FEATURES, sticker_statistics
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import atomic_file

PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
KEY_FRAME_SIDE, JPEG_QUALITY, KEY_FRAMES = 512, 90, 3

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Labelled:
    """Statistics (stickers x features), whether each is real, and its pack."""

    statistics: Floats
    real: NDArray[np.bool_]
    packs: NDArray[np.str_]


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
    options = parser.parse_args(arguments)
    try:
        model = train(options.manifest, dict(_pair(item) for item in options.relabel))
    except StickerworksError as error:
        print(error, file=sys.stderr)
        return 1
    with atomic_file(options.output) as temporary:
        text = json.dumps(model, indent=2, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    print(json.dumps(model["held_out"], indent=2))
    return 0


def train(manifest: Path, relabel: dict[str, str]) -> dict[str, Any]:
    """The model file's content, held-out figures and provenance included."""
    given = read_labelled(manifest)
    unknown = sorted(set(relabel) - set(given.packs.tolist()))
    if unknown:
        raise StickerworksError(
            f"No pack in {manifest} is called {unknown[0]!r}.", "Check --relabel."
        )
    domains = [relabel.get(pack) for pack in given.packs.tolist()]
    real = [
        was if new is None else new == "real"
        for was, new in zip(given.real.tolist(), domains, strict=True)
    ]
    data = Labelled(given.statistics, np.array(real), given.packs)
    for labels in (given, data):
        _check_packs(labels)
    penalty = choose_penalty(data)
    scaler, regression = fit(data, penalty)
    held_out = {"labels used": evaluate(data)}
    if relabel:
        held_out["manifest's own labels"] = evaluate(given)
    return {
        "format": FORMAT,
        "name": "domain-logistic",
        "version": "1",
        "classes": "probability of real; cartoon otherwise; classes weighted equally",
        "held_out": held_out,
        "training": _provenance(manifest, data, relabel, penalty),
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


def read_labelled(manifest: Path) -> Labelled:
    """Measure every sticker of a manifest that is labelled real or cartoon."""
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise StickerworksError(f"The manifest {manifest} can't be read: {error}.") from error
    rows = [row for row in rows if row.get("domain") in ("real", "cartoon")]
    if len({row["domain"] for row in rows}) < 2:
        raise StickerworksError(
            f"The manifest {manifest} lacks real or cartoon stickers.",
            'Each line needs "path", "pack" and "domain".',
        )
    statistics = [
        sticker_statistics(list(key_frames(manifest.parent / row["path"]))) for row in rows
    ]
    return Labelled(
        np.array(statistics),
        np.array([row["domain"] == "real" for row in rows]),
        np.array([row["pack"] for row in rows]),
    )


def key_frames(path: Path) -> list[bytes]:
    """At most three frames spread over the sticker, as the JPEG that the filter stores.

    The filter picks its key frames by farthest-point sampling; for whole-picture statistics
    evenly spread ones stand for them.
    """
    pictures = []
    with Image.open(path) as image:
        try:
            for frame in ImageSequence.Iterator(image):
                pictures.append(frame.convert("RGBA"))
        except (OSError, SyntaxError):
            if not pictures:
                raise
    chosen = sorted({index * len(pictures) // KEY_FRAMES for index in range(KEY_FRAMES)})
    return [_jpeg(pictures[index]) for index in chosen]


def _jpeg(picture: Image.Image) -> bytes:
    flat = Image.new("RGBA", picture.size, "white")
    flat.alpha_composite(picture)
    flat.thumbnail((KEY_FRAME_SIDE, KEY_FRAME_SIDE))
    target = io.BytesIO()
    flat.convert("RGB").save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()


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
    for pack in np.unique(data.packs):
        out = data.packs == pack
        rest = Labelled(data.statistics[~out], data.real[~out], data.packs[~out])
        scaler, regression = fit(rest, choose_penalty(rest) if penalty is None else penalty)
        scores[out] = regression.decision_function(scaler.transform(data.statistics[out]))
    return scores


def choose_penalty(data: Labelled) -> float:
    """The C with the best leave-one-pack-out AUC."""
    quality = [roc_auc_score(data.real, held_out_scores(data, c)) for c in PENALTIES]
    return PENALTIES[int(np.argmax(quality))]


def evaluate(data: Labelled) -> dict[str, Any]:
    """Leave-one-pack-out figures, pooled over packs, with the worst packs named."""
    scores = held_out_scores(data)
    right = (scores > 0) == data.real
    packs = {pack: float(right[data.packs == pack].mean()) for pack in np.unique(data.packs)}
    worst = sorted(packs.items(), key=lambda item: (item[1], item[0]))[:5]
    return {
        "protocol": "leave one pack out, penalty chosen inside; scores pooled over packs",
        "balanced_accuracy": round(float(balanced_accuracy_score(data.real, scores > 0)), 3),
        "auc": round(float(roc_auc_score(data.real, scores)), 3),
        "accuracy": round(float(right.mean()), 3),
        "worst_packs": {str(pack): round(share, 2) for pack, share in worst},
    }


def _provenance(
    manifest: Path, data: Labelled, relabel: dict[str, str], penalty: float
) -> dict[str, Any]:
    packs = Counter(
        "real" if data.real[data.packs == pack][0] else "cartoon" for pack in np.unique(data.packs)
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
