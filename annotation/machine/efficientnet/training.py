"""Training one network on labelled stickers, and asking it about others."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.machine.efficientnet.model import Preset, logits, make_model
from annotation.machine.efficientnet.probe import fit_probe, probe_features
from annotation.machine.efficientnet.samples import DomainSample
from annotation.machine.efficientnet.views import (
    Sizing,
    covering_crops,
    decode,
    normalise,
    training_crop,
)
from pipeline.engine.compute import default_device, reproducible

Say = Callable[[str], None]
Known = dict[str, NDArray[np.float64]]
"""By sticker, what a frozen body has computed of it."""

_SETTLING = 16


def fit(
    samples: Sequence[DomainSample], preset: Preset, seed: int, say: Say, known: Known | None = None
) -> Any:
    """Train a network; on a CPU the same samples, preset and seed give the same bits.

    Every batch holds both domains evenly, and within a domain every sticker equally often.
    ``known`` keeps what a frozen body has computed of stickers, for the next fold.
    """
    if preset.probe is not None:
        return _fit_probe(samples, preset, seed, say, {} if known is None else known)
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

    device = default_device()
    with reproducible(seed):
        model = make_model(preset)
        _standardise(model, samples)
        model = model.to(device)
        trained = _thaw(model, preset)
        optimizer = torch.optim.AdamW(trained, weight_decay=preset.weight_decay)
        random = np.random.default_rng(seed)
        steps = max(1, math.ceil(len(samples) / preset.batch))
        for epoch in range(preset.epochs):
            total = 0.0
            _train_mode(model, preset)
            for step in range(steps):
                share = (epoch * steps + step) / (preset.epochs * steps)
                for group in optimizer.param_groups:
                    group["lr"] = group["peak"] * _course(share)
                chosen = _draw(samples, preset.batch, random)
                pixels, statistics = _training_batch(chosen, preset.sizing, random)
                real = torch.tensor([float(sample.real) for sample in chosen], device=device)
                with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                    odds = logits(model, pixels.to(device), statistics.to(device))
                loss = cross_entropy(odds.float(), real)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_([w for g in trained for w in g["params"]], 5.0)
                optimizer.step()
                total += float(loss.detach())
            say(f"epoch {epoch + 1} of {preset.epochs}: loss {total / steps:.3f}")
        if preset.pretrained is None:
            _settle(model, samples, preset, random)
        return model.eval().to("cpu")


def _fit_probe(
    samples: Sequence[DomainSample], preset: Preset, seed: int, say: Say, known: Known
) -> Any:
    with reproducible(seed):
        model = make_model(preset).eval().to(default_device())
        for number, sample in enumerate(samples):
            if sample.id not in known:
                inputs = _inputs(model, sample.frames, sample.statistics, preset.sizing)
                known[sample.id] = _mean(probe_features, model, *inputs)
            if (number + 1) % 500 == 0:
                say(f"seen {number + 1} of {len(samples)} stickers")
        fit_probe(model, samples, np.stack([known[sample.id] for sample in samples]))
        return model.to("cpu")


def score(model: Any, samples: Sequence[DomainSample], sizing: Sizing) -> NDArray[np.float64]:
    """Log-odds of real of each sticker."""
    model = model.to(default_device()).eval()
    found = [log_odds(model, sample.frames, sample.statistics, sizing) for sample in samples]
    model.to("cpu")
    return np.array(found)


def log_odds(model: Any, jpegs: Sequence[bytes], statistics: Any, sizing: Sizing) -> float:
    """Log-odds of real of one sticker: the mean over the crops of all its key frames.

    A sticker is a batch of its own, so that its figures depend on nothing beside it. Raises
    OSError or ValueError when a frame can't be decoded.
    """
    return float(_mean(logits, model, *_inputs(model, jpegs, statistics, sizing)))


def _inputs(model: Any, jpegs: Sequence[bytes], statistics: Any, sizing: Sizing) -> tuple[Any, Any]:
    import torch

    device = next(model.parameters()).device
    crops = np.concatenate([covering_crops(decode(jpeg), sizing) for jpeg in jpegs])
    pixels = torch.from_numpy(normalise(crops, sizing)).to(device)
    row = torch.as_tensor(np.asarray(statistics), dtype=torch.float32, device=device)
    return pixels, row.expand(len(pixels), -1)


def _mean(ask: Callable[..., Any], model: Any, pixels: Any, statistics: Any) -> Any:
    import torch

    with torch.inference_mode():
        return ask(model, pixels, statistics).double().mean(0).cpu().numpy()


def _standardise(model: Any, samples: Sequence[DomainSample]) -> None:
    import torch

    if hasattr(model, "statistics"):
        values = np.stack([sample.statistics for sample in samples])
        scale = values.std(axis=0)
        model.statistics.mean.copy_(torch.from_numpy(values.mean(axis=0)))
        model.statistics.scale.copy_(torch.from_numpy(np.where(scale > 1e-9, scale, 1.0)))


def _thaw(model: Any, preset: Preset) -> list[dict[str, Any]]:
    """AdamW's parameter groups; heads that start anew learn faster than a pretrained body."""
    body, heads = [], []
    pretrained = preset.pretrained is not None
    for name, weight in model.named_parameters():
        part = name.split(".")
        early = "embeddings" in part or ("blocks" in part and int(part[3]) < preset.frozen)
        if pretrained and (early or ("squeeze_excite" in part and preset.pretrained == "lite0")):
            weight.requires_grad_(False)
        elif part[0] in ("classifier", "statistics"):
            heads.append(weight)
        else:
            body.append(weight)
    faster = 10 if pretrained else 1
    return [
        {"params": body, "lr": 0.0, "peak": preset.rate},
        {"params": heads, "lr": 0.0, "peak": preset.rate * faster},
    ]


def _train_mode(model: Any, preset: Preset) -> None:
    from torch import nn

    model.train()
    if preset.pretrained is not None:
        # A few hundred stickers say less of batch statistics than what they were pretrained on.
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def _settle(
    model: Any, samples: Sequence[DomainSample], preset: Preset, random: np.random.Generator
) -> None:
    """Take batch statistics anew from the trained weights.

    The running ones lag behind weights that still moved; after a short training the network
    would see other activations than it learnt with, and call everything one domain.
    """
    import torch
    from torch import nn

    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
        norm.train()
    device = next(model.parameters()).device
    with torch.no_grad():
        for _ in range(_SETTLING):
            chosen = _draw(samples, preset.batch, random)
            pixels, statistics = _training_batch(chosen, preset.sizing, random)
            logits(model, pixels.to(device), statistics.to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _course(share: float) -> float:
    """Of the peak rate: a linear rise over the first twentieth, then half a cosine."""
    rise = 0.05
    if share < rise:
        return (share + 0.002) / rise
    return 0.5 * (1 + math.cos(math.pi * (share - rise) / (1 - rise)))


def _draw(
    samples: Sequence[DomainSample], count: int, random: np.random.Generator
) -> list[DomainSample]:
    real = [number for number, sample in enumerate(samples) if sample.real]
    cartoon = [number for number, sample in enumerate(samples) if not sample.real]
    chosen = [*random.choice(real, count // 2), *random.choice(cartoon, count - count // 2)]
    return [samples[number] for number in chosen]


def _training_batch(
    chosen: Sequence[DomainSample], sizing: Sizing, random: np.random.Generator
) -> tuple[Any, Any]:
    import torch

    crops = []
    for sample in chosen:
        jpeg = sample.frames[int(random.integers(len(sample.frames)))]
        crops.append(training_crop(decode(jpeg), sizing, random))
    statistics = np.stack([sample.statistics for sample in chosen])
    return torch.from_numpy(normalise(crops, sizing)), torch.from_numpy(statistics).float()
