"""Who may ask for what: nothing passes that no rule allows."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.human.gateway.decisions import Asked, Decision, Role, TaskState
from annotation.human.gateway.rule_table import VOTE
from annotation.human.gateway.rules import allowed

MINE, SHARED, FOREIGN = 5, 9, 6
TASK, WITHDRAWN, OTHER = 50, 51, 60


@dataclass(frozen=True)
class Held:
    """One with a project of their own and a shared one."""

    def project(self, number: int) -> bool:
        return number in (MINE, SHARED)

    def task(self, number: int) -> tuple[TaskState, int]:
        if number == WITHDRAWN:
            return "withdrawn", MINE
        return ("own", MINE) if number == TASK else ("foreign", 0)


def asked(line: str, role: Role = "annotator") -> Decision:
    """What becomes of "METHOD /path?name=value"."""
    method, _, address = line.partition(" ")
    path, _, query = address.partition("?")
    pairs = [part.partition("=") for part in query.split("&") if part]
    return allowed(Asked(method, path, tuple((k, v) for k, _, v in pairs)), role, Held())


@pytest.mark.parametrize(
    "line",
    [
        f"GET /projects/{MINE}/data?labeling=1",
        f"GET /projects/{SHARED}/data?labeling=1&tab=3",
        "GET /api/current-user/whoami",
        f"GET /api/projects/{MINE}",
        f"GET /api/projects/{MINE}/next/",
        f"GET /api/dm/project?project={MINE}",
        f"POST /api/dm/actions?id=next_task&tabID=1&project={MINE}",
        f"GET /api/tasks/{TASK}/",
        f"POST /api/tasks/{TASK}/annotations?project={MINE}",
        f"POST /api/tasks/{TASK}/drafts",
        "PATCH /api/annotations/7/",
        "DELETE /api/drafts/7",
        "GET /data/local-files/?d=stickers/ab/abc.gif",
        "GET /static/js/app.js",
        "HEAD /static/js/app.js",
        "GET /logout/",
        "POST /user/login/?next=/",
    ],
)
def test_what_the_labelling_screen_asks_for_goes_on(line: str) -> None:
    assert asked(line).verdict == "forward"


@pytest.mark.parametrize(
    "line",
    [
        f"GET /projects/{FOREIGN}/data?labeling=1",
        f"GET /projects/{MINE}/settings",
        f"GET /projects/{MINE}/data/export",
        f"GET /api/projects/{FOREIGN}/",
        f"PATCH /api/projects/{MINE}/",
        f"DELETE /api/projects/{MINE}/",
        "POST /api/projects/",
        f"GET /api/projects/{MINE}/export?exportType=JSON",
        f"GET /api/projects/{MINE}/tasks/",
        f"DELETE /api/projects/{MINE}/tasks/",
        f"POST /api/projects/{MINE}/import",
        f"GET /api/projects/{FOREIGN}/next/",
        f"GET /api/projects/{MINE}/annotators/",
        f"GET /api/tasks/{OTHER}/",
        f"GET /api/tasks/{OTHER}/?project={MINE}",
        f"GET /api/tasks/{WITHDRAWN}/",
        f"GET /api/tasks/{OTHER}/annotations/",
        f"POST /api/tasks/{OTHER}/annotations/?project={MINE}",
        f"POST /api/tasks/{OTHER}/annotations/7/drafts",
        f"DELETE /api/tasks/{TASK}/",
        f"PATCH /api/tasks/{TASK}/",
        f"GET /api/tasks/{TASK}/agreement/",
        f"GET /api/tasks?project={FOREIGN}",
        "GET /api/tasks?view=1",
        "DELETE /api/annotations/7/",
        "POST /api/annotations/7/convert-to-draft",
        "PUT /api/annotations/7/",
        f"POST /api/dm/actions?id=delete_tasks&project={MINE}",
        f"POST /api/dm/actions?id=next_task&id=delete_tasks&project={MINE}",
        f"POST /api/dm/actions?id=next_task&project={FOREIGN}",
        f"POST /api/dm/actions?id=next_task&project={MINE}&project={FOREIGN}",
        f"GET /api/dm/actions?project={MINE}",
        f"POST /api/dm/views?project={MINE}",
        "GET /api/dm/views/7",
        "GET /api/users/",
        "GET /api/users/1/",
        "PATCH /api/users/1/",
        "GET /api/token/",
        "POST /api/token/",
        "GET /api/current-user/token",
        "POST /api/current-user/reset-token/",
        "GET /api/invite",
        "GET /user/signup/?token=abc",
        "POST /user/signup/",
        "GET /user/account",
        "GET /organization/",
        "GET /people/",
        "GET /admin/",
        "GET /api/organizations/",
        "GET /api/webhooks/",
        "GET /api/storages",
        "GET /api/ml?project=6",
        "GET /api/predictions/",
        "GET /docs/api/",
        "GET /metrics/",
        "GET /data/upload/5/a.png",
        "GET /data/local-files/?d=../accounts.json",
        "GET /data/local-files/?d=stickers/../../accounts.json",
        "GET /data/local-files/?d=/etc/passwd",
        "GET /data/local-files/?d=stickers/a&d=../../accounts.json",
        f"OPTIONS /api/tasks/{TASK}/",
        f"TRACE /api/tasks/{TASK}/",
    ],
)
def test_everything_else_is_refused(line: str) -> None:
    assert asked(line).verdict == "refuse"


@pytest.mark.parametrize(
    "path",
    [
        f"//api/tasks/{TASK}/", f"/api//tasks/{TASK}/", f"/api/tasks/{TASK}/../{OTHER}/",
        f"/api/tasks/./{TASK}/", f"/api/tasks%2f{OTHER}/", f"/api/tasks/{TASK}%2f..%2f{OTHER}/",
        f"/api/tasks/{TASK};/{OTHER}/", f"/API/tasks/{TASK}/", f"/api/tasks/{TASK}/%61nnotations/",
        f"/api/tasks/{TASK}//annotations/", f"/api/tasks/+{TASK}/", f"/api/tasks/{TASK}\n/",
        f"/api/tasks/{TASK}\\..\\{OTHER}/", f"/api/tasks/{TASK}//", f"/api/tasks/{'9' * 40}/",
        f"/api/tasks/\u0665{TASK}/", f"/api/tasks/{TASK}/?", "/static/../api/users/", "/static/",
        "/static/%2e%2e/api/users/", "/static//api/users", "/dm/../api/users/", "api/tasks/50/",
        f"/api/tasks/{TASK}/#", "/" + "a" * 400, "",
    ],
)  # fmt: skip
def test_tricks_with_paths_lead_nowhere(path: str) -> None:
    assert allowed(Asked("GET", path), "annotator", Held()).verdict == "refuse"


@given(
    st.text(st.sampled_from("/.%2f;aptsk56019\\?#:@"), max_size=40),
    st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT"]),
)
def test_nothing_of_another_is_reached_by_any_path(path: str, method: str) -> None:
    found = allowed(Asked(method, f"/api/{path}"), "annotator", Held())
    if found.verdict == "forward":
        assert found.project in (0, MINE, SHARED)
        assert found.task in (0, TASK)
        assert found.project or found.confirm or found.rule in ("whoami", "version")


def test_a_query_says_only_what_the_rule_means() -> None:
    found = asked(f"GET /api/tasks/{TASK}/?project={FOREIGN}&review=1&query=x")
    assert found.query == (("project", str(MINE)),)
    found = asked(f"POST /api/dm/actions?id=next_task&view=8&query=x&project={MINE}")
    assert found.query == (("id", "next_task"), ("project", str(MINE)))


def test_nobody_says_in_whose_name_or_for_which_task() -> None:
    found = asked(f"POST /api/tasks/{TASK}/annotations")
    assert found.body == VOTE
    assert not VOTE & {"completed_by", "task", "project", "updated_by", "ground_truth", "user"}
    assert asked(f"GET /api/tasks/{TASK}/").body == frozenset()


def test_an_answer_by_its_number_has_to_be_confirmed() -> None:
    assert asked("PATCH /api/annotations/7/").confirm == "/api/annotations/7/"
    assert asked("DELETE /api/drafts/7/").confirm == "/api/drafts/7/"
    assert asked(f"POST /api/tasks/{TASK}/annotations/7/drafts").confirm == "/api/annotations/7/"


def test_what_others_gave_is_taken_out_of_every_answer_about_a_task() -> None:
    for line in (f"GET /api/projects/{SHARED}/next/", f"GET /api/dm/columns?project={SHARED}",
                 f"POST /api/dm/actions?id=next_task&project={SHARED}", "GET /api/annotations/7/",
                 f"GET /api/tasks/{TASK}/", f"GET /api/tasks/{TASK}/annotations/",
                 f"GET /api/tasks/{TASK}/drafts"):  # fmt: skip
        assert asked(line).theirs, line


def test_a_withdrawn_task_is_told_apart() -> None:
    assert asked(f"POST /api/tasks/{WITHDRAWN}/annotations").rule == "withdrawn"


@pytest.mark.parametrize("role", ["nobody", "left", "stranger"])
def test_who_is_on_no_list_gets_the_login_and_its_pictures(role: Role) -> None:
    assert asked("GET /user/login/", role).verdict == "forward"
    assert asked("GET /static/login.css", role).verdict == "forward"
    for line in ("GET /", f"GET /api/tasks/{TASK}/", "GET /user/signup/", "GET /api/version",
                 "GET /data/local-files/?d=stickers/ab/abc.gif"):  # fmt: skip
        assert asked(line, role).verdict == ("login" if role == "nobody" else "refuse")


def test_the_lead_may_do_everything() -> None:
    for line in ("GET /projects/", "DELETE /api/projects/6/", "GET /api/users/", "GET /a//b%2f"):
        found = asked(line, "lead")
        assert (found.verdict, found.body) == ("forward", None)
    assert asked("GET /", "lead").verdict == "home"
