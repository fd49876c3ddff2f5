"""Att2PL as a whole: encoder, local attention, prompts and classifier (StickerTAG, section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.baselines.att2pl.attention import ChannelAttention, SelfAttention, SpatialAttention
from pipeline.baselines.att2pl.config import Att2plConfig
from pipeline.baselines.att2pl.encoders import Change, Encoder, import_transformers
from pipeline.baselines.att2pl.prompts import Prompted
from pipeline.baselines.att2pl.reattention import draw_masks, masked_l1, renew_attention, spread
from pipeline.engine.errors import StickerworksError
from pipeline.training.pretrained import load_pretrained
from pipeline.training.texts import HASHED

# Spread of BERT's first weights, and its width.
_BERT_RANGE, _BERT_WIDTH = 0.02, 768


@dataclass(frozen=True)
class Att2plOutput:
    """Logits (B, tags); with local re-attention also R (B, N) and the masked L1, a scalar."""

    logits: Tensor
    renewed: Tensor | None = None
    reconstruction: Tensor | None = None


class Att2pl(nn.Module):
    """Images (B, 3, S, S), 0 to 1, and text features (B, 4, width) to an Att2plOutput.

    Text features are a frozen encoder's, in the order of ``ATTRIBUTES``; without prompts they
    aren't looked at. ``published`` loads the pretrained weights that the settings name.
    """

    def __init__(self, config: Att2plConfig, tags: int, published: bool = False) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config, published)
        self.attention = _make_attention(config, self.encoder)
        bert = config.classifier == "bert"
        width = config.text_dim if bert else config.width
        self.prompted = Prompted(config, width)
        self.reader = _make_bert(config, self.prompted, published) if bert else None
        self.classifier = nn.Linear(width, tags)

    def forward(
        self, images: Tensor, text: Tensor, generator: torch.Generator | None = None
    ) -> Att2plOutput:
        """``generator`` draws the masks of training [torch's own on the CPU]."""
        pixels = self.encoder.normalise(images)
        if self.config.attention != "lor":
            return Att2plOutput(self._classify(pixels, text, self.attention))
        predicted, masks = self._predict_hidden(pixels, generator)
        learnt = predicted.detach() if self.config.detach_renewed else predicted
        renewed = renew_attention(learnt, pixels, masks)

        def weigh(embedded: Tensor) -> Tensor:
            weights = spread(renewed, self.encoder.cells).unsqueeze(-1)
            return embedded * weights.to(embedded.dtype)

        logits = self._classify(pixels, text, weigh)
        return Att2plOutput(logits, renewed, masked_l1(predicted, pixels, masks))

    def original_logits(self, images: Tensor, text: Tensor) -> Tensor:
        """Logits (B, tags) of the patch embeddings as they are, without gradient (section 4.5)."""
        with torch.no_grad():
            return self._classify(self.encoder.normalise(images), text, None)

    def _predict_hidden(
        self, pixels: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Predictions (passes, B, 3, S, S) and masks (passes, B, N); all passes are one batch."""
        masks = draw_masks(self.config, len(pixels), self.training, generator).to(pixels.device)
        passes = len(masks)
        learns = self.config.lambda_rec > 0 or not self.config.detach_renewed
        with torch.set_grad_enabled(torch.is_grad_enabled() and learns):
            predicted = self.encoder.predict(pixels.repeat(passes, 1, 1, 1), masks.flatten(0, 1))
        return predicted.reshape(passes, *pixels.shape), masks

    def _classify(self, pixels: Tensor, text: Tensor, change: Change | None) -> Tensor:
        sequence = self.prompted(text, self.encoder.encode(pixels, change))
        if self.reader is None:
            pooled = sequence.mean(1)
        else:
            pooled = self.reader(inputs_embeds=sequence).last_hidden_state[:, 0]
        logits: Tensor = self.classifier(pooled)
        return logits


def _make_attention(config: Att2plConfig, encoder: Encoder) -> nn.Module | None:
    if config.attention == "spatial":
        return SpatialAttention(encoder.cells)
    if config.attention == "channel":
        return ChannelAttention(encoder.channels)
    return SelfAttention(encoder.channels) if config.attention == "self" else None


def _make_bert(config: Att2plConfig, prompted: Prompted, published: bool) -> nn.Module:
    """BERT without its word embeddings, half of it, of which only [CLS] and [SEP] are needed."""
    transformers = import_transformers()
    bert: Any
    if published and config.text_encoder != HASHED:
        bert = _load_bert(config, prompted)
    else:
        shape = transformers.BertConfig(
            vocab_size=1,
            hidden_size=config.text_dim,
            num_hidden_layers=config.bert_depth,
            num_attention_heads=config.bert_heads,
            intermediate_size=config.bert_mlp,
            hidden_dropout_prob=config.bert_dropout,
            attention_probs_dropout_prob=config.bert_dropout,
            # As wide as BERT starts at its own width: else [CLS] reads next to nothing of H.
            initializer_range=_BERT_RANGE * (_BERT_WIDTH / config.text_dim) ** 0.5,
        )
        bert = transformers.BertModel(shape, add_pooling_layer=False)
    bert.embeddings.word_embeddings = nn.Identity()
    model: nn.Module = bert
    return model


def _load_bert(config: Att2plConfig, prompted: Prompted) -> Any:
    transformers, name = import_transformers(), config.text_encoder
    bert = load_pretrained(
        lambda path: transformers.BertModel.from_pretrained(
            path, dtype=torch.float32, add_pooling_layer=False
        ),
        name,
    )
    tokenizer = load_pretrained(transformers.AutoTokenizer.from_pretrained, name)
    shape = (bert.config.hidden_size, bert.config.num_hidden_layers, bert.config.intermediate_size)
    wanted = (config.text_dim, config.bert_depth, config.bert_mlp)
    if shape != wanted:
        raise StickerworksError(
            f"{name!r} has width, depth and inner width {shape}; the settings say {wanted}.",
            "Set text_dim, bert_depth, bert_heads and bert_mlp to those of the encoder.",
        )
    words = bert.embeddings.word_embeddings.weight.data
    prompted.cls.data.copy_(words[tokenizer.cls_token_id])
    prompted.sep.data.copy_(words[tokenizer.sep_token_id])
    return bert
