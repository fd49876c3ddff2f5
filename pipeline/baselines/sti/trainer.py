"""STI as a baseline: learning to animate captions, judging that, and doing it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from torch import Tensor, nn

from pipeline.baselines.sti.comparison import (
    Clips,
    Table,
    can_compare,
    compare_clips,
    missing_figures,
)
from pipeline.baselines.sti.config import StiConfig
from pipeline.baselines.sti.data import captions_of, describe, read_clips
from pipeline.baselines.sti.diffusion import TIMESTEPS, Diffusion, Noised
from pipeline.baselines.sti.latents import open_codec
from pipeline.baselines.sti.model import VideoDenoiser
from pipeline.baselines.sti.presets import PRESETS
from pipeline.baselines.sti.rows import draw_batch, open_rows, row_losses
from pipeline.baselines.sti.sampling import ClipSampler, draw_clips, write_samples
from pipeline.engine.compute import default_device
from pipeline.engine.errors import StickerworksError
from pipeline.training.arrays import Floats, Images
from pipeline.training.checkpoint import load_weights
from pipeline.training.contract import (
    Baseline,
    Evaluation,
    GateScore,
    Prepared,
    Trained,
    check_sizes,
)
from pipeline.training.examples import Dataset, Examples
from pipeline.training.loading import Batch
from pipeline.training.loop import Schedule, Training, train_model


def _prepare(dataset: Dataset, settings: StiConfig, seed: int) -> Prepared:
    """Read the animated rows of a data set and make the model that learns to draw them."""
    train, validation = (read_clips(dataset, split, settings) for split in ("train", "validation"))
    if not len(train):
        raise StickerworksError(
            f"{dataset.path} has no animated train row of {train.use.in_split}.",
            "STI learns from animations; choose another baseline or release.",
        )
    task = _make_training(train, validation, settings, seed)
    trained = sum(weight.numel() for weight in task.model.parameters() if weight.requires_grad)
    everything = sum(weight.numel() for weight in task.model.parameters())
    notes = (
        f"{len(train):,} train and {len(validation):,} validation animations",
        f"{everything / 1e6:.1f} million weights, {trained / 1e6:.1f} million of them trained",
        *train.notes,
        *validation.notes,
    )
    return Prepared(task, {"data": [train.digest, validation.digest]}, len(train), notes)


def _make_training(
    train: Examples, validation: Examples, settings: StiConfig, seed: int
) -> Training:
    diffusion, codec = Diffusion(settings), open_codec(settings)
    rows, judged = (open_rows(part, codec, settings) for part in (train, validation))

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        latents, text, noise, timesteps = batch
        return diffusion.losses(model, latents, text, Noised(noise, timesteps)).mean()

    def evaluate(model: nn.Module) -> dict[str, float]:
        if not len(judged):
            return {}
        losses = row_losses(cast("VideoDenoiser", model), diffusion, judged, settings)
        return {"denoising_loss": float(losses.mean())}

    def draw(model: nn.Module, folder: Path, epoch: int) -> None:
        every = settings.sample_every
        if every and len(validation) and (epoch % every == 0 or epoch == settings.epochs):
            studio = ClipSampler(settings, diffusion, codec)
            net = cast("VideoDenoiser", model)
            write_samples(net, studio, validation, folder / f"epoch-{epoch:04d}.gif")

    return Training(
        model=VideoDenoiser(settings, pretrained=True),
        loss=loss,
        batch=lambda epoch, number: draw_batch(rows, diffusion, settings, (seed, epoch, number)),
        evaluate=evaluate,
        schedule=Schedule(
            settings.epochs,
            -(-len(rows) // settings.batch_size),
            settings.learning_rate,
            settings.weight_decay,
            settings.warmup_steps,
            accumulate=settings.accumulate,
        ),
        seed=seed,
        after_step=lambda model: cast("VideoDenoiser", model).follow(),
        draw=draw,
    )


def _evaluate(run: Trained, dataset: Dataset, split: str) -> Evaluation:
    """Denoising loss of a split, and what clips drawn from its captions are worth (Table 4).

    Raises StickerworksError when the split has no animation.
    """
    settings: StiConfig = run.settings
    examples = read_clips(dataset, split, settings)
    if not len(examples):
        raise StickerworksError(
            f"The split {split!r} of {dataset.path} has no animation of {examples.use.in_split}.",
            "Name another one with --split: train, validation or test.",
        )
    model, studio = _load(run)
    rows = open_rows(examples, studio.codec, settings)
    losses = row_losses(model, studio.diffusion, rows, settings)
    table, notes = _compare_drawn(model, studio, examples) if can_compare(settings) else ({}, [])
    figures = {"denoising loss": float(losses.mean()), "rows": len(examples)}
    return Evaluation(table, figures, (*examples.notes, *notes, *missing_figures(settings)))


def _compare_drawn(
    model: VideoDenoiser, studio: ClipSampler, examples: Examples
) -> tuple[Table, list[str]]:
    shown = range(min(len(examples), studio.config.evaluated_clips))
    captions = captions_of(examples)
    clips = Clips(
        real=[examples.frames[row] for row in shown],
        drawn=draw_clips(model, studio, [captions[row] for row in shown], seed=0),
        descriptions=[describe(examples.texts[row]) for row in shown],
    )
    table, notes = compare_clips(clips, studio.config)
    if len(shown) < len(examples):
        notes.append(f"the first {len(shown):,} of {len(examples):,} rows were drawn")
    return table, notes


def _judge(dataset: Dataset, settings: StiConfig, seed: int) -> GateScore:
    """Train, and measure the denoising of each validation row after the last epoch."""
    train, validation = (read_clips(dataset, split, settings) for split in ("train", "validation"))
    uses = {"train": train.use, "validation": validation.use}
    check_sizes(uses)
    task = _make_training(train, validation, settings, seed)
    curve = train_model(task)
    rows = open_rows(validation, open_codec(settings), settings)
    model = cast("VideoDenoiser", task.model)
    losses = row_losses(model, Diffusion(settings), rows, settings)
    by_row = losses.mean(0)

    def resample(weights: Floats) -> Floats:
        figures: Floats = -(weights @ by_row) / weights.sum(1)
        return figures

    return GateScore(
        figure="minus denoising loss",
        resample=resample,
        # Each row would have to be denoised under every other row's caption.
        permute=None,
        rows=len(validation),
        curve=curve,
        table=_by_noise(losses),
        uses=uses,
        notes=(*train.notes, *validation.notes),
    )


def _by_noise(losses: Floats) -> dict[str, dict[str, float]]:
    """Mean loss of each share of the timesteps."""
    share = TIMESTEPS / len(losses)
    return {
        f"timesteps {n * share:.0f}-{(n + 1) * share - 1:.0f}": {"denoising loss": float(part)}
        for n, part in enumerate(losses.mean(1))
    }


def _generate(run: Trained, captions: Sequence[str], seed: int) -> list[Images]:
    """Clips drawn from captions, of the form ``[Domain]\\t[Description]`` as those it learnt."""
    model, studio = _load(run)
    return draw_clips(model, studio, captions, seed)


def _load(run: Trained) -> tuple[VideoDenoiser, ClipSampler]:
    settings: StiConfig = run.settings
    model = VideoDenoiser(settings, pretrained=False)
    load_weights(run.weights, model)
    studio = ClipSampler(settings, Diffusion(settings), open_codec(settings))
    return model.to(default_device()).eval(), studio


BASELINE = Baseline(
    name="sti",
    doc="Animated stickers from captions: a video diffusion UNet with spatial temporal interaction "
    "layers (VSD2M), or the temporal convolutions and attentions of VideoLDM.",
    presets=PRESETS,
    prepare=_prepare,
    evaluate=_evaluate,
    judge=_judge,
    generate=_generate,
)
