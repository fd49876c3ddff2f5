"""Every number and switch of StickerCLIP, with three presets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.engine.errors import StickerworksError


@dataclass(frozen=True)
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
    image_side: int = 224
    patch: int = 16
    vision_dim: int = 768
    vision_layers: int = 12
    vision_heads: int = 12
    text_dim: int = 768
    text_layers: int = 12
    text_heads: int = 12
    vocab_size: int = 21128
    positions: int = 512
    embed_dim: int = 512
    dropout: float = 0.1
    initial_std: float = 0.02
    context: int = 64
    ocr_length: int = 24
    crop: float = 0.9
    same_text: Literal["negative", "ignored"] = "negative"
    learning_rate: float = 2e-5
    weight_decay: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.98)
    eps: float = 1e-6
    warmup_steps: int = 100
    batch_size: int = 64
    epochs: int = 5
    bf16: bool = True

    def __post_init__(self) -> None:
        for key, problem in _problems(self):
            raise StickerworksError(f"StickerCLIP can't be built: {problem}.", f"Change {key}.")


def _problems(config: StickerClipConfig) -> list[tuple[str, str]]:
    """Keys and what is wrong with them."""
    found = []
    if config.patch < 1 or config.image_side < 1 or config.image_side % config.patch:
        found.append(("image_side", f"{config.image_side} pixels are no whole number of patches"))
    for name in ("vision", "text"):
        dim, heads = getattr(config, f"{name}_dim"), getattr(config, f"{name}_heads")
        if heads < 1 or dim < 1 or dim % heads:
            found.append((f"{name}_heads", f"a width of {dim} can't be shared by {heads} heads"))
    if not 3 <= config.context <= config.positions:
        found.append(("context", f"a text may have 3 to {config.positions} tokens"))
    if config.vocab_size < 4:
        found.append(("vocab_size", "three tokens are taken, so words need a fourth"))
    if not 0 < config.crop <= 1:
        found.append(("crop", "a crop keeps a share above 0 and at most 1"))
    if config.batch_size < 2:
        found.append(("batch_size", "one pair has nothing to be told apart from"))
    if config.epochs < 1 or config.ocr_length < 0:
        found.append(("epochs", "an epoch and a text length from 0 are the least"))
    return found


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
