"""Every number and switch of Att2PL, with three presets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from pipeline.engine.errors import StickerworksError

Backbone = Literal["swin", "vit", "deit", "beit"]
LocalAttention = Literal["lor", "spatial", "channel", "self", "none"]
MainLoss = Literal["softmax", "softmax_mean", "bce", "asl"]
Penalty = Literal["hinge", "signed", "none"]
Four = tuple[int, int, int, int]

ATTRIBUTES = ("content", "style", "role", "action")
"""What description k is about (section 4.2); prompt S_k carries it."""

PATCH = 32
"""Side in pixels of the patches that local re-attention masks, predicts and weighs (P)."""

SWIN_PATCH = 4
"""Side in pixels of Swin's patch embeddings."""

PUBLISHED: dict[Backbone, str] = {
    "swin": "microsoft/swin-tiny-patch4-window7-224",
    "vit": "google/vit-base-patch16-224-in21k",
    # The one without distillation is stored as a ViT.
    "deit": "facebook/deit-base-distilled-patch16-224",
    "beit": "microsoft/beit-base-patch16-224-pt22k-ft22k",
}
"""What ``image_weights`` "published" means for each backbone: names on the hub."""


@dataclass(frozen=True)
class Att2plConfig:
    """Shape, switches and hyper-parameters; the defaults are the paper's (section 5.1).

    Where the paper leaves a choice the first value is the default:

    - ``attention``: what changes the patch embeddings: local re-attention, or Table 3's others;
      "none" is Table 1's "w/o LoR".
    - ``masking``: each patch hidden once in one of ``groups`` passes, or a random ``mask_ratio``
      of the patches in each of ``rounds`` passes, similarities averaged.
    - ``detach_renewed``: the loss reaches the masked passes through R, as sections 4.1 and 4.5 want
      (implicit feedback of renewed attention), or R is a constant.
    - ``prompt``: false is Table 1's "w/o prompt".
    - ``classifier``: H through BERT and a linear layer on CLS, or mean of H and a linear layer,
      where P_k, CLS and SEP add the same to every sticker, as the layer's bias does.
    - ``main_loss``: Eq. 2, Eq. 2 divided by a sticker's number of tags, binary cross-entropy, or
      the asymmetric loss; the last two score tags by sigmoid.
    - ``penalty``: only falls of confidence count as the text says, or Eq. 4 with its sign;
      "none" is Table 1's "w/o penalty".
    - ``lambda_rec``: weight of the masked L1 that trains the prediction head, which the published
      loss reaches through R alone; 0 is the published loss.
    - ``image_weights``: "published" (see ``PUBLISHED``), "random", a hub name or a local path.

    ``swin_*`` shape Swin, ``vit_*`` the other three; ``bert_*`` shape the BERT classifier, which
    is as wide as the text features and has its encoder's weights unless that is "hashed".
    ``drop_path`` is for Swin and BEiT, ``bert_dropout`` for a BERT from random weights. ``shift``
    moves train images by so many pixels at most.
    """

    backbone: Backbone = "swin"
    attention: LocalAttention = "lor"
    masking: Literal["groups", "random"] = "groups"
    groups: int = 4
    mask_ratio: float = 0.6
    rounds: int = 4
    detach_renewed: bool = False
    prompt: bool = True
    classifier: Literal["bert", "pool"] = "bert"
    main_loss: MainLoss = "softmax"
    penalty: Penalty = "hinge"
    lambda_rec: float = 1.0
    image_side: int = 224
    image_weights: str = "published"
    swin_dim: int = 96
    swin_depths: Four = (2, 2, 6, 2)
    swin_heads: Four = (3, 6, 12, 24)
    swin_window: int = 7
    vit_patch: int = 16
    vit_dim: int = 768
    vit_depth: int = 12
    vit_heads: int = 12
    vit_mlp: int = 3072
    drop_path: float = 0.1
    text_encoder: str = "google-bert/bert-base-multilingual-cased"
    text_dim: int = 768
    text_length: int = 64
    bert_depth: int = 12
    bert_heads: int = 12
    bert_mlp: int = 3072
    bert_dropout: float = 0.1
    learning_rate: float = 1e-5
    # The paper names no schedule: the rate stays where it is.
    least_learning_rate: float = 1e-5
    warmup_epochs: int = 0
    weight_decay: float = 1e-2
    batch_size: int = 8
    epochs: int = 20
    shift: int = 0
    bf16: bool = False

    def __post_init__(self) -> None:
        for key, problem in _problems(self):
            raise StickerworksError(f"Att2PL can't be built: {problem}.", f"Change {key}.")

    @property
    def grid(self) -> int:
        """Patches of 32 pixels along a side."""
        return self.image_side // PATCH

    @property
    def patches(self) -> int:
        """Patches of 32 x 32 pixels in an image (N)."""
        return self.grid**2

    @property
    def width(self) -> int:
        """Width of the backbone's output."""
        return 8 * self.swin_dim if self.backbone == "swin" else self.vit_dim

    @property
    def image_source(self) -> str | None:
        """Name or path of the backbone's weights; None for random ones."""
        if self.image_weights == "published":
            return PUBLISHED[self.backbone]
        return None if self.image_weights == "random" else self.image_weights


def _problems(config: Att2plConfig) -> list[tuple[str, str]]:
    """Keys and what is wrong with them."""
    return [*_switch_problems(config), *_shape_problems(config), *_training_problems(config)]


def _switch_problems(config: Att2plConfig) -> list[tuple[str, str]]:
    choices = {
        "backbone": get_args(Backbone),
        "attention": get_args(LocalAttention),
        "masking": ("groups", "random"),
        "classifier": ("bert", "pool"),
        "main_loss": get_args(MainLoss),
        "penalty": get_args(Penalty),
    }
    return [
        (key, f"{key} is {getattr(config, key)!r}, none of {', '.join(known)}")
        for key, known in choices.items()
        if getattr(config, key) not in known
    ]


def _shape_problems(config: Att2plConfig) -> list[tuple[str, str]]:
    found = []
    widths = {}
    if config.image_side <= 0 or config.image_side % PATCH:
        found.append(("image_side", f"{config.image_side} pixels are no multiple of {PATCH}"))
    elif not 1 <= config.groups <= config.patches:
        found.append(("groups", f"{config.groups} groups share {config.patches} patches"))
    if not 0 < config.mask_ratio <= 1 or config.rounds < 1:
        found.append(("mask_ratio", "a round must mask some patches, and there must be one"))
    if config.backbone == "swin":
        stages = enumerate(config.swin_heads)
        widths["swin_heads"] = [(config.swin_dim * 2**n, heads) for n, heads in stages]
        if not 1 <= config.swin_window <= config.grid:
            found.append(("swin_window", f"the last stage has {config.grid} patches a side"))
    else:
        widths["vit_heads"] = [(config.vit_dim, config.vit_heads)]
        if config.vit_patch < 1 or PATCH % config.vit_patch:
            found.append(("vit_patch", f"{config.vit_patch} pixels don't divide {PATCH}"))
    if config.classifier == "bert":
        widths["bert_heads"] = [(config.text_dim, config.bert_heads)]
        if config.patches > 500:
            found.append(("image_side", "BERT reads 512 tokens, and H would be longer"))
    found += [
        (key, f"a width of {width} can't be shared by {heads} heads")
        for key, pairs in widths.items()
        for width, heads in pairs
        if heads < 1 or width % heads
    ]
    return found


def _training_problems(config: Att2plConfig) -> list[tuple[str, str]]:
    found = []
    for key in ("learning_rate", "least_learning_rate", "weight_decay", "lambda_rec"):
        value = getattr(config, key)
        if not math.isfinite(value) or value < 0:
            found.append((key, f"{key} is {value}"))
    if config.least_learning_rate > config.learning_rate:
        found.append(("least_learning_rate", "the least rate is above the rate"))
    if config.warmup_epochs < 0 or config.shift < 0:
        found.append(("warmup_epochs", "neither warm-up nor shift can be below 0"))
    if config.epochs < 1 or config.batch_size < 1:
        found.append(("epochs", "one epoch and batches of one sticker are the least"))
    for key in ("drop_path", "bert_dropout"):
        if not 0 <= getattr(config, key) < 1:
            found.append((key, f"a share of {getattr(config, key)} can't be dropped"))
    return found


PRESETS = {
    "paper": Att2plConfig(),
    "small": Att2plConfig(
        image_side=160,
        image_weights="random",
        swin_dim=48,
        swin_depths=(2, 2, 4, 2),
        swin_heads=(3, 6, 12, 24),
        swin_window=5,
        vit_dim=384,
        vit_depth=6,
        vit_heads=6,
        vit_mlp=1536,
        text_encoder="hashed",
        text_dim=256,
        bert_depth=2,
        bert_heads=4,
        bert_mlp=1024,
        learning_rate=5e-4,
        least_learning_rate=0.0,
        warmup_epochs=2,
        batch_size=64,
        epochs=30,
        shift=8,
        bf16=True,
    ),
    "tiny": Att2plConfig(
        # Seconds teach tags but not what hidden patches look like, which would drown the tags.
        lambda_rec=0.1,
        # Four groups of one patch each would leave nothing to chance.
        groups=2,
        image_side=64,
        image_weights="random",
        swin_dim=16,
        swin_depths=(1, 1, 1, 1),
        swin_heads=(1, 2, 4, 8),
        swin_window=2,
        vit_dim=48,
        vit_depth=2,
        vit_heads=4,
        vit_mlp=96,
        drop_path=0.0,
        text_encoder="hashed",
        text_dim=32,
        bert_depth=1,
        bert_heads=4,
        bert_mlp=64,
        bert_dropout=0.0,
        learning_rate=2e-3,
        least_learning_rate=0.0,
        # A small BERT from random weights that is hurried stops at half of the tags.
        warmup_epochs=10,
        batch_size=8,
        epochs=40,
    ),
}
"""Settings by name: ``paper``, ``small`` (one GPU, minutes), ``tiny`` (CPU, seconds)."""
