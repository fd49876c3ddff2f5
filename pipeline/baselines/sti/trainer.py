"""STI as a baseline: learning to animate captions, judging that, and doing it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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
from pipeline.training.arrays import Floats, Images
from pipeline.training.contract import Evaluation, Judged, Run
from pipeline.training.examples import Dataset, Examples
from pipeline.training.loading import Batch
from pipeline.training.loop import Schedule, Training


class Sti:
    """A learner of animations; it scores no tags."""

    name = "sti"
    doc = (
        "Animated stickers from captions: a video diffusion UNet with spatial temporal "
        "interaction layers (VSD2M), or the temporal convolutions and attentions of VideoLDM."
    )
    presets = PRESETS

    def read(self, dataset: Dataset, split: str, settings: StiConfig) -> Examples:
        """Animated rows of a split, with or without tags."""
        return read_clips(dataset, split, settings)

    def lacks(self, examples: Examples, settings: StiConfig, rows: int) -> str | None:
        """Why there are too few animations, if so."""
        if len(examples) >= rows:
            return None
        return f"{examples.name} has {len(examples)} animations of {examples.use.in_split} rows"

    def build(self, settings: StiConfig, tags: int, pretrained: bool) -> VideoDenoiser:
        return VideoDenoiser(settings, pretrained)

    def fit(self, train: Examples, settings: StiConfig, run: Run) -> VideoDenoiser:
        """Learn to take noise from the rows' clips."""
        sampler, validation = _open_sampler(settings), run.validation
        diffusion = sampler.diffusion
        rows, judged = (open_rows(part, sampler.codec, settings) for part in (train, validation))
        model = self.build(settings, 0, True)
        trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
        everything = sum(weight.numel() for weight in model.parameters())
        run.note(
            f"{everything / 1e6:.1f} million weights, {trained / 1e6:.1f} million of them trained"
        )

        def loss(net: nn.Module, batch: Batch) -> Tensor:
            latents, text, noise, timesteps = batch
            return diffusion.losses(net, latents, text, Noised(noise, timesteps)).mean()

        def evaluate(net: nn.Module) -> dict[str, float]:
            if not len(judged):
                return {}
            losses = row_losses(model, diffusion, judged, settings)
            return {"denoising_loss": float(losses.mean())}

        def draw(net: nn.Module, folder: Path, epoch: int) -> None:
            every = settings.sample_every
            if every and len(validation) and (epoch % every == 0 or epoch == settings.epochs):
                write_samples(model, sampler, validation, folder / f"epoch-{epoch:04d}.gif")

        run.train(
            Training(
                model=model,
                loss=loss,
                batch=lambda epoch, number: draw_batch(
                    rows, diffusion, settings, (run.seed, epoch, number)
                ),
                evaluate=evaluate,
                schedule=Schedule(
                    settings.epochs,
                    -(-len(rows) // settings.batch_size),
                    settings.learning_rate,
                    settings.weight_decay,
                    settings.warmup_steps,
                    accumulate=settings.accumulate,
                ),
                seed=run.seed,
                after_step=lambda net: model.follow(),
                draw=draw,
            )
        )
        return model

    def judge(self, model: VideoDenoiser, examples: Examples, settings: StiConfig) -> Judged:
        """The denoising of each row."""
        sampler = _open_sampler(settings)
        rows = open_rows(examples, sampler.codec, settings)
        losses = row_losses(model, sampler.diffusion, rows, settings)
        by_row = losses.mean(0)

        def resample(weights: Floats) -> Floats:
            figures: Floats = -(weights @ by_row) / weights.sum(1)
            return figures

        # Each row would have to be denoised under every other row's caption.
        return Judged("minus denoising loss", resample, permute=None, table=_by_noise(losses))

    def evaluate(self, model: VideoDenoiser, examples: Examples, settings: StiConfig) -> Evaluation:
        """Denoising loss, and what clips drawn from the rows' captions are worth (Table 4)."""
        sampler = _open_sampler(settings)
        rows = open_rows(examples, sampler.codec, settings)
        losses = row_losses(model, sampler.diffusion, rows, settings)
        table: Table = {}
        notes: list[str] = []
        if can_compare(settings):
            table, notes = _compare_drawn(model, sampler, examples)
        figures = {"denoising loss": float(losses.mean()), "rows": len(examples)}
        return Evaluation(table, figures, (*notes, *missing_figures(settings)))

    def generate(
        self, model: VideoDenoiser, captions: Sequence[str], settings: StiConfig, seed: int
    ) -> list[Images]:
        """Clips of captions, of the form ``[Domain]\\t[Description]`` as those it learnt."""
        return draw_clips(model, _open_sampler(settings), captions, seed)


def _compare_drawn(
    model: VideoDenoiser, sampler: ClipSampler, examples: Examples
) -> tuple[Table, list[str]]:
    shown = range(min(len(examples), sampler.config.evaluated_clips))
    captions = captions_of(examples)
    clips = Clips(
        real=[examples.frames[row] for row in shown],
        drawn=draw_clips(model, sampler, [captions[row] for row in shown], seed=0),
        descriptions=[describe(examples.texts[row]) for row in shown],
    )
    table, notes = compare_clips(clips, sampler.config)
    if len(shown) < len(examples):
        notes.append(f"the first {len(shown):,} of {len(examples):,} rows were drawn")
    return table, notes


def _by_noise(losses: Floats) -> dict[str, dict[str, float]]:
    """Mean loss of each share of the timesteps."""
    share = TIMESTEPS / len(losses)
    return {
        f"timesteps {n * share:.0f}-{(n + 1) * share - 1:.0f}": {"denoising loss": float(part)}
        for n, part in enumerate(losses.mean(1))
    }


def _open_sampler(settings: StiConfig) -> ClipSampler:
    return ClipSampler(settings, Diffusion(settings), open_codec(settings))


BASELINE = Sti()
