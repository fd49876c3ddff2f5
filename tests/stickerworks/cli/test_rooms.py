"""One order of commands, which the tables need, and which all who list the commands keep."""

from __future__ import annotations

import re
from pathlib import Path

from schemas.tables import TABLES
from stickerworks.cli.main import app
from stickerworks.cli.rooms import COMMANDS, ROOMS, plan_of

ROOT = Path(__file__).parents[3]


def test_every_room_reads_what_rooms_before_it_wrote() -> None:
    made = {name for name, table in TABLES.items() if table.command not in ROOMS}
    for room in ROOMS:
        for work in plan_of(room):
            assert set(work.reads) <= made, f"{room}: {work.name}"
            made |= set(work.writes)
    assert made == set(TABLES)


def test_the_readme_the_makefile_and_the_help_list_commands_in_this_order() -> None:
    for name, pattern in {"README.md": r"^\| `([a-z]+)", "Makefile": r"^([a-z]+):.*##"}.items():
        text = (ROOT / name).read_text("utf-8")
        listed = dict.fromkeys(re.findall(pattern, text, re.MULTILINE))
        assert [command for command in listed if command in COMMANDS] == list(COMMANDS), name
    # Groups of commands stand by themselves in the help.
    helped = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert [name for name in helped if name in COMMANDS] == [
        name
        for name in COMMANDS
        if name not in ("annotate", "crawl", "filter", "release", "split", "tags")
    ]
