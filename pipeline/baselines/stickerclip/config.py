"""Every number and switch of StickerCLIP, with three presets."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from pipeline.training.settings import CHECKED, Count, PositiveShare, check_heads


@dataclass(frozen=True, config=CHECKED)
class StickerClipConfig:
    """Shape and hyper-parameters; the defaults are those of the paper's released code.

    - ``weights``: hub name or local path of a Chinese CLIP, which also gives the tokenizer; None
      starts from random weights and hashes words to ids (``texts.HashTokenizer``).
    - ``initial_std``: of random weights; BERT's 0.02 is far too little for narrow networks, where
      text would hardly reach the first token.
    - ``vision_*`` and ``text_*`` must be the shape of those weights.
    - ``context``: tokens of a text with its begin and end; ``ocr_length``: characters of the text
      on a sticker.
    - ``crop``: least share of an image's area that a random crop of train images keeps; 1 is none.
      The released code also mirrors, and changes colours (AutoAugment); text forbids a mirror.
    - ``same_text``: rows of a batch with the same text are each other's negatives, as published,
      or count neither way ("ignored"). Where many stickers share a caption, as those of one
      template do, the published loss pushes right pairs apart.
    - ``warmup_steps`` are cut to a fifth of a short run.
    """

    weights: str | None = "OFA-Sys/chinese-clip-vit-base-patch16"
    image_side: Count = 224
    patch: Count = 16
    vision_dim: int = 768
    vision_layers: int = 12
    vision_heads: int = 12
    text_dim: int = 768
    text_layers: int = 12
    text_heads: int = 12
    # Three ids are taken by padding, begin and end.
    vocab_size: int = Field(default=21128, ge=4)
    positions: int = 512
    embed_dim: int = 512
    dropout: float = 0.1
    initial_std: float = 0.02
    context: int = Field(default=64, ge=3)
    ocr_length: int = Field(default=24, ge=0)
    crop: PositiveShare = 0.9
    same_text: Literal["negative", "ignored"] = "negative"
    learning_rate: float = 2e-5
    weight_decay: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.98)
    eps: float = 1e-6
    warmup_steps: int = 100
    # One pair has nothing to be told apart from.
    batch_size: int = Field(default=64, ge=2)
    epochs: Count = 5
    bf16: bool = True

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.image_side % self.patch:
            raise ValueError(f"image_side: {self.image_side} pixels are no whole number of patches")
        check_heads("vision_heads", self.vision_dim, self.vision_heads)
        check_heads("text_heads", self.text_dim, self.text_heads)
        if self.context > self.positions:
            raise ValueError(f"context: a text may have 3 to {self.positions} tokens")
        return self


PRESETS = {
    "paper": StickerClipConfig(),
    "small": StickerClipConfig(
        weights=None,
        image_side=128,
        vision_dim=256,
        vision_layers=6,
        vision_heads=4,
        text_dim=256,
        text_layers=4,
        text_heads=4,
        vocab_size=16384,
        positions=64,
        embed_dim=256,
        initial_std=0.06,
        crop=0.7,
        same_text="ignored",
        learning_rate=5e-4,
        weight_decay=0.1,
        batch_size=256,
        epochs=40,
    ),
    "tiny": StickerClipConfig(
        weights=None,
        image_side=48,
        patch=8,
        vision_dim=64,
        vision_layers=2,
        vision_heads=4,
        text_dim=64,
        text_layers=2,
        text_heads=4,
        vocab_size=2048,
        positions=64,
        embed_dim=32,
        dropout=0.0,
        initial_std=0.12,
        crop=1.0,
        same_text="ignored",
        learning_rate=1e-3,
        warmup_steps=20,
        batch_size=16,
        epochs=20,
        bf16=False,
    ),
}
"""Settings by name: ``paper``, ``small`` (one GPU, minutes), ``tiny`` (CPU, seconds)."""
