"""A workspace in a bucket has one driver, and one that died doesn't keep it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from email.utils import formatdate

import pytest
from object_store_faults import Answer, FaultyStore, Forward, refused

from pipeline.engine.errors import StickerworksError
from pipeline.engine.store.contract import ANYTHING
from pipeline.engine.store.lease import LEASE, holder_of, leased
from pipeline.engine.store.objects import ObjectStore

from .conftest import MakeStore


def test_a_second_driver_is_refused_and_the_next_one_is_not(make_store: MakeStore) -> None:
    with leased(make_store(), "crawl", 60):
        with pytest.raises(StickerworksError, match="in use by `stickerworks crawl` .process") as e:
            leased(make_store(), "filter", 60).__enter__()
        assert "\n" not in str(e.value)
        holder = holder_of(make_store())
        assert holder is not None
        assert (holder.command, holder.pid) == ("crawl", os.getpid())
    assert holder_of(make_store()) is None
    with leased(make_store(), "filter", 60):
        pass


def test_a_lease_is_renewed_for_as_long_as_it_is_held(make_store: MakeStore) -> None:
    with leased(make_store(), "crawl", 1):
        time.sleep(3.5)
        with pytest.raises(StickerworksError, match="in use"):
            leased(make_store(), "filter", 1).__enter__()


def test_a_driver_that_was_killed_elsewhere_loses_it_after_its_time(make_store: MakeStore) -> None:
    _hold(make_store(), "crawl", seconds=1, machine="another")
    with pytest.raises(StickerworksError, match="in use by `stickerworks crawl`"):
        leased(make_store(), "filter", 1).__enter__()
    time.sleep(3.1)
    with leased(make_store(), "filter", 1):
        pass


def test_a_driver_that_was_killed_here_loses_it_at_once(
    make_store: MakeStore, object_store: str
) -> None:
    location = str(make_store().location)
    code = (
        "import os, sys, signal\n"
        "from pipeline.engine.store.lease import leased\n"
        "from pipeline.engine.store.location import parse_location\n"
        "from pipeline.engine.store.objects import ObjectStore\n"
        "from schemas.storage import StorageConfig\n"
        "s = StorageConfig(endpoint=sys.argv[2], allow_http=True)\n"
        "with leased(ObjectStore(parse_location(sys.argv[1]), s), 'crawl', 600):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", code, location, object_store]
    done = subprocess.run(command, timeout=60, check=False)
    assert done.returncode == -9
    with leased(make_store(), "filter", 600):
        pass


def test_clocks_of_machines_do_not_count(make_store: MakeStore, faulty: FaultyStore) -> None:
    def yesterday(method: str, path: str, forward: Forward) -> Answer:
        answer = forward()
        if method == "HEAD" and "Last-Modified" in answer.headers:
            answer.headers["Last-Modified"] = formatdate(time.time() - 86400, usegmt=True)
        return answer

    faulty.fault = yesterday
    _hold(make_store(faulty.url), "crawl", seconds=60, machine="another")
    with pytest.raises(StickerworksError, match="in use by `stickerworks crawl`"):
        leased(make_store(faulty.url), "filter", 60).__enter__()


def test_a_driver_whose_lease_was_taken_writes_no_more(make_store: MakeStore) -> None:
    store = make_store()
    with leased(store, "crawl", 1):
        store.write("a", b"ours", None)
        _hold(make_store(), "filter", seconds=60, machine="another")
        time.sleep(1)
        with pytest.raises(StickerworksError, match="`stickerworks filter` on h took it") as caught:
            store.write("a", b"late", ANYTHING)
        assert "\n" not in str(caught.value)
    assert make_store().read("a") == b"ours"
    with pytest.raises(StickerworksError, match="in use by `stickerworks filter`"):
        leased(make_store(), "crawl", 1).__enter__()


def test_a_renewal_that_is_stuck_is_given_up_in_time(
    make_store: MakeStore, faulty: FaultyStore
) -> None:
    let_go, stuck = threading.Event(), threading.Event()

    def stick_once(method: str, path: str, forward: Forward) -> Answer:
        if LEASE in path and method == "PUT" and not stuck.is_set():
            stuck.set()
            let_go.wait(60)
        return forward()

    store = make_store(faulty.url, timeout_s=60)
    with leased(store, "crawl", 6):
        faulty.fault = stick_once
        try:
            assert stuck.wait(20)
            time.sleep(3.5)
            holder = holder_of(make_store())
            assert holder is not None
            assert holder.renewals >= 1
        finally:
            let_go.set()
        store.write("a", b"ours", None)


def test_a_driver_that_can_not_renew_stops_writing(
    make_store: MakeStore, faulty: FaultyStore
) -> None:
    store = make_store(faulty.url)
    with leased(store, "crawl", 1):
        faulty.fault = lambda method, path, forward: (
            refused(403, "AccessDenied") if LEASE in path else forward()
        )
        time.sleep(1.5)
        with pytest.raises(StickerworksError, match="could not be renewed"):
            store.write("a", b"late", ANYTHING)


def _hold(store: ObjectStore, command: str, seconds: float, machine: str) -> None:
    holder = {
        "token": "t", "host": "h", "machine": machine, "pid": os.getpid(), "command": command,
        "seconds": seconds,
    }  # fmt: skip
    store.write(LEASE, json.dumps(holder).encode(), ANYTHING)
