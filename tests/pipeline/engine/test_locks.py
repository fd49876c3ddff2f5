"""Locks hold out a second process, and no forked worker keeps them."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.engine.locks import locked


def busy(descriptor: int) -> StickerworksError:
    return StickerworksError(f"busy: {os.pread(descriptor, 10, 0).decode()}")


def test_a_file_that_is_held_is_refused_and_free_afterwards(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with locked(path, busy) as descriptor:
        os.pwrite(descriptor, b"me", 0)
        with pytest.raises(StickerworksError, match="busy: me"):
            locked(path, busy).__enter__()
    with locked(path, busy):
        pass


def test_a_folder_is_held_and_gets_no_file(tmp_path: Path) -> None:
    error = StickerworksError("taken")
    with (
        locked(tmp_path, lambda descriptor: error),
        pytest.raises(StickerworksError, match="taken"),
    ):
        locked(tmp_path, lambda descriptor: error).__enter__()
    assert not list(tmp_path.iterdir())


def test_a_worker_that_outlives_its_parent_keeps_no_lock(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()

    def work() -> None:
        ready.set()
        done.wait(30)

    lock = locked(tmp_path, busy)
    lock.__enter__()
    worker = context.Process(target=work)
    worker.start()
    try:
        assert ready.wait(30)
        lock.__exit__(None, None, None)
        with locked(tmp_path, busy):
            assert worker.is_alive()
    finally:
        done.set()
        worker.join(30)
    assert worker.exitcode == 0
