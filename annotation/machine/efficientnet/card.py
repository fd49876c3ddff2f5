"""The model card and the picture of the confusion, from the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from annotation.machine.efficientnet.saved import CONFIG, DESCRIPTION, WEIGHTS
from pipeline.engine.text import markdown_text


def write_card(path: Path, description: dict[str, Any], report: dict[str, Any]) -> None:
    """README.md of a model's folder: what it is, how good, on what, and where it fails."""
    held, plain, training = report["held_out"], report["statistics_alone"], description["training"]
    counts = training["stickers"]
    path.write_text(
        f"""# Real or cartoon: {description["name"]}

Tells stickers made of photographs ("real") from drawn ones ("cartoon") by their key frames, after
the domain of VSD2M. An EfficientNet ({training["preset"]}, {training["weights"]}) trained by
stickerworks {training["versions"]["stickerworks"]} on {counts["real"]} real and
{counts["cartoon"]} cartoon stickers of {training["groups"]} packs, labels from
{markdown_text(training["source"], 300)}.

## Held-out figures

{held["protocol"]}. The model in this folder was then trained on all labels, so it has no held-out
figures of its own. Beside it, the default classifier's statistics trained on the same folds.

| | this | statistics alone |
| --- | --- | --- |
| balanced accuracy | {held["balanced_accuracy"]} | {plain["balanced_accuracy"]} |
| accuracy | {held["accuracy"]} | {plain["accuracy"]} |
| AUC | {held["auc"]} | {plain["auc"]} |
| balanced accuracy, not calibrated | {held["uncalibrated_balanced_accuracy"]} | \
{plain["uncalibrated_balanced_accuracy"]} |

{_verdict(held, plain)}

| | said real | said cartoon |
| --- | --- | --- |
| real | {held["confusion"]["real"]["real"]} | {held["confusion"]["real"]["cartoon"]} |
| cartoon | {held["confusion"]["cartoon"]["real"]} | {held["confusion"]["cartoon"]["cartoon"]} |

![confusion](confusion.png)

## Calibration

Platt's scaling of the held-out log-odds, whose figures are cross-fitted: expected calibration
error {held["calibration_error_before"]} before, {held["calibration_error"]} after. A probability
holds for collections with the same share of real stickers as the labels
({counts["real"] / (counts["real"] + counts["cartoon"]):.0%}).

| probability of real | stickers | mean probability | share real |
| --- | --- | --- | --- |
{_rows(held["reliability"])}

## Where it fails

{_worst(held["worst_groups"])}

`mistakes.jsonl` lists every held-out sticker that was wrong. Mixed stickers (a photographed face
on a drawn body, a drawing before a photograph) have no right answer here, and packs unlike those
learnt from can be wrong as a whole.

## Files

`{WEIGHTS}` and `{CONFIG}` are transformers' EfficientNetForImageClassification, `{DESCRIPTION}`
says how frames become numbers and log-odds probabilities, `report.json` holds all figures.
""",
        encoding="utf-8",
    )


def draw_confusion(path: Path, held: dict[str, Any]) -> None:
    """The confusion as a picture; the same figures give the same bytes."""
    from matplotlib.figure import Figure

    names = ("real", "cartoon")
    counts = [[held["confusion"][row][column] for column in names] for row in names]
    figure = Figure(figsize=(4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for y, row in enumerate(counts):
        for x, count in enumerate(row):
            colour = "white" if shares[y][x] > 0.5 else "black"
            axes.text(x, y, f"{count}\n{shares[y][x]:.0%}", ha="center", va="center", color=colour)
    axes.set_xticks(range(2), [f"said {name}" for name in names])
    axes.set_yticks(range(2), names)
    axes.set_title("Held-out stickers", fontsize=10)
    figure.savefig(path, format="png", metadata={"Software": None})


def _verdict(held: dict[str, Any], plain: dict[str, Any]) -> str:
    better = [name for name in ("balanced_accuracy", "auc") if held[name] > plain[name]]
    if len(better) == 2:
        return "It is better than the statistics alone."
    return (
        "**It is not better than the statistics alone in every figure**: `annotate.domain_model: "
        "null` may serve as well."
    )


def _rows(reliability: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"| {row['from']} to {row['to']} | {row['stickers']} | {row['probability']:.2f} "
        f"| {row['real']:.2f} |"
        for row in reliability
    )


def _worst(groups: list[dict[str, Any]]) -> str:
    if not groups:
        return "No held-out sticker was wrong."
    rows = "\n".join(
        f"| {markdown_text(row['group'])} | {row['stickers']} | {row['right']:.0%} |"
        for row in groups
    )
    return f"| worst packs | stickers | right |\n| --- | --- | --- |\n{rows}"
