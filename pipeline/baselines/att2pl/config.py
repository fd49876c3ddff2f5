"""Every number and switch of Att2PL, with three presets."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from pipeline.training.settings import (
    CHECKED,
    Count,
    NotNegative,
    PositiveShare,
    ShareBelowOne,
    check_heads,
)

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


@dataclass(frozen=True, config=CHECKED)
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
    groups: Count = 4
    mask_ratio: PositiveShare = 0.6
    rounds: Count = 4
    detach_renewed: bool = False
    prompt: bool = True
    classifier: Literal["bert", "pool"] = "bert"
    main_loss: MainLoss = "softmax"
    penalty: Penalty = "hinge"
    lambda_rec: NotNegative = 1.0
    image_side: int = Field(default=224, gt=0, multiple_of=PATCH)
    image_weights: str = "published"
    swin_dim: int = 96
    swin_depths: Four = (2, 2, 6, 2)
    swin_heads: Four = (3, 6, 12, 24)
    swin_window: Count = 7
    vit_patch: Count = 16
    vit_dim: int = 768
    vit_depth: int = 12
    vit_heads: int = 12
    vit_mlp: int = 3072
    drop_path: ShareBelowOne = 0.1
    text_encoder: str = "google-bert/bert-base-multilingual-cased"
    text_dim: int = 768
    text_length: int = 64
    bert_depth: int = 12
    bert_heads: int = 12
    bert_mlp: int = 3072
    bert_dropout: ShareBelowOne = 0.1
    learning_rate: NotNegative = 1e-5
    # The paper names no schedule: the rate stays where it is.
    least_learning_rate: NotNegative = 1e-5
    warmup_epochs: int = Field(default=0, ge=0)
    weight_decay: NotNegative = 1e-2
    batch_size: Count = 8
    epochs: Count = 20
    shift: int = Field(default=0, ge=0)
    bf16: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.groups > self.patches:
            raise ValueError(f"groups: {self.groups} groups share {self.patches} patches")
        if self.backbone == "swin":
            for stage, heads in enumerate(self.swin_heads):
                check_heads("swin_heads", self.swin_dim * 2**stage, heads)
            if self.swin_window > self.grid:
                raise ValueError(f"swin_window: the last stage has {self.grid} patches a side")
        else:
            check_heads("vit_heads", self.vit_dim, self.vit_heads)
            if PATCH % self.vit_patch:
                raise ValueError(f"vit_patch: {self.vit_patch} pixels don't divide {PATCH}")
        if self.classifier == "bert":
            check_heads("bert_heads", self.text_dim, self.bert_heads)
            if self.patches > 500:
                raise ValueError("image_side: BERT reads 512 tokens, and H would be longer")
        if self.least_learning_rate > self.learning_rate:
            raise ValueError("least_learning_rate: the least rate is above the rate")
        return self

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
