"""What annotators may ask Label Studio for: what the labelling screen needs, on what is theirs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from annotation.human.gateway.decisions import Asked, Decision, Holdings, Verdict

VOTE = frozenset(
    {"result", "lead_time", "was_cancelled", "draft_id", "parent_prediction", "started_at"}
    | {"unique_id"}
)
"""What of a posted answer goes on: nobody says in whose name, or for which task."""

_Made = Callable[[Asked, Holdings, tuple[int, ...]], Decision]


@dataclass(frozen=True)
class Rule:
    """A path, whose numbers ``made`` is given, and what becomes of it."""

    name: str
    methods: tuple[str, ...]
    path: re.Pattern[str]
    made: _Made


def _refused(rule: str) -> Decision:
    return Decision("refuse", rule)


def _keep(asked: Asked, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, value)
        for name in names
        if (value := asked.value(name)) is not None and len(value) < 200
    )


def _in_project(number: int, holdings: Holdings, found: Decision) -> Decision:
    if not holdings.project(number):
        return _refused("project")
    query = (*found.query, ("project", str(number)))
    return replace(found, query=query, project=number)


def _named_project(asked: Asked) -> int:
    value = asked.value("project") or ""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0


def _on_task(number: int, holdings: Holdings, found: Decision) -> Decision:
    state, project = holdings.task(number)
    if state != "own":
        return _refused("withdrawn" if state == "withdrawn" else "task")
    query = (*found.query, ("project", str(project)))
    return replace(found, query=query, project=project, task=number)


def _home(_: Asked, __: Holdings, ___: tuple[int, ...]) -> Decision:
    return Decision("home", "")


def _login(asked: Asked, _: Holdings, __: tuple[int, ...]) -> Decision:
    return Decision("forward", "", _keep(asked, ("next",)))


def _as_it_is(_: Asked, __: Holdings, ___: tuple[int, ...]) -> Decision:
    return Decision("forward", "")


def _ourselves(_: Asked, __: Holdings, ___: tuple[int, ...]) -> Decision:
    return Decision("ourselves", "")


def _screen(asked: Asked, holdings: Holdings, numbers: tuple[int, ...]) -> Decision:
    if not holdings.project(numbers[0]):
        return _refused("project")
    if asked.value("labeling") != "1":  # else the Data Manager opens
        return Decision("stream", "", project=numbers[0])
    return Decision("forward", "", asked.query, project=numbers[0])


def _stream(_: Asked, holdings: Holdings, numbers: tuple[int, ...]) -> Decision:
    if not holdings.project(numbers[0]):
        return _refused("project")
    return Decision("stream", "", project=numbers[0])


def _project(_: Asked, holdings: Holdings, numbers: tuple[int, ...]) -> Decision:
    found = _in_project(numbers[0], holdings, Decision("forward", ""))
    return replace(found, query=())


def _of_project(verdict: Verdict) -> _Made:
    def made(asked: Asked, holdings: Holdings, numbers: tuple[int, ...]) -> Decision:
        number = numbers[0] if numbers else _named_project(asked)
        return _in_project(number, holdings, Decision(verdict, ""))

    return made


def _columns(asked: Asked, holdings: Holdings, _: tuple[int, ...]) -> Decision:
    return _in_project(_named_project(asked), holdings, Decision("forward", "", theirs=True))


def _counts(asked: Asked, holdings: Holdings, _: tuple[int, ...]) -> Decision:
    kept = _keep(asked, ("interaction", "include"))
    return _in_project(_named_project(asked), holdings, Decision("forward", "", kept))


def _next(asked: Asked, holdings: Holdings, _: tuple[int, ...]) -> Decision:
    if asked.value("id") != "next_task":
        return _refused("action")
    found = Decision("forward", "", (("id", "next_task"),), theirs=True)
    return _in_project(_named_project(asked), holdings, found)


def _next_of(_: Asked, holdings: Holdings, numbers: tuple[int, ...]) -> Decision:
    return _in_project(numbers[0], holdings, Decision("forward", "", theirs=True))


def _task(_: Asked, holdings: Holdings, numbers: tuple[int, ...]) -> Decision:
    return _on_task(numbers[0], holdings, Decision("forward", "", theirs=True))


def _vote(asked: Asked, holdings: Holdings, numbers: tuple[int, ...]) -> Decision:
    kept = _keep(asked, ("was_cancelled",))
    return _on_task(numbers[0], holdings, Decision("forward", "", kept, body=VOTE))


def _given(kind: str) -> _Made:
    def made(asked: Asked, holdings: Holdings, numbers: tuple[int, ...]) -> Decision:
        # Before it goes on, Label Studio is asked whose it is and on which task.
        body = VOTE if asked.method in ("PATCH", "PUT", "POST") else frozenset()
        return Decision("forward", "", body=body, confirm=f"/api/{kind}/{numbers[0]}/", theirs=True)

    return made


def _draft_of(asked: Asked, holdings: Holdings, numbers: tuple[int, ...]) -> Decision:
    found = Decision("forward", "", body=VOTE, confirm=f"/api/annotations/{numbers[1]}/")
    return _on_task(numbers[0], holdings, found)


def _file(asked: Asked, _: Holdings, __: tuple[int, ...]) -> Decision:
    name = asked.value("d") or ""
    if not _FILE.fullmatch(name) or ".." in name:
        return _refused("file")
    return Decision("forward", "", (("d", name),))


_FILE = re.compile(r"(?:stickers|frames)/[A-Za-z0-9._/-]{1,200}")
_GET, _POST = ("GET",), ("POST",)
_N = r"(\d{1,9})"

ENTRY = (
    Rule("login", ("GET", "POST"), re.compile(r"/user/login/?"), _login),
    Rule("logout", ("GET", "POST"), re.compile(r"/logout/?"), _as_it_is),
)
"""For everybody."""

RULES = (
    *ENTRY,
    Rule("home", _GET, re.compile(r"/|/projects/?"), _home),
    Rule("screen", _GET, re.compile(rf"/projects/{_N}/data/?"), _screen),
    Rule("stream", _GET, re.compile(rf"/projects/{_N}(?:/labeling)?/?"), _stream),
    Rule("whoami", _GET, re.compile(r"/api/current-user/whoami/?"), _as_it_is),
    Rule("hotkeys", ("GET", "PATCH"), re.compile(r"/api/current-user/hotkeys/?"), _ourselves),
    Rule("tour", ("GET", "PATCH"), re.compile(r"/api/current-user/product-tour/?"), _ourselves),
    Rule("version", _GET, re.compile(r"/api/version/?"), _as_it_is),
    Rule("tips", _GET, re.compile(r"/heidi-tips/?"), _ourselves),
    Rule("projects", _GET, re.compile(r"/api/projects/?"), _ourselves),
    Rule("project", _GET, re.compile(rf"/api/projects/{_N}/?"), _project),
    Rule(
        "history",
        _GET,
        re.compile(rf"/api/projects/{_N}/label-stream-history/?"),
        _of_project("forward"),
    ),
    Rule("next", _GET, re.compile(rf"/api/projects/{_N}/next/?"), _next_of),
    Rule("ml", _GET, re.compile(r"/api/ml/?"), _of_project("ourselves")),
    Rule("columns", _GET, re.compile(r"/api/dm/columns/?"), _columns),
    Rule("counts", _GET, re.compile(r"/api/dm/project/?"), _counts),
    Rule("users", _GET, re.compile(r"/api/users/?"), _of_project("ourselves")),
    Rule("views", _GET, re.compile(r"/api/dm/views/?"), _of_project("ourselves")),
    Rule("labels", _GET, re.compile(r"/api/label_links/?"), _of_project("ourselves")),
    Rule("tasks", _GET, re.compile(r"/api/tasks/?"), _of_project("ourselves")),
    Rule("next", _POST, re.compile(r"/api/dm/actions/?"), _next),
    Rule("task", _GET, re.compile(rf"/api/tasks/{_N}/?"), _task),
    Rule("annotations", _GET, re.compile(rf"/api/tasks/{_N}/annotations/?"), _task),
    Rule("vote", _POST, re.compile(rf"/api/tasks/{_N}/annotations/?"), _vote),
    Rule("drafts", _GET, re.compile(rf"/api/tasks/{_N}/drafts/?"), _task),
    Rule("draft", _POST, re.compile(rf"/api/tasks/{_N}/drafts/?"), _vote),
    Rule("draft", _POST, re.compile(rf"/api/tasks/{_N}/annotations/{_N}/drafts/?"), _draft_of),
    Rule(
        "annotation",
        ("GET", "PATCH"),
        re.compile(rf"/api/annotations/{_N}/?"),
        _given("annotations"),
    ),
    Rule(
        "own draft",
        ("GET", "PATCH", "DELETE"),
        re.compile(rf"/api/drafts/{_N}/?"),
        _given("drafts"),
    ),
    Rule("file", _GET, re.compile(r"/data/local-files/?"), _file),
)
"""For annotators."""
