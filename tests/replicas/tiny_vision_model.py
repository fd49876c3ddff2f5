"""Vision-language checkpoints small enough to make in a second, with weights drawn at random."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

STEERING = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
THOUGHT = ("<think>", "</think>")
CONTEXT = 2048

# What the templates of the Qwen family do, in short.
TEMPLATE = """\
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{% if message.content is string %}{{ message.content }}{% else %}
{%- for part in message.content -%}
{%- if part.type == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>
{%- else -%}{{ part.text }}{%- endif -%}
{%- endfor -%}
{%- endif -%}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% if enable_thinking is defined and enable_thinking is false %}<think>

</think>

{% else %}<think>
{% endif %}{% endif %}"""

_SENTENCES = ["a cat waves its paw and laughs", "谢谢你，加油！", '{"description": "a dog"}'] * 4


def make_checkpoint(folder: Path, kind: str = "qwen3_5", seed: int = 0) -> Path:
    """Write a checkpoint of ``kind``: qwen3_5, qwen3_vl or llava; the seed decides its weights."""
    import torch
    import transformers
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    numbers = {token: tokenizer.convert_tokens_to_ids(token) for token in STEERING}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        build = _llava if kind == "llava" else _qwen
        model = build(transformers, kind, len(tokenizer), numbers)
    model.generation_config.eos_token_id = [numbers["<|im_end|>"], numbers["<|endoftext|>"]]
    model.generation_config.pad_token_id = numbers["<|endoftext|>"]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _write_processor(folder, kind)
    return folder


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=list(STEERING),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(_SENTENCES, trainer)
    bpe.add_tokens(list(THOUGHT))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _qwen(transformers: Any, kind: str, words: int, numbers: dict[str, int]) -> Any:
    tied = kind == "qwen3_vl"
    text = {
        "vocab_size": words,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 32,
        "max_position_embeddings": CONTEXT,
        "initializer_range": 0.3,  # so large that every token of a prompt tells
        "tie_word_embeddings": tied,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10_000.0,
            "mrope_section": [2, 1, 1] if kind == "qwen3_5" else [8, 4, 4],
            "mrope_interleaved": True,
        },
    }
    vision = {
        "depth": 1,
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_heads": 2,
        "patch_size": 16,
        "out_hidden_size": 32,
        "num_position_embeddings": 16,
        "initializer_range": 0.3,
    }
    shared = {
        "image_token_id": numbers["<|image_pad|>"],
        "video_token_id": numbers["<|video_pad|>"],
        "vision_start_token_id": numbers["<|vision_start|>"],
        "vision_end_token_id": numbers["<|vision_end|>"],
        "tie_word_embeddings": tied,
    }
    if kind == "qwen3_vl":
        vision["deepstack_visual_indexes"] = [0]
        config = transformers.Qwen3VLConfig(text_config=text, vision_config=vision, **shared)
        return transformers.Qwen3VLForConditionalGeneration(config)
    text |= {
        "num_hidden_layers": 3,
        "layer_types": ["full_attention", "linear_attention", "full_attention"],
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 2,
    }
    config = transformers.Qwen3_5Config(text_config=text, vision_config=vision, **shared)
    return transformers.Qwen3_5ForConditionalGeneration(config)


def _llava(transformers: Any, kind: str, words: int, numbers: dict[str, int]) -> Any:
    text = transformers.LlamaConfig(
        vocab_size=words,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=CONTEXT,
        initializer_range=0.3,
    )
    vision = transformers.CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
        projection_dim=32,
    )
    config = transformers.LlavaConfig(
        text_config=text, vision_config=vision, image_token_index=numbers["<|image_pad|>"]
    )
    return transformers.LlavaForConditionalGeneration(config)


def _write_processor(folder: Path, kind: str) -> None:
    """The files as published checkpoints have them, older names of classes included."""
    processor: dict[str, Any] = {}
    if kind == "llava":
        images = {
            "image_processor_type": "CLIPImageProcessor",
            "size": {"shortest_edge": 32},
            "crop_size": {"height": 32, "width": 32},
            "processor_class": "LlavaProcessor",
        }
        processor = {
            "processor_class": "LlavaProcessor",
            "image_token": "<|image_pad|>",
            "patch_size": 16,
            "vision_feature_select_strategy": "default",
            "num_additional_image_tokens": 1,
        }
    else:
        images = {
            "image_processor_type": "Qwen2VLImageProcessorFast",
            "size": {"shortest_edge": 32 * 32, "longest_edge": 128 * 128},
            "patch_size": 16,
            "temporal_patch_size": 2,
            "merge_size": 2,
            "processor_class": "Qwen3VLProcessor",
        }
        videos = {**images, "video_processor_type": "Qwen3VLVideoProcessor"}
        del videos["image_processor_type"]
        _write(folder / "video_preprocessor_config.json", videos)
    _write(folder / "preprocessor_config.json", images)
    if processor:
        _write(folder / "processor_config.json", processor)


def _write(file: Path, values: dict[str, Any]) -> None:
    file.write_text(json.dumps(values, indent=2), encoding="utf-8")
