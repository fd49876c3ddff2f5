"""The README of caption chats."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from annotation.handoff.readme_parts import licence_note, reasons_table, simulated_note


@dataclass
class SftSummary:
    """What was written: chats by set and by language, preference pairs by set; stickers and
    captions left out by reason.

    ``simulated_left_out`` counts votes; ``withheld_bytes`` stickers whose bytes may not be
    passed on.
    """

    stickers: int = 0
    images: int = 0
    chats: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    captions_left_out: Counter[str] = field(default_factory=Counter)
    withheld_bytes: int = 0
    simulated: bool = False
    simulated_left_out: int = 0


def readme(summary: SftSummary) -> str:
    """What the folder is, how it was made, how many, and how to train with it."""
    total = summary.stickers
    return f"""# Captions of stickers by people, as chats

What people wrote of {total} stickers, for supervised fine-tuning of a vision-language model: a
request with the frames of a sticker, and its caption as the answer. Made by
`stickerworks annotate export-sft`.{simulated_note(summary.simulated, summary.simulated_left_out)}

| | train | validation |
| --- | ---: | ---: |
| chats | {summary.chats["train"]} | {summary.chats["validation"]} |
| preference pairs | {summary.pairs["train"]} | {summary.pairs["validation"]} |

{summary.languages["en"]} chats are in English and {summary.languages["zh"]} in Chinese;
{summary.images} pictures belong to them.

| file | what |
| --- | --- |
| `train.jsonl`, `validation.jsonl` | a chat a line; `<image>` stands for each of `images` |
| `trl/train.jsonl`, `trl/validation.jsonl` | the same with typed parts in place of `<image>` |
| `preferences-train.jsonl`, `preferences-validation.jsonl` | what people made of a machine's \
caption: `chosen`, and `rejected`, the machine's |
| `images/` | frames as JPEG; paths are relative to this folder |
| `dataset_info.json` | LLaMA-Factory's index |
| `manifest.jsonl` | every sticker that somebody captioned: what was used of it, or why nothing |

A set without chats has no file.

## How it was made

A sticker gives one chat a language: the caption that most annotators wrote, of equals the longest.
Captions that equal what a model had suggested are left out, and so is what people found wrong.
A preference pair holds a machine's caption that people corrected, on the page of `stickerworks
label texts` or in a vote where it was filled in (there, the machine's caption that theirs is most
like), beside the correction. Tokens of chat templates in captions
are taken apart (`<image>` became `‹image>`). The user's turn tells when each frame of an animation
is shown. Stickers in test, and those that look like one, are not here; train and validation are
the splits of the data set.

{reasons_table("Stickers left out", summary.left_out)}{
        reasons_table("Captions left out", summary.captions_left_out)
    }## Licences

{licence_note(summary.withheld_bytes, total)}

## Training

Run these in this folder, with your model for MODEL and TEMPLATE.

```sh
llamafactory-cli train --stage sft --do_train --finetuning_type lora \\
  --model_name_or_path MODEL --template TEMPLATE --output_dir ../captioner \\
  --dataset_dir . --dataset sticker_captions_train --eval_dataset sticker_captions_validation

llamafactory-cli train --stage dpo --do_train --finetuning_type lora \\
  --model_name_or_path MODEL --template TEMPLATE --output_dir ../preferring \\
  --dataset_dir . --dataset sticker_preferences_train

swift sft --model MODEL --output_dir ../captioner \\
  --dataset train.jsonl --val_dataset validation.jsonl
```

```python
from datasets import Image, List, load_dataset
from trl import SFTConfig, SFTTrainer

chats = load_dataset("json", data_files={{"train": "trl/train.jsonl"}}, split="train")
chats = chats.cast_column("images", List(Image()))
SFTTrainer(MODEL, train_dataset=chats, args=SFTConfig("../captioner", max_length=None)).train()
```
"""
