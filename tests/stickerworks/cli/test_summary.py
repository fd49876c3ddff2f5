"""The end of a run can be read without the log above it."""

from __future__ import annotations

from stickerworks.cli.summary import summary_lines

FOUND = {
    "workspace": "/home/me/my-dataset",
    "read": 12345,
    "unfetched": {"not_media": 3, "gone": 1},
    "kept": 12000,
    "dropped": 340,
    "dropped_by": dict.fromkeys(("duplicate", "ocr_length", "aspect", "entropy", "min_side"), 50)
    | {"\x1b[31mtheirs": 90},
    "failed": 5,
    "failed_by": {"decode": 5},
    "labels": {"effective": 11000, "adjudicate": 600, "unlabelled": 400},
    "simulated": True,
    "splits": {"train": 9600, "validation": 1200, "test": 1200},
    "gate": {"verdict": "passed", "figure": "mAP", "real": 0.91, "control": 0.1, "reasons": []},
    "release": "/home/me/" + "long/" * 20 + "releases/cats-0.1.0",
    "report": "/home/me/my-dataset/reports/index.html",
}


def test_every_figure_stands_there_once_and_lines_fit_80_columns() -> None:
    text = "\n".join(summary_lines(FOUND))
    for said in (
        "Stickers        12,345  not fetched: not_media 3, gone 1",
        "Kept            12,000",
        "Dropped            340  \N{REPLACEMENT CHARACTER}[31mtheirs 90, duplicate 50,",
        "Failed               5  decode 5",
        "Labelled        11,000  simulated votes; adjudicate 600, unlabelled 400",
        "Released        12,000  train 9,600, validation 1,200, test 1,200",
        "Gate            passed  mAP 91.00%, on shuffled labels 10.00%",
        f"Release  {FOUND['release']}",
        f"load_dataset({FOUND['release']!r})",
    ):
        assert text.count(said) == 1, text
    paths = (FOUND["release"], FOUND["report"])
    assert max(len(line) for line in text.splitlines() if not any(p in line for p in paths)) <= 80


def test_a_gate_that_could_not_judge_says_why() -> None:
    gate = {"verdict": "not judged", "real": None, "control": None, "reasons": ["8 are needed"]}
    lines = list(summary_lines(FOUND | {"gate": gate, "unfetched": {}}))
    assert "  Gate        not judged  8 are needed" in lines
    assert "  Stickers        12,345" in lines
