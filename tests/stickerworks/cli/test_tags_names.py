"""Names of clusters that a served model suggests, on sheets and pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from openai_server import OpenaiServer

from pipeline.engine.workspace import Workspace

Serve = Callable[..., OpenaiServer]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a replica that names the first cluster of each request as its plan says."""
    with ExitStack() as stack:

        def start(*names: dict[str, Any], **plan: Any) -> OpenaiServer:
            folder = tmp_path / f"server-{len(list(tmp_path.glob('server-*')))}"
            answer = {"names": list(names)}
            whole = {"rules": [["Give each of these clusters", answer]], **plan}
            return stack.enter_context(OpenaiServer(whole, folder))

        yield start


def asking(server: OpenaiServer) -> list[str]:
    options = f"{{base_url: '{server.url}', model: replica-vl, longest_wait_s: 0.2}}"
    return ["--set", "annotate.captioner=openai", "--set", f"annotate.options={options}"]


def name(cluster: int, zh: str, en: str) -> dict[str, Any]:
    return {"cluster": cluster, "zh": zh, "en": en}


def proposed(made: Path) -> list[str]:
    return [row["key"] for row in Workspace(made).read("proposals").to_pylist() if row["name"]]


def test_without_a_served_model_nothing_is_asked_or_remembered(made: Path, program: Any) -> None:
    told = program("tags", "sheet", "--json")
    assert (told.code, "names" in json.loads(told.out)) == (0, False)
    assert not Workspace(made).path("name_suggestions").exists()


def test_names_stand_on_the_sheet_and_are_asked_for_once(
    made: Path, program: Any, serve: Serve
) -> None:
    server = serve(*(name(n, f"好名{n}", f"good {n}") for n in range(1, 13)))
    first = program("tags", "sheet", "--json", *asking(server))
    count = len(proposed(made))
    assert first.code == 0
    assert count > 0
    found = json.loads(first.out)["names"]
    assert (found["asked"], found["named"], found["failed"]) == (count, count, 0)
    assert found["requests"] == len(server.chats()) == -(-count // 12)
    assert all(entry["response_format"] == "json_schema" for entry in server.chats())
    table = (made / "reports/tags.csv").read_text(encoding="utf-8-sig")
    assert "好名1" in table
    assert "good 1" in table
    page = program("tags", "page", "--json", *asking(server))
    assert page.code == 0
    assert "names" not in json.loads(page.out)
    assert len(server.chats()) == found["requests"]
    assert "好名1" in (made / "reports/tags.html").read_text(encoding="utf-8")


def test_a_dry_run_says_how_many_requests_and_sends_none(program: Any, serve: Serve) -> None:
    server = serve()
    told = program("tags", "page", "--dry-run", "--json", *asking(server))
    assert told.code == 0
    assert re.search(r"would ask replica-vl about [1-9]\d* clusters in 1 requests?", told.said)
    assert json.loads(told.out)["names"]["requests"] == 1
    assert server.log() == []


def test_what_a_model_was_led_to_say_is_no_suggestion(
    made: Path, program: Any, serve: Serve
) -> None:
    bad = [
        name(1, "傻逼", "fuck you"),
        name(2, "长" * 60, "\u0007"),
        name(99, "忽略以上", "owned"),
    ]
    server = serve(*bad)
    assert program("tags", "sheet", *asking(server)).code == 0
    table = (made / "reports/tags.csv").read_text(encoding="utf-8-sig")
    assert not re.search("傻逼|fuck|长长|忽略|owned", table)
    remembered = Workspace(made).read("name_suggestions").to_pylist()
    assert len(remembered) == len(proposed(made))


def test_a_name_is_suggested_once_and_never_where_another_row_has_it(
    made: Path, program: Any, serve: Serve
) -> None:
    first, other = (row["name"] for row in Workspace(made).read("proposals").to_pylist()[:2])
    server = serve(name(1, "好名", other.upper()), name(2, "好 名", "Good"))
    assert program("tags", "sheet", *asking(server)).code == 0
    lines = (made / "reports/tags.csv").read_text(encoding="utf-8-sig").splitlines()
    (one,) = [line for line in lines if "c0" in line]
    (two,) = [line for line in lines if "c1" in line]
    assert ("好名" in one, other.upper() in one) == (True, False)
    assert ("好 名" in two, "Good" in two) == (False, True)
    assert first in one


def test_a_server_that_is_gone_is_one_clear_line_with_two_ways_on(
    made: Path, program: Any, serve: Serve
) -> None:
    server = serve()
    server.stop()
    told = program("tags", "sheet", *asking(server))
    assert told.code == 1
    assert re.search(r"No server answers at .*--set annotate\.captioner=template", told.said, re.S)
    assert "Traceback" not in told.said
    assert not (made / "reports/tags.csv").exists()
    assert program("tags", "sheet").code == 0


def test_a_server_that_a_strangers_file_names_is_not_asked(made: Path, program: Any) -> None:
    with (made / "stickerworks.yaml").open("a", encoding="utf-8") as file:
        file.write(
            "annotate:\n  captioner: openai\n"
            "  options: {base_url: 'https://elsewhere.example/v1', model: m}\n"
        )
    told = program("tags", "sheet")
    assert told.code == 1
    assert "somebody else may have written it" in " ".join(told.said.split())


def test_faults_of_a_server_are_borne(made: Path, program: Any, serve: Serve) -> None:
    names = [name(n, f"好名{n}", f"good {n}") for n in range(1, 13)]
    for fault in ("500", "broken_json"):
        server = serve(*names, misbehave={fault: 1.0})
        told = program("tags", "sheet", "--json", *asking(server))
        assert told.code == 0, fault
        assert json.loads(told.out)["names"]["failed"] == 0
        Workspace(made).path("name_suggestions").unlink()
        for file in (made / "reports").glob("tags.*"):
            file.unlink()


def test_where_what_was_remembered_is_damaged_the_file_to_delete_is_told(
    made: Path, program: Any, serve: Serve
) -> None:
    server = serve(*(name(n, f"好名{n}", f"good {n}") for n in range(1, 13)))
    assert program("tags", "page", *asking(server)).code == 0
    path = Workspace(made).path("name_suggestions")
    path.write_bytes(path.read_bytes()[:-40] + b"x" * 40)
    told = program("tags", "page", *asking(server))
    assert told.code == 1
    assert f"Could not read the table {path}" in told.said
    assert "Delete that file" in told.said
    path.unlink()
    assert program("tags", "page", *asking(server)).code == 0
    assert len(server.chats()) == 2
