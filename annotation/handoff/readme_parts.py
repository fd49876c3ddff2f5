"""What the READMEs of both exports say alike."""

from __future__ import annotations

from collections.abc import Mapping


def simulated_note(among: bool, left_out: int) -> str:
    """Whether simulated votes are in it."""
    if among:
        return "\n\n**Simulated annotators are among them: this is for trying things out.**"
    return f" {left_out} simulated votes are left out." if left_out else ""


def reasons_table(title: str, counts: Mapping[str, int]) -> str:
    """Counts by reason, the most first; nothing where there are none."""
    rows = "".join(
        f"| {reason} | {count} |\n"
        for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
    return f"| {title} | |\n| --- | ---: |\n{rows}\n" if rows else ""


def licence_note(withheld: int, total: int) -> str:
    """Whether the folder may be passed on."""
    if not withheld:
        return "The sources of all of them let their bytes be passed on, each under its licence."
    return (
        f"**Don't pass this folder on.** Of {withheld} of the {total} stickers, no source says "
        "that their bytes\nmay be passed on (`redistribute` in `manifest.jsonl`), and pictures of "
        "them lie here. Whether you\nmay train on them is for you to find out."
    )
