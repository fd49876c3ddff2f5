"""What holds for every test."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent / "scheduling"))
pytest_plugins = ["by_file"]

# Busy machines stall for longer than any deadline; and a red run in CI must be repeatable.
settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("house")

# Decoded frames and text features of tests must neither fill nor trust a person's cache.
_CACHE = tempfile.TemporaryDirectory(prefix="stickerworks-tests-")
os.environ["STICKERWORKS_CACHE"] = _CACHE.name
# Processes that tests start begin as the program's do.
os.environ["STICKERWORKS_PROGRAM"] = "1"
# `datasets` would tell its makers of each builder that is named.
os.environ["HF_UPDATE_DOWNLOAD_COUNTS"] = "0"

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


# What takes longest begins first, so that no worker waits for it at the end.
_LONG = ("end_to_end", "annotation/human/studio", "annotation/machine", "pipeline/baselines")
# These read text with OpenVINO in the test's process, after which one that forks may crash: on a
# worker that has come to them nothing else follows.
_LAST = ("pipeline/filter/ocr", "annotation/handoff/test_paddle_ocr.py")

if "PYTEST_XDIST_WORKER" in os.environ:
    # The workers have the cores among them; sums over more threads would only wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take the folders whose tests take longest first, and those that nothing may follow last."""

    def rank(item: pytest.Item) -> int:
        if any(item.path.is_relative_to(_TESTS / place) for place in _LAST):
            return len(_LONG) + 1
        folders = [n for n, folder in enumerate(_LONG) if item.path.is_relative_to(_TESTS / folder)]
        return min(folders, default=len(_LONG))

    items.sort(key=rank)


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an object store on loopback, with the bucket ``stickers``."""
    from object_store import make_bucket, serve_objects

    with serve_objects(tmp_path_factory.mktemp("objects") / "log.txt") as url:
        make_bucket(url, "stickers")
        yield url


Stranger = Callable[..., None]


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stranger]:
    """Installs plugins of another package, for this process and those that it starts.

    It gets the group, the module's code, the names of entry points with what they point at in
    the module, and perhaps the distribution's name (its version is 1.0).
    """
    from pipeline.engine.plugins import _load, _points

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    modules: list[str] = []

    def forget() -> None:
        _load.cache_clear()
        _points.cache_clear()

    def install(
        group: str, code: str, points: Mapping[str, str], distribution: str = "strange"
    ) -> None:
        module = f"{distribution}_{group}"
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(code, encoding="utf-8")
        info = tmp_path / f"{distribution}-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        )
        with (info / "entry_points.txt").open("a", encoding="utf-8") as file:
            file.write(f"[stickerworks.{group}]\n")
            file.writelines(f"{name} = {module}:{value}\n" for name, value in points.items())
        importlib.invalidate_caches()
        forget()

    yield install
    for module in modules:
        sys.modules.pop(module, None)
    forget()
