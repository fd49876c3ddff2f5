"""The ledger of answers forgets stickers that were taken down, and nothing else."""

from __future__ import annotations

from pathlib import Path

from annotation.machine.answers import DATABASE, FILE, open_answers
from annotation.machine.forgetting import forget_answers

GONE, STAYS = "ab" * 32, "cd" * 32


def test_answers_and_captions_go(tmp_path: Path) -> None:
    with DATABASE.open(tmp_path / FILE) as connection:
        for sticker in (GONE, STAYS):
            connection.execute(
                "INSERT INTO answers VALUES (?, 'i', 'q', 0, 'p', 't', 'en', ?, NULL, 1, 1, 0.5, 0,"
                " NULL, '2026', 1, 0)",
                (sticker, f"a cat of {sticker}"),
            )
            connection.execute(
                "INSERT INTO captions VALUES (?, 'c', 'm', 'r', 'p', 0, 'i', 'q', ?, 0, 0)",
                (sticker, f'{{"text": "a cat of {sticker}", "field": "caption", "flags": []}}'),
            )
    forget_answers(tmp_path, [GONE])
    with open_answers(tmp_path) as answers:
        assert answers.captions(GONE) == []
        assert len(answers.captions(STAYS)) == 1
    assert GONE.encode() not in (tmp_path / FILE).read_bytes()
    assert STAYS.encode() in (tmp_path / FILE).read_bytes()


def test_without_a_ledger_there_is_nothing_to_forget(tmp_path: Path) -> None:
    forget_answers(tmp_path, [GONE])
    assert list(tmp_path.iterdir()) == []
