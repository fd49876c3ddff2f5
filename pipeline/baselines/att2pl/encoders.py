"""Image encoders behind one face: Swin, ViT, DeiT or BEiT, and their prediction head (4.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.baselines.att2pl.config import PATCH, SWIN_PATCH, Att2plConfig
from pipeline.baselines.att2pl.reattention import spread
from pipeline.engine.extras import need_extra
from pipeline.engine.images import IMAGENET_MEAN, IMAGENET_STD
from pipeline.training.pretrained import load_pretrained

Change = Callable[[Tensor], Tensor]
"""Patch embeddings A (B, cells, C) to others of the same shape."""

_IMAGENET = (IMAGENET_MEAN, IMAGENET_STD)
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_STATISTICS = {"swin": _IMAGENET, "vit": _HALF, "deit": _IMAGENET, "beit": _HALF}


class Encoder(nn.Module):
    """A backbone of transformers: images to h (B, N, D), and hidden patches to their pixels.

    A patch is 32 x 32 pixels for every backbone (N = 49 at 224 pixels). Swin embeds cells of 4 x 4
    pixels, 64 to a patch, and ends with one token a patch. The others embed cells of 16 x 16
    pixels, 4 to a patch: a patch is hidden by hiding its 4 cells and weighed by weighing them, and
    its h is the mean of their tokens, so that H is equally long for all. The prediction head is
    one linear layer for each token, which draws the pixels that the token stands for.
    ``published`` loads the weights that the settings name; raises StickerworksError when they
    can't be had.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: Att2plConfig, published: bool = False) -> None:
        super().__init__()
        self.grid = config.grid
        cell = SWIN_PATCH if config.backbone == "swin" else config.vit_patch
        self.cells = config.image_side // cell
        stride = PATCH if config.backbone == "swin" else cell
        self.tokens = config.image_side // stride
        self.body, head, stem = _BUILDERS[config.backbone](config, config.image_source, published)
        _start_mask_token(self.body)
        self.head = head or nn.Sequential(
            nn.Conv2d(config.width, 3 * stride**2, 1), nn.PixelShuffle(stride)
        )
        self.channels = config.swin_dim if config.backbone == "swin" else config.vit_dim
        # transformers can't be given patch embeddings, and what it does after them differs from
        # version to version; a hook where they come out changes nothing else.
        self._changes: list[Change] = []
        stem.register_forward_hook(self._apply_change)
        for name, values in zip(("mean", "deviation"), _STATISTICS[config.backbone], strict=True):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def normalise(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W), 0 to 1, as the backbone's weights expect them."""
        return (images - self.mean) / self.deviation

    def encode(self, pixels: Tensor, change: Change | None = None) -> Tensor:
        """h (B, N, D) of normalised images, their patch embeddings changed [as they are]."""
        # A list, since a module that is assigned would become a part of this one.
        self._changes += [change] if change is not None else []
        try:
            square = self._square(self.body(pixel_values=pixels).last_hidden_state)
        finally:
            self._changes.clear()
        return functional.avg_pool2d(square, self.tokens // self.grid).flatten(2).transpose(1, 2)

    def predict(self, pixels: Tensor, masks: Tensor) -> Tensor:
        """Normalised images (B, 3, H, W) as guessed where ``masks`` (B, N) hide patches."""
        hidden = spread(masks, self.cells)
        body = self.body(pixel_values=pixels, bool_masked_pos=hidden)
        drawn: Tensor = self.head(self._square(body.last_hidden_state))
        return drawn

    def _square(self, tokens: Tensor) -> Tensor:
        # What comes before the image's tokens is CLS, and DeiT's distillation token.
        image = tokens[:, -(self.tokens**2) :].transpose(1, 2)
        return image.reshape(*image.shape[:2], self.tokens, self.tokens)

    def _apply_change(self, stem: nn.Module, given: Any, embedded: Tensor) -> Tensor:
        for change in self._changes:
            embedded = change(embedded)
        return embedded


def _start_mask_token(body: nn.Module) -> None:
    """Draw a mask token that no checkpoint brought, as SimMIM does; transformers leaves zeros.

    Of zeros a norm's gradient is 1 / sqrt(eps), and that of several one after another explodes.
    """
    token = body.get_parameter("embeddings.mask_token")
    if not token.is_meta and not token.any():
        nn.init.trunc_normal_(token, std=0.02)


_Built = tuple[nn.Module, nn.Module | None, nn.Module]
"""Backbone, prediction head where it has one, and the module that patch embeddings leave."""


def import_transformers() -> Any:
    """The package transformers; raises StickerworksError when it isn't installed."""
    return need_extra("transformers", "baselines", "Att2PL")


def _build_swin(config: Att2plConfig, source: str | None, published: bool) -> _Built:
    transformers = import_transformers()
    shape = transformers.SwinConfig(
        image_size=config.image_side,
        patch_size=SWIN_PATCH,
        embed_dim=config.swin_dim,
        depths=list(config.swin_depths),
        num_heads=list(config.swin_heads),
        window_size=config.swin_window,
        drop_path_rate=config.drop_path,
        encoder_stride=PATCH,
    )
    model = _make(transformers.SwinForMaskedImageModeling, shape, source, published)
    return model.swin, model.decoder, model.swin.embeddings.norm


def _build_vit(config: Att2plConfig, source: str | None, published: bool) -> _Built:
    transformers = import_transformers()
    shape = transformers.ViTConfig(**_vit_shape(config), encoder_stride=config.vit_patch)
    model = _make(transformers.ViTForMaskedImageModeling, shape, source, published)
    return model.vit, model.decoder, model.vit.embeddings.patch_embeddings


def _build_deit(config: Att2plConfig, source: str | None, published: bool) -> _Built:
    transformers = import_transformers()
    shape = transformers.DeiTConfig(**_vit_shape(config), encoder_stride=config.vit_patch)
    model = _make(transformers.DeiTForMaskedImageModeling, shape, source, published)
    return model.deit, model.decoder, model.deit.embeddings.patch_embeddings


def _build_beit(config: Att2plConfig, source: str | None, published: bool) -> _Built:
    """BEiT's own masked model predicts visual words; ours draws pixels, with a head of its own."""
    transformers = import_transformers()
    shape = transformers.BeitConfig(
        **_vit_shape(config),
        use_mask_token=True,
        use_relative_position_bias=True,
        use_mean_pooling=False,
        drop_path_rate=config.drop_path,
    )
    model = _make(
        transformers.BeitModel,
        shape,
        source,
        published,
        add_pooling_layer=False,
        # Published weights normalise after pooling; we pool later and normalise each token.
        key_mapping={r"pooler\.layernorm": "layernorm"},
    )
    return model, None, model.embeddings.patch_embeddings


_BUILDERS: dict[str, Callable[[Att2plConfig, str | None, bool], _Built]] = {
    "swin": _build_swin,
    "vit": _build_vit,
    "deit": _build_deit,
    "beit": _build_beit,
}


def _vit_shape(config: Att2plConfig) -> dict[str, int]:
    return {
        "image_size": config.image_side,
        "patch_size": config.vit_patch,
        "hidden_size": config.vit_dim,
        "num_hidden_layers": config.vit_depth,
        "num_attention_heads": config.vit_heads,
        "intermediate_size": config.vit_mlp,
    }


def _make(kind: Any, shape: Any, source: str | None, published: bool, **options: Any) -> Any:
    """A model of that shape, random or with published weights; the mask token and head are new."""
    if published and source is not None:
        return load_pretrained(
            lambda name: kind.from_pretrained(name, config=shape, dtype=torch.float32, **options),
            source,
        )
    options.pop("key_mapping", None)
    return kind(shape, **options)
