"""`stickerworks annotate domain --train`: from labels to a folder with a model and its figures."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.machine.efficientnet.calibration import fit_calibration
from annotation.machine.efficientnet.card import draw_confusion, write_card
from annotation.machine.efficientnet.folds import assign_folds, check_enough
from annotation.machine.efficientnet.held_out import (
    HeldOut,
    figures,
    hold_out,
    kept,
    mistakes,
    statistics_scorer,
)
from annotation.machine.efficientnet.model import Preset, choose_preset, transformers_model
from annotation.machine.efficientnet.samples import (
    DomainSample,
    LabelledSamples,
    collect_labels,
    read_labels,
)
from annotation.machine.efficientnet.saved import (
    check_target,
    describe,
    model_folder,
    read_description,
    save_model,
    write_json,
)
from annotation.machine.efficientnet.training import Known, Say, fit, score
from pipeline.engine.compute import default_device
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace


@dataclass(frozen=True)
class DomainTraining:
    """What to train on, and how; None is the default.

    ``labels`` is a manifest [the workspace's votes], ``output`` the model's folder
    [models/domain of the workspace], ``epochs`` and ``pretrained`` replace the preset's, and
    ``simulated`` lets votes count that no person gave.
    """

    labels: Path | None = None
    output: Path | None = None
    preset: str = "lite"
    epochs: int | None = None
    folds: int = 5
    seed: int = 0
    pretrained: str | None = None
    simulated: bool = False


@dataclass(frozen=True)
class TrainedDomainModel:
    """Where the model is, its held-out figures, those of the statistics alone, and its title."""

    path: Path
    held_out: dict[str, Any]
    statistics_alone: dict[str, Any]
    title: str

    @property
    def setting(self) -> str:
        """What makes `stickerworks annotate` use it."""
        return f"--set annotate.domain_model={self.path}"


def train_command_work(
    workspace: Workspace, request: DomainTraining, say: Say
) -> TrainedDomainModel:
    """Train, hold out, calibrate and write the model's folder, telling ``say`` how it goes.

    Killed and run again, it takes over the folds that were finished; the rest starts anew.
    """
    preset = choose_preset(request.preset, request.pretrained, request.epochs)
    _check(request)
    transformers_model()
    target = (request.output or workspace.root / "models" / "domain").absolute()
    check_target(target)
    labels = (
        collect_labels(workspace, request.simulated)
        if request.labels is None
        else read_labels(request.labels, workspace)
    )
    check_enough(labels)
    for reason, count in labels.left_out.items():
        say(f"left out: {count} stickers with {reason}")
    progress = target.with_name(f".{target.name}.folds")
    known: Known = {}
    scorer = network_scorer(preset, request.seed, say, known)
    scorer = kept(scorer, progress, _key(labels, preset, request))
    held, plain = hold_out_both(labels.samples, request.folds, scorer)
    say(f"training on all {len(labels.samples)} stickers")
    model = fit(labels.samples, preset, request.seed, say, known)
    report = {"held_out": figures(held), "statistics_alone": figures(plain)}
    _write(
        target, model, held, report, _training(labels, preset, request) | {"name": _name(preset)}
    )
    shutil.rmtree(progress, ignore_errors=True)
    title = read_description(target).title
    return TrainedDomainModel(target, report["held_out"], report["statistics_alone"], title)


def network_scorer(
    preset: Preset, seed: int, say: Say, known: Known
) -> Callable[..., NDArray[np.float64]]:
    """Trains a network for each fold; ``known`` is kept for the next."""

    def scorer(
        fold: int, learn: Sequence[DomainSample], ask: Sequence[DomainSample]
    ) -> NDArray[np.float64]:
        say(f"fold {fold + 1}: training on {len(learn)} stickers, holding out {len(ask)}")
        return score(fit(learn, preset, seed, say, known), ask, preset.sizing)

    return scorer


def hold_out_both(
    samples: Sequence[DomainSample], count: int, scorer: Callable[..., NDArray[np.float64]]
) -> tuple[HeldOut, HeldOut]:
    """Held-out results of a scorer and of the statistics alone, on the same folds."""
    real = [sample.real for sample in samples]
    folds = assign_folds([sample.group for sample in samples], real, count)
    for fold in np.unique(folds).tolist():
        if len({is_real for is_real, of in zip(real, folds, strict=True) if of != fold}) < 2:
            raise StickerworksError(
                "Too few packs: all stickers of one domain are held out together.",
                "Label stickers of other packs, or ask for more --folds.",
            )
    return hold_out(samples, folds, scorer), hold_out(samples, folds, statistics_scorer)


def _check(request: DomainTraining) -> None:
    for name, value, least in (("folds", request.folds, 2), ("epochs", request.epochs, 1)):
        if value is not None and value < least:
            raise StickerworksError(f"--{name} {value} is too few.", f"Use at least {least}.")


def _write(
    target: Path, model: Any, held: HeldOut, report: dict[str, Any], training: dict[str, Any]
) -> None:
    calibration = fit_calibration(held.log_odds, held.real)
    settings = training["settings"]
    description = {
        "name": training.pop("name"),
        **describe(training.pop("sizing"), calibration, settings["statistics"], settings["probe"]),
        "training": training,
    }
    with model_folder(target) as folder:
        save_model(folder, model, description)
        write_json(folder / "report.json", report)
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in mistakes(held))
        (folder / "mistakes.jsonl").write_text("".join(lines), encoding="utf-8")
        draw_confusion(folder / "confusion.png", report["held_out"])
        write_card(folder / "README.md", description, report)


def _name(preset: Preset) -> str:
    return f"domain-efficientnet-{preset.name}/1"


def _training(labels: LabelledSamples, preset: Preset, request: DomainTraining) -> dict[str, Any]:
    real = sum(sample.real for sample in labels.samples)
    return {
        "sizing": preset.sizing,
        "preset": preset.name,
        "weights": f"from {preset.pretrained}" if preset.pretrained else "from scratch",
        "settings": {
            name: value for name, value in asdict(preset).items() if name not in ("sizing", "name")
        },
        "seed": request.seed,
        "device": default_device(),
        "source": labels.source,
        "labels_sha256": labels.digest,
        "stickers": {"real": real, "cartoon": len(labels.samples) - real},
        "groups": len({sample.group for sample in labels.samples}),
        "left_out": labels.left_out,
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in ("stickerworks", "torch", "transformers"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def _key(labels: LabelledSamples, preset: Preset, request: DomainTraining) -> str:
    """What the results of a fold depend on, as a name."""
    chance = (request.seed, request.folds)
    told = [labels.digest, asdict(preset), *chance, default_device(), _versions()]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
