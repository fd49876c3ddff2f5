"""What holds for every test."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Busy machines stall for longer than any deadline; and a red run in CI must be repeatable.
settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("house")

# Decoded frames and text features of tests must neither fill nor trust a person's cache.
_CACHE = tempfile.TemporaryDirectory(prefix="stickerworks-tests-")
os.environ["STICKERWORKS_CACHE"] = _CACHE.name

_TESTS = Path(__file__).parent
# No test leaves this machine, nor does a process that it starts.
_GUARD = str(_TESTS / "loopback")
sys.path.insert(0, _GUARD)
import loopback_guard  # noqa: E402 - it lies in no package, since children import it alone

_PATH = os.environ.get("PYTHONPATH", "").split(os.pathsep)
os.environ["PYTHONPATH"] = os.pathsep.join([_GUARD, *(p for p in _PATH if p and p != _GUARD)])
os.environ[loopback_guard.ATTEMPTS] = str(Path(_CACHE.name) / "attempts.txt")
loopback_guard.install()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    yield from _on_loopback()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    yield from _on_loopback()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    yield from _on_loopback()


def _on_loopback() -> Iterator[None]:
    """Fail what tried to leave loopback, also where its code made something of the refusal."""
    try:
        yield
    finally:
        tried = loopback_guard.attempts()
        if tried:
            pytest.fail("\n".join(dict.fromkeys(tried)), pytrace=False)


# Several workers would each make what these share: a finished demo, a migrated server.
_SHARING = ("end_to_end", "annotation/human/studio")
# What takes longest begins first, so that no worker waits for it at the end.
_LONG = (*_SHARING, "annotation/machine", "pipeline/baselines", "crawlers")

if "PYTEST_XDIST_WORKER" in os.environ:
    # The workers have the cores among them; sums over more threads would only wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread tests over workers file by file, or by what they share; no other order is meant."""

    def rank(item: pytest.Item) -> int:
        folders = [number for number, folder in enumerate(_LONG) if _lies_in(item, folder)]
        return min(folders, default=len(_LONG))

    for item in items:
        shared = next((folder for folder in _SHARING if _lies_in(item, folder)), None)
        group = shared or item.path.relative_to(_TESTS).as_posix()
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=rank)


def _lies_in(item: pytest.Item, folder: str) -> bool:
    return item.path.is_relative_to(_TESTS / folder)
