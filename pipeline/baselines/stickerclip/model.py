"""StickerCLIP's network: Chinese CLIP, whose image embedding is a mean over frames."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.baselines.stickerclip.config import StickerClipConfig
from pipeline.engine.errors import StickerworksError
from pipeline.engine.extras import need_extra
from pipeline.engine.images import CLIP_MEAN, CLIP_STD
from pipeline.training.pretrained import load_pretrained

MAX_LOG_SCALE = math.log(100)


class StickerClip(nn.Module):
    """A ViT for frames and a BERT for texts, both projected to unit vectors of one space.

    ``pretrained`` loads ``config.weights``, when there are any; without it a run's own weights
    follow. Raises StickerworksError when the weights can't be had or have another shape.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: StickerClipConfig, pretrained: bool) -> None:
        super().__init__()
        self.config = config
        self.clip = _build(config)
        self.register_buffer("mean", torch.tensor(CLIP_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(CLIP_STD)[:, None, None], persistent=False)
        if pretrained and config.weights is not None:
            _load(self.clip, config.weights)

    def embed_images(self, frames: Tensor, counts: Tensor) -> Tensor:
        """Frames of all stickers (N, S, S, 3), uint8, ``counts`` (B,) of them each, to (B, D).

        The mean is taken before its length is made 1, as the released code does, so that a still
        weighs the same whether it counts once or three times.
        """
        pixels = (frames.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std
        features = self.clip.get_image_features(pixel_values=pixels).pooler_output.float()
        owners = torch.repeat_interleave(
            torch.arange(len(counts), device=counts.device), counts, output_size=len(frames)
        )
        # A product: sums by index come out differently each time on a GPU.
        shares = functional.one_hot(owners, len(counts)).T.to(features.dtype) / counts[:, None]
        with torch.autocast(features.device.type, enabled=False):
            return functional.normalize(shares @ features, dim=1)

    def embed_texts(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Tokens and mask, each (B, length), to (B, D): the state of the first token, projected."""
        features = self.clip.get_text_features(input_ids=ids, attention_mask=mask).pooler_output
        return functional.normalize(features.float(), dim=1)

    @property
    def scale(self) -> Tensor:
        """What cosines are multiplied by, 1 to 100; a scalar with gradient."""
        scale: Tensor = self.clip.logit_scale.exp()
        return scale

    @torch.no_grad()
    def limit_scale(self) -> None:
        """Put the scale back between 1 and 100, to be called after each step.

        A limit in ``scale`` itself would stop its gradient, and with it every way back.
        """
        self.clip.logit_scale.clamp_(0, MAX_LOG_SCALE)


def weight_groups(model: nn.Module, config: StickerClipConfig) -> list[dict[str, Any]]:
    """AdamW's groups: gains, biases and logit scale don't decay, as in CLIP.

    Nor does the class embedding, one vector. In the released code it does, and so do BERT's
    gains, whose names its rule doesn't match.
    """
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    common = {"betas": config.betas, "eps": config.eps}
    return [
        {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0, **common},
        {
            "params": [w for w in weights if w.ndim >= 2],
            "weight_decay": config.weight_decay,
            **common,
        },
    ]


def _build(config: StickerClipConfig) -> Any:
    transformers = need_extra("transformers", "baselines", "StickerCLIP")
    shape = transformers.ChineseCLIPConfig(
        text_config={
            "vocab_size": config.vocab_size,
            "hidden_size": config.text_dim,
            "intermediate_size": 4 * config.text_dim,
            "num_hidden_layers": config.text_layers,
            "num_attention_heads": config.text_heads,
            "max_position_embeddings": config.positions,
            "initializer_range": config.initial_std,
            "hidden_dropout_prob": config.dropout,
            "attention_probs_dropout_prob": config.dropout,
        },
        vision_config={
            "image_size": config.image_side,
            "patch_size": config.patch,
            "initializer_range": config.initial_std,
            "hidden_size": config.vision_dim,
            "intermediate_size": 4 * config.vision_dim,
            "num_hidden_layers": config.vision_layers,
            "num_attention_heads": config.vision_heads,
        },
        projection_dim=config.embed_dim,
    )
    return transformers.ChineseCLIPModel(shape)


def _load(clip: Any, name: str) -> None:
    from transformers import ChineseCLIPModel

    given = load_pretrained(ChineseCLIPModel.from_pretrained, name)
    try:
        clip.load_state_dict(given.state_dict())
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()[:200]
        raise StickerworksError(
            f"The weights {name!r} are of another shape: {reason}",
            "Name a Chinese CLIP with ViT-B/16 and RoBERTa-wwm-ext-base, or set vision_*, text_* "
            "and embed_dim to its shape.",
        ) from error
