"""Who may ask Label Studio for what: everything is refused that no rule allows.

Label Studio has no roles: whoever is logged in may read and change everything. An annotator gets
what the labelling screen asks for, on projects and tasks of their own, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

Role = Literal["nobody", "lead", "annotator", "left", "stranger"]
Verdict = Literal["forward", "ourselves", "home", "stream", "login", "refuse"]
TaskState = Literal["own", "withdrawn", "foreign"]


@dataclass(frozen=True)
class Asked:
    """A request: its path as it came (not decoded), the pairs of its query (decoded)."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()

    def value(self, name: str) -> str | None:
        """The only value of that name; None when there is none, or two that may differ."""
        values = {value for key, value in self.query if key == name}
        return values.pop() if len(values) == 1 else None


class Holdings(Protocol):
    """What somebody has on the server."""

    def project(self, number: int) -> bool:
        """Whether they label in it."""

    def task(self, number: int) -> tuple[TaskState, int]:
        """Whether it is for them, and its project (0 for another's)."""


@dataclass(frozen=True)
class Decision:
    """What becomes of a request.

    ``forward`` sends it on with ``query``; ``ourselves`` is answered by the gateway under the
    ``rule``'s name; ``home``, ``stream`` and ``login`` lead to another page; ``refuse`` says the
    ``rule`` why. ``body`` names what of a JSON body goes on (None: the body as it is; empty:
    none). ``confirm`` is a path whose answer has to be theirs before anything goes on.
    ``theirs`` says that what others gave is taken out of the answer.
    """

    verdict: Verdict
    rule: str
    query: tuple[tuple[str, str], ...] = ()
    project: int = 0
    task: int = 0
    body: frozenset[str] | None = frozenset()
    confirm: str = ""
    theirs: bool = False


VOTE = frozenset(
    {"result", "lead_time", "was_cancelled", "draft_id", "parent_prediction", "started_at"}
    | {"unique_id"}
)
"""What of a posted answer goes on: nobody says in whose name, or for which task."""

_Made = Callable[[Asked, Holdings, tuple[int, ...]], Decision]


def allowed(asked: Asked, role: Role, holdings: Holdings) -> Decision:
    """What becomes of a request of somebody in that role, who has ``holdings``."""
    if role == "lead":
        return _lead(asked)
    if not _plain(asked.path):
        return Decision("refuse", "path")
    method = "GET" if asked.method == "HEAD" else asked.method
    if method == "GET" and _STATIC.fullmatch(asked.path):
        return Decision("forward", "static", asked.query)
    for rule in _ENTRY if role in ("nobody", "left", "stranger") else _RULES:
        match = rule.path.fullmatch(asked.path)
        if match and method in rule.methods:
            numbers = tuple(int(number) for number in match.groups())
            found = rule.made(asked, holdings, numbers)
            return found if found.verdict == "refuse" else replace(found, rule=rule.name)
    if role == "nobody":
        return Decision("login", "login")
    return Decision("refuse", role if role != "annotator" else "rule")


@dataclass(frozen=True)
class _Rule:
    name: str
    methods: tuple[str, ...]
    path: re.Pattern[str]
    made: _Made


def _lead(asked: Asked) -> Decision:
    # An invitation would make an account that no list knows; ours are made by `label setup`.
    if asked.path in ("", "/"):
        return Decision("home", "home")
    return Decision("forward", "lead", asked.query, body=None)


# Django decodes a path before it looks where it leads: nothing that could be read two ways passes.
_SAFE = re.compile(r"/[A-Za-z0-9._/~@+-]*")
_STATIC = re.compile(
    r"/(?:static|react-app|label-studio-frontend|dm)/[A-Za-z0-9._/~@+-]+|/favicon\.ico|/sw\.js"
)


def _plain(path: str) -> bool:
    if len(path) > 300 or not _SAFE.fullmatch(path) or "//" in path:
        return False
    return not any(part in (".", "..") for part in path.split("/"))


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


_ENTRY = (
    _Rule("login", ("GET", "POST"), re.compile(r"/user/login/?"), _login),
    _Rule("logout", ("GET", "POST"), re.compile(r"/logout/?"), _as_it_is),
)
_RULES = (
    *_ENTRY,
    _Rule("home", _GET, re.compile(r"/|/projects/?"), _home),
    _Rule("screen", _GET, re.compile(rf"/projects/{_N}/data/?"), _screen),
    _Rule("stream", _GET, re.compile(rf"/projects/{_N}(?:/labeling)?/?"), _stream),
    _Rule("whoami", _GET, re.compile(r"/api/current-user/whoami/?"), _as_it_is),
    _Rule("hotkeys", ("GET", "PATCH"), re.compile(r"/api/current-user/hotkeys/?"), _ourselves),
    _Rule("tour", ("GET", "PATCH"), re.compile(r"/api/current-user/product-tour/?"), _ourselves),
    _Rule("version", _GET, re.compile(r"/api/version/?"), _as_it_is),
    _Rule("tips", _GET, re.compile(r"/heidi-tips/?"), _ourselves),
    _Rule("projects", _GET, re.compile(r"/api/projects/?"), _ourselves),
    _Rule("project", _GET, re.compile(rf"/api/projects/{_N}/?"), _project),
    _Rule(
        "history",
        _GET,
        re.compile(rf"/api/projects/{_N}/label-stream-history/?"),
        _of_project("forward"),
    ),
    _Rule("next", _GET, re.compile(rf"/api/projects/{_N}/next/?"), _next_of),
    _Rule("ml", _GET, re.compile(r"/api/ml/?"), _of_project("ourselves")),
    _Rule("columns", _GET, re.compile(r"/api/dm/columns/?"), _columns),
    _Rule("counts", _GET, re.compile(r"/api/dm/project/?"), _counts),
    _Rule("users", _GET, re.compile(r"/api/users/?"), _of_project("ourselves")),
    _Rule("views", _GET, re.compile(r"/api/dm/views/?"), _of_project("ourselves")),
    _Rule("labels", _GET, re.compile(r"/api/label_links/?"), _of_project("ourselves")),
    _Rule("tasks", _GET, re.compile(r"/api/tasks/?"), _of_project("ourselves")),
    _Rule("next", _POST, re.compile(r"/api/dm/actions/?"), _next),
    _Rule("task", _GET, re.compile(rf"/api/tasks/{_N}/?"), _task),
    _Rule("annotations", _GET, re.compile(rf"/api/tasks/{_N}/annotations/?"), _task),
    _Rule("vote", _POST, re.compile(rf"/api/tasks/{_N}/annotations/?"), _vote),
    _Rule("drafts", _GET, re.compile(rf"/api/tasks/{_N}/drafts/?"), _task),
    _Rule("draft", _POST, re.compile(rf"/api/tasks/{_N}/drafts/?"), _vote),
    _Rule("draft", _POST, re.compile(rf"/api/tasks/{_N}/annotations/{_N}/drafts/?"), _draft_of),
    _Rule(
        "annotation",
        ("GET", "PATCH"),
        re.compile(rf"/api/annotations/{_N}/?"),
        _given("annotations"),
    ),
    _Rule(
        "own draft",
        ("GET", "PATCH", "DELETE"),
        re.compile(rf"/api/drafts/{_N}/?"),
        _given("drafts"),
    ),
    _Rule("file", _GET, re.compile(r"/data/local-files/?"), _file),
)
