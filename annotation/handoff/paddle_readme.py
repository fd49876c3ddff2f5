"""The README of a PaddleOCR training set."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from annotation.handoff.readme_parts import licence_note, reasons_table, simulated_note


@dataclass
class OcrSummary:
    """What was written: crops and pictures by set; stickers left out of either by reason.

    ``simulated_left_out`` counts votes; ``withheld_bytes`` stickers whose bytes may not be
    passed on; ``longest`` is the number of characters of the longest label.
    """

    stickers: int = 0
    crops: Counter[str] = field(default_factory=Counter)
    pictures: Counter[str] = field(default_factory=Counter)
    bases: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    no_detection: Counter[str] = field(default_factory=Counter)
    characters: set[str] = field(default_factory=set)
    longest: int = 0
    withheld_bytes: int = 0
    simulated: bool = False
    simulated_left_out: int = 0


_LONGEST = 23  # max_text_length 25 of PaddleOCR's configurations less the two ends NRTR adds


def readme(summary: OcrSummary) -> str:
    """What the folder is, how it was made, how many, and how to train with it."""
    total = summary.stickers
    left_out = reasons_table("Stickers left out", summary.left_out)
    partly = reasons_table("Stickers with frames that are not in `det/`", summary.no_detection)
    return f"""# Text of stickers, corrected by people, for PaddleOCR

Text lines cut out of stickers with what they say (`rec/`), and whole frames with the places of all
their text (`det/`), of {total} stickers. Made by `stickerworks annotate export-ocr` from the texts
that annotators corrected.{simulated_note(summary.simulated, summary.simulated_left_out)}

| | train | val |
| --- | ---: | ---: |
| recognition: lines | {summary.crops["train"]} | {summary.crops["val"]} |
| detection: frames | {summary.pictures["train"]} | {summary.pictures["val"]} |

| file | what |
| --- | --- |
| `rec/rec_gt_train.txt`, `rec/rec_gt_val.txt` | a line's picture, a tab, its text |
| `rec/dict.txt` | the {len(summary.characters - {" "})} characters in these texts, one a line |
| `det/det_gt_train.txt`, `det/det_gt_val.txt` | a frame, a tab, its boxes and texts as JSON |
| `manifest.jsonl` | every sticker whose text somebody gave: what it gave here, or why nothing |

## How it was made

A text counts when two annotators corrected it alike ({summary.bases["agreed"]} stickers), when one
alone corrected it ({summary.bases["single"]}), or when two or more left it as it was read
({summary.bases["confirmed"]}). Its lines are aligned with those that OCR had read by edit distance;
a pair gives a crop of the box. A frame is in `det/` only if every line has its box in it. Stickers
in test, and those that look like one, are not here; train and val are the splits of the data set.

{left_out}{partly}## Licences

{licence_note(summary.withheld_bytes, total)}

## Training

In a checkout of PaddleOCR, with DIR for this folder and the weights that PaddleOCR's documentation
lists for the configuration:

```sh
python tools/train.py -c configs/rec/PP-OCRv6/PP-OCRv6_small_rec.yml -o \\
  Global.pretrained_model=WEIGHTS.pdparams \\
  Train.dataset.data_dir=DIR/rec 'Train.dataset.label_file_list=[DIR/rec/rec_gt_train.txt]' \\
  Eval.dataset.data_dir=DIR/rec 'Eval.dataset.label_file_list=[DIR/rec/rec_gt_val.txt]'

python tools/train.py -c configs/det/PP-OCRv5/PP-OCRv5_mobile_det.yml -o \\
  Global.pretrained_model=WEIGHTS.pdparams \\
  Train.dataset.data_dir=DIR/det 'Train.dataset.label_file_list=[DIR/det/det_gt_train.txt]' \\
  Eval.dataset.data_dir=DIR/det 'Eval.dataset.label_file_list=[DIR/det/det_gt_val.txt]'
```

Keep the dictionary of pretrained weights: with `Global.character_dict_path=DIR/rec/dict.txt` the
last layer starts anew, which takes far more lines than these. Characters outside of a dictionary
are skipped without a word, and so are labels that are too long: the longest here has
{summary.longest} characters{_too_long(summary.longest)}. With fewer lines than a batch,
lower `Train.sampler.first_bs`, or the recogniser's loader drops them all.

## Using what was trained

`tools/export_model.py` and `paddlex --paddle2onnx` make a folder of each model that stickerworks
reads with, as its `filter.ocr.options` of the backend `paddle` (docs/paddle.md there):

```sh
python tools/export_model.py -c configs/rec/PP-OCRv6/PP-OCRv6_small_rec.yml -o \\
  Global.pretrained_model=output/PP-OCRv6_small_rec/best_accuracy \\
  Global.save_inference_dir=rec-paddle
paddlex --paddle2onnx --paddle_model_dir rec-paddle --onnx_model_dir rec-onnx
```
"""


def _too_long(longest: int) -> str:
    if longest <= _LONGEST:
        return ", which PaddleOCR's configurations take"
    return f", and more than {_LONGEST} need `Global.max_text_length={longest + 2}`"
