"""What an annotator could ask a server for to see what others said, by Label Studio's own API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from voting.browser import Browser

MARK = "written by "
"""Before the account of who wrote a caption, so that a vote can be found in any answer."""

_SAMPLE = 12
# Of the whole server, whatever somebody has there.
_LISTS = (
    "/api/projects/", "/api/tasks/?fields=all", "/api/annotations/", "/api/users/",
    "/api/organizations/", "/api/organizations/1/memberships", "/api/dm/views/", "/api/dm/columns/",
    "/api/invite", "/api/token/", "/api/current-user/token", "/api/webhooks/", "/api/storages/",
    "/api/ml/", "/api/predictions/", "/api/activity/", "/api/comments/", "/admin/", "/docs/api/",
    "/api/swagger/", "/organization/", "/user/account/", "/data/upload/1/x.json", "/tasks/",
    "/api/label_links/", "/api/import/file-upload/1", "/api/storages/localfiles/", "/metrics",
    "/api/jwt/settings/", "/api/sessions/", "/django-rq/", "/label-studio/data/",
    "/data/local-files/?d=../accounts.json", "/data/local-files/?d=stickers/../../ledger.sqlite",
    "/data/local-files/?d=..%2fdata%2flabel_studio.sqlite3", "/api/../api/projects/",
    "//api/projects/", "/api/projects%2f", "/API/projects/", "/api/projects/?page_size=1000",
)  # fmt: skip
_OF_PROJECT = (
    "/api/projects/{0}/", "/api/projects/{0}/tasks/", "/api/projects/{0}/next",
    "/api/projects/{0}/export?exportType=JSON", "/api/projects/{0}/exports/",
    "/api/projects/{0}/export/formats", "/api/projects/{0}/summary/", "/api/dm/project?project={0}",
    "/api/dm/tasks/?project={0}", "/api/tasks/?project={0}&fields=all&page_size=1000",
    "/api/dm/views?project={0}", "/api/dm/actions?project={0}", "/api/projects/{0}/annotators",
    "/api/projects/{0}/label-stream-history", "/api/projects/{0}/members",
    "/api/projects/{0}/stats",
    "/api/projects/{0}/imports/1", "/api/projects/{0}/file-uploads", "/projects/{0}/data",
    "/projects/{0}/data?labeling=1", "/projects/{0}/settings", "/api/users/?project={0}",
    "/projects/{0}/data/export", "/api/dm/columns?project={0}", "/api/projects/{0}/model-versions/",
)  # fmt: skip
_OF_TASK = (
    "/api/tasks/{0}/", "/api/tasks/{0}/annotations/", "/api/tasks/{0}/drafts/",
    "/api/dm/tasks/{0}/", "/api/tasks/{0}?fields=all", "/api/tasks/{0}/predictions/",
    "/api/tasks/{0}/annotators/", "/api/dm/tasks/{0}?project=1",
)  # fmt: skip
_OF_ANNOTATION = (
    "/api/annotations/{0}/", "/api/annotations/{0}", "/api/annotation-history/?annotation={0}",
    "/api/annotations/{0}/drafts/", "/api/comments/?annotation={0}",
    "/api/annotations/{0}/convert-to-draft",
)  # fmt: skip


def snoop(browser: Browser, numbers: Mapping[str, Sequence[int]]) -> tuple[int, list[str]]:
    """Try everything; how much was tried, and the addresses whose answers show others' votes.

    ``numbers`` are those of all tasks, projects and annotations, which an annotator may guess.
    """
    tried, leaks = 0, []
    for method, path, body in _attempts(numbers):
        tried += 1
        answer = browser.ask(method, path, body)
        if _shows_others(answer.text, browser.account):
            leaks.append(f"{method} {path}")
        # Whatever a change of others' answers is answered with, it mustn't be done.
        if method in ("PATCH", "DELETE", "PUT") and answer.ok and not _own(browser, path):
            leaks.append(f"{method} {path} was done")
    return tried, leaks


def _attempts(numbers: Mapping[str, Sequence[int]]) -> Iterator[tuple[str, str, Any]]:
    yield from (("GET", path, None) for path in _LISTS)
    for number in numbers["projects"]:
        yield from (("GET", path.format(number), None) for path in _OF_PROJECT)
        yield "POST", f"/api/dm/actions?id=next_task&project={number}", {"project": number}
        for action in ("retrieve_tasks_predictions", "delete_tasks_annotations", "delete_tasks"):
            chosen = {"selectedItems": {"all": True, "excluded": []}}
            yield "POST", f"/api/dm/actions?id={action}&project={number}", chosen
        yield "PATCH", f"/api/projects/{number}/", {"title": "mine now"}
        yield "POST", f"/api/projects/{number}/exports/", {"title": "mine"}
        yield "POST", f"/api/projects/{number}/import", [{"data": {"html": "x"}}]
    tasks, annotations = numbers["tasks"], numbers["annotations"]
    for number in tasks[:: max(1, len(tasks) // _SAMPLE)]:
        yield from (("GET", path.format(number), None) for path in _OF_TASK)
        yield "PATCH", f"/api/tasks/{number}/", {"data": {"html": "x"}}
    for number in annotations[:: max(1, len(annotations) // _SAMPLE)]:
        yield from (("GET", path.format(number), None) for path in _OF_ANNOTATION)
        yield "DELETE", f"/api/annotations/{number}/", None


def _shows_others(text: str, account: str) -> bool:
    """Whether an answer has the mark of anybody else."""
    written = text.replace("\\u0020", " ").split(MARK)[1:]
    return any(not rest.startswith(account) for rest in written)


def _own(browser: Browser, path: str) -> bool:
    """Whether a path names an answer that the browser's own person gave."""
    number = path.rstrip("/").rsplit("/", 1)[-1]
    return number.isdigit() and int(number) in browser.given.values() and "annotations" in path
