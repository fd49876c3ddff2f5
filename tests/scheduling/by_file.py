"""How the tests are shared among workers, and what becomes of a worker that crashes."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

_CRASHED = pytest.StashKey[bool]()


class ByFile(LoadScopeScheduling):
    """A file's tests go to one worker, and so do all that share the finished demo."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "tests/end_to_end" if file.startswith("tests/end_to_end/") else file

    def remove_node(self, node: WorkerController) -> str | None:
        """The test that a worker died in, if any: what no worker has begun is left undone then.

        xdist would give that worker's files to others as a whole, which crash as well, or wait for
        ever: one that gets nothing but tests that are done never asks for more.
        """
        files = self.assigned_work.pop(node)
        left = (test for tests in files.values() for test, done in tests.items() if not done)
        test = next(left, None)
        if test is not None:
            self.workqueue.clear()
        return test


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    # Not `--dist loadgroup`: it renames tests, which pytest 9.2 no longer allows.
    return ByFile(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: WorkerController, error: object) -> None:
    if error:
        node.config.stash[_CRASHED] = True


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker that dies after its last test fails the run too: xdist alone would let it pass."""
    if session.config.stash.get(_CRASHED, False) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
