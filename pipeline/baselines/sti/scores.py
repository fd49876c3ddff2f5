"""What generated clips are worth: FVD, CLIP similarity and video quality (VSD2M, Table 4)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.baselines.sti.frechet import fit_gaussian, frechet_distance
from pipeline.baselines.sti.latents import to_signal
from pipeline.engine.compute import default_device
from pipeline.engine.errors import StickerworksError
from pipeline.engine.extras import need_extra
from pipeline.engine.images import CLIP_MEAN, CLIP_STD
from pipeline.engine.plugins import load_plugin
from pipeline.training.arrays import Floats, Images
from pipeline.training.clips import extend_clip
from pipeline.training.pretrained import load_pretrained

QualityScorer = Callable[[Sequence[Images]], Sequence[float]]
"""A value in the group ``stickerworks.video_quality``: clips (F, H, W, 3) to a score each."""

Figures = dict[str, float]

_I3D_FRAMES, _I3D_SIDE = 16, 224


def video_distance(real: Sequence[Images], drawn: Sequence[Images], i3d: str) -> Figures:
    """FVD: the Frechet distance of what a TorchScript I3D sees in real and generated clips.

    Clips shorter than 16 frames, which I3D can't read, are turned back at both ends first.
    Raises StickerworksError when there is no such network, or fewer than two clips of a kind.
    """
    if min(len(real), len(drawn)) < 2:
        raise StickerworksError("FVD needs two clips of each kind at least.", "Use a larger split.")
    network = _load_i3d(i3d)
    one, other = (fit_gaussian(_see_clips(network, clips)) for clips in (real, drawn))
    return {"FVD": frechet_distance(one, other)}


def text_similarity(clips: Sequence[Images], captions: Sequence[str], name: str) -> Figures:
    """Mean cosine of a clip's frames with its caption, and how often no other caption is nearer.

    All captions of the test set are candidates (VSD2M, section "Experimental Setups"), equal ones
    once. ``name`` is a CLIP's or Chinese-CLIP's hub name or folder. Raises StickerworksError when
    it can't be had.
    """
    model, tokenizer = _load_clip(name)
    candidates = sorted(set(captions))
    texts = _embed_texts(model, tokenizer, candidates)
    seen = torch.stack([_embed_clip(model, clip) @ texts.T for clip in clips])
    own = torch.tensor([candidates.index(caption) for caption in captions])
    similar = seen.gather(1, own[:, None])[:, 0]
    return {
        "CLIP": float(similar.mean()),
        "CLIP R@1": float((seen.amax(1) == similar).float().mean()),
    }


def video_quality(clips: Sequence[Images], name: str) -> Figures:
    """Mean score of a scorer: a plugin's name, or ``module:function``.

    Raises StickerworksError when there is none of that name, or it doesn't give a finite score
    for each clip.
    """
    scores = np.asarray(_load_scorer(name)(clips), float)
    if scores.shape != (len(clips),) or not np.isfinite(scores).all():
        raise StickerworksError(
            f"The quality scorer {name!r} gave figures of shape {scores.shape} for {len(clips)} "
            "clips, or some that are not finite.",
            "A scorer maps clips to one figure each; mend it or name another.",
        )
    return {"VQA": float(scores.mean())}


def _load_i3d(path: str) -> Any:
    if not Path(path).is_file():
        raise StickerworksError(f"There is no I3D at {path}.", "Name the TorchScript file.")
    try:
        network = torch.jit.load(path, map_location=default_device())  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise StickerworksError(
            f"{path} can't be read as TorchScript: {reason}.", "Name an I3D as TorchScript."
        ) from error
    return network.eval()


def _see_clips(network: Any, clips: Sequence[Images]) -> Floats:
    # The converted I3D that FVD is measured with gives features, not classes, when asked to, and
    # would resize once more; a network that takes clips alone is simply called.
    known = {argument.name for argument in network.forward.schema.arguments}
    wanted = {"rescale": False, "resize": False, "return_features": True}
    options = {name: value for name, value in wanted.items() if name in known}
    features = []
    for clip in clips:
        frames = to_signal(extend_clip(clip, _I3D_FRAMES))
        scaled = _resize(frames, _I3D_SIDE).transpose(0, 1)[None].to(default_device())
        with torch.inference_mode():
            features.append(network(scaled, **options).flatten().double().cpu().numpy())
    return np.stack(features)


def _load_clip(name: str) -> tuple[Any, Any]:
    auto = need_extra("transformers", "baselines", "CLIP similarity")
    model = load_pretrained(auto.AutoModel.from_pretrained, name).eval().to(default_device())
    if not hasattr(model, "get_image_features"):
        raise StickerworksError(
            f"{name} is no CLIP, but a {type(model).__name__}.", "Name a CLIP or a Chinese-CLIP."
        )
    return model, load_pretrained(auto.AutoTokenizer.from_pretrained, name)


def _embed_texts(model: Any, tokenizer: Any, texts: Sequence[str]) -> Tensor:
    most = model.config.text_config.max_position_embeddings
    parts = []
    for chunk in _chunks(texts, 64):
        tokens = tokenizer(
            list(chunk), padding=True, truncation=True, max_length=most, return_tensors="pt"
        ).to(default_device())
        with torch.inference_mode():
            parts.append(_unit(model.get_text_features(**tokens)))
    return torch.cat(parts)


def _embed_clip(model: Any, clip: Images) -> Tensor:
    """Mean of the frames' unit embeddings, so that its product is the mean of their cosines."""
    side = model.config.vision_config.image_size
    mean, std = (torch.tensor(part)[:, None, None] for part in (CLIP_MEAN, CLIP_STD))
    pixels = ((_resize(to_signal(clip), side) + 1) / 2 - mean) / std
    with torch.inference_mode():
        return _unit(model.get_image_features(pixel_values=pixels.to(default_device()))).mean(0)


def _unit(found: Any) -> Tensor:
    # Newer versions of transformers wrap the embedding.
    embedding = found if isinstance(found, Tensor) else found.pooler_output
    return functional.normalize(embedding.float(), dim=-1).cpu()


def _resize(frames: Tensor, side: int) -> Tensor:
    return functional.interpolate(
        frames, (side, side), mode="bilinear", align_corners=False, antialias=True
    )


def _load_scorer(name: str) -> QualityScorer:
    if ":" not in name:
        return cast("QualityScorer", load_plugin("video_quality", name, object))
    module, _, function = name.partition(":")
    try:
        return cast("QualityScorer", getattr(importlib.import_module(module), function))
    except (ImportError, AttributeError) as error:
        raise StickerworksError(
            f"The quality scorer {name!r} can't be loaded: {error}.",
            "Give it as module:function, importable from here, or by a plugin's name.",
        ) from error


def _chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))
