"""Tasks of a project, page by page, past those that the server can't send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from annotation.human.studio.client import server_errors

if TYPE_CHECKING:
    from annotation.human.studio.client import Connection

_SPLIT = 16
_MOST_UNREAD = 20

Page = list[Mapping[str, Any]]


@dataclass
class TaskPages:
    """Reads tasks with their answers; ``unread`` are those that the server failed on.

    Of an answer that it can't write out, Label Studio makes the whole page fail, whoever asks.
    """

    connection: Connection
    project: int
    query: str | None
    unread: list[int] = field(default_factory=list)

    def read(self, size: int) -> Iterator[Page]:
        """Pages of at most ``size`` tasks.

        Raises StickerworksError when the server stops answering, or fails on more than 20 tasks.
        """
        number = 1
        while True:
            page = self._page(number, size)
            if isinstance(page, _Failed):
                yield from self._parts(number, size, page)
            elif page:
                yield page
            if page is None or (not isinstance(page, _Failed) and len(page) < size):
                return
            number += 1

    def _parts(self, number: int, size: int, failed: _Failed) -> Iterator[Page]:
        """The same tasks in smaller pages, at last one by one."""
        if size == 1:
            self._note(number, failed)
            return
        smaller = max(1, size // _SPLIT)
        first = (number - 1) * size // smaller + 1
        for part in range(first, first + size // smaller):
            page = self._page(part, smaller)
            if page is None:
                return
            if isinstance(page, _Failed):
                yield from self._parts(part, smaller, page)
            elif page:
                yield page

    def _note(self, number: int, failed: _Failed) -> None:
        if len(self.unread) == _MOST_UNREAD:
            with server_errors(self.connection.url):
                raise failed.error
        with server_errors(self.connection.url):
            # Without its answers the server can send it.
            listed = self._list(page=number, page_size=1, fields="task_only", include="id")
        self.unread += [int(task.dict()["id"]) for task in listed.items or ()]

    def _page(self, number: int, size: int) -> Page | _Failed | None:
        """The tasks of a page; None beyond the last one."""
        from label_studio_sdk.core.api_error import ApiError

        with server_errors(self.connection.url):
            try:
                listed = self._list(page=number, page_size=size, fields="all")
            except ApiError as error:
                if error.status_code == 404 and number > 1:
                    return None
                if error.status_code == 500:
                    return _Failed(error)
                raise
        return [task.dict() for task in listed.items or ()]

    def _list(self, **asked: Any) -> Any:
        query = {} if self.query is None else {"query": self.query}
        return self.connection.client.tasks.list(project=self.project, **query, **asked)


@dataclass(frozen=True)
class _Failed:
    error: Exception
