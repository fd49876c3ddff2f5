"""Joining a Ray cluster, or starting Ray here, and making sure that its nodes are like this one."""

from __future__ import annotations

import logging
import os
import re
import secrets
import signal
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import psutil
from packaging.requirements import Requirement

from pipeline.engine.cluster import node as node_module
from pipeline.engine.errors import StickerworksError
from pipeline.engine.extras import need_extra
from pipeline.engine.local import worker_count
from schemas.config import EngineConfig

Ray = Any
"""The module ray: imported when it is chosen, and without types of its own."""

_REACH_S, _PROBE_S = 5, 60
_PACKAGES = ("schemas", "pipeline", "annotation", "crawlers", "stickerworks")
# Tables go through the workspace; Ray's own store sees tasks and reports.
_OBJECT_STORE_BYTES = 100 * 2**20

_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # What happens to nodes would be told on stdout, where `--json` answers.
    "RAY_DEDUP_LOGS_SKIP_REGEX": "^",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # workers without a GPU hide it themselves
    # What listens but isn't Ray is given up after half a minute instead of ten.
    "RAY_NUM_REDIS_GET_RETRIES": "2",
    "RAY_py_gcs_connect_timeout_s": "5",
}

_probed: set[str] = set()


def connect(engine: EngineConfig) -> Ray:
    """The module ray, connected; it stays so until this process ends.

    Raises StickerworksError where Ray isn't installed or the cluster can't be reached.
    """
    address = engine.ray.address
    for name, value in {**_SETTINGS, **_authentication(address)}.items():
        os.environ.setdefault(name, value)  # read when ray is imported
    ray = need_extra("ray", "ray", "engine.executor: ray")
    if not ray.is_initialized():
        _probed.clear()
        before = signal.getsignal(signal.SIGTERM)
        try:
            _initialize(ray, engine, address)
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, before)  # Ray takes it for itself
    return ray


def _authentication(address: str | None) -> dict[str, str]:
    """Who may join: nobody where Ray runs here, on loopback; else those with the cluster's token.

    Ray itself would write a token into the home folder, and every cluster that is started there
    later would ask for it.
    """
    if address is None:
        return {
            # Ray's switch for machines that can't be a cluster.
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
        }
    given = {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ)
    known = bool(given) or (Path.home() / ".ray" / "auth_token").exists()
    return {"RAY_AUTH_MODE": "token"} if known else {}


def _initialize(ray: Ray, engine: EngineConfig, address: str | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    try:
        if address is None:
            with _no_way_out():
                ray.init(
                    address="local",
                    num_cpus=worker_count(engine),
                    object_store_memory=_OBJECT_STORE_BYTES,
                    include_dashboard=False,
                    _memory=psutil.virtual_memory().total,
                    **quiet,
                )
        else:
            _reach(os.environ.get("RAY_ADDRESS", address) if address == "auto" else address)
            with _silent():
                ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError, TimeoutError) as error:
        where = "Ray did not start here" if address is None else f"No Ray cluster at {address}"
        raise StickerworksError(
            f"{where}: {_first_line(error).rstrip('.')}.",
            "Set engine.ray.address to host:port of a cluster that this machine is a node of "
            "(`ray start` makes it one; RAY_AUTH_MODE and the token must be those that it was "
            "started with), or engine.executor to local.",
        ) from error


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what Ray's native part writes while it tries to connect off the terminal."""
    kept = os.dup(2)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _no_way_out() -> Iterator[None]:
    """Ray asks over HTTP which cloud it is in, even where it reports nothing: let it find none.

    Its workers are given this process's environment.
    """
    before = dict(os.environ)
    os.environ |= {"http_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1,localhost"}
    try:
        yield
    finally:
        for name in ("http_proxy", "no_proxy"):
            os.environ.pop(name)
            os.environ.update({name: before[name]} if name in before else {})


def _reach(address: str) -> None:
    """Refused at once, where Ray would try again for half a minute."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_REACH_S).close()


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))


def check_nodes(ray: Ray, nodes: Iterable[str] = ()) -> None:
    """StickerworksError unless the nodes (by id; all of them) have the same code as this one."""
    names = {n["NodeID"]: n["NodeManagerHostname"] for n in ray.nodes() if n["Alive"]}
    asked = [node for node in nodes or names if node in names and node not in _probed]
    if not asked:
        return
    arguments = (_distributions(), _PACKAGES)
    expected = node_module.describe_node(*arguments)
    ray.cloudpickle.register_pickle_by_value(node_module)
    try:
        probe = ray.remote(node_module.describe_node)
        on = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        answers = {
            probe.options(
                num_cpus=0, max_retries=0, scheduling_strategy=on(node, soft=False)
            ).remote(*arguments): node
            for node in asked
        }
    finally:
        ray.cloudpickle.unregister_pickle_by_value(node_module)
    ray.wait(list(answers), num_returns=len(answers), timeout=_PROBE_S)
    for answer, node in answers.items():
        try:
            found = ray.get(answer, timeout=0)
        except ray.exceptions.RayError as error:
            raise StickerworksError(
                f"The node {names[node]} doesn't run what it is given: {_first_line(error)}",
                "Look at it with `ray status` and `ray list nodes`.",
            ) from error
        _compare(names[node], expected, found)
        _probed.add(node)


def _distributions() -> list[str]:
    """What decides bytes: our dependencies that are installed here, and plugins."""
    installed = {d.name: d for d in distributions()}
    ours = installed["stickerworks"].requires if "stickerworks" in installed else []
    wanted = {Requirement(line).name for line in ours or []}
    for name, found in installed.items():
        if any(point.group.startswith("stickerworks.") for point in found.entry_points):
            wanted.add(name)
    return sorted(wanted & set(installed))


def _compare(name: str, expected: dict[str, str], found: dict[str, str]) -> None:
    missing = sorted(set(expected) - set(found))
    other = [
        f"{what} {found[what]} instead of {version}"
        for what, version in sorted(expected.items())
        if what in found and found[what] != version
    ]
    if missing or other:
        told = ([f"lacks {', '.join(missing[:5])}"] if missing else []) + (
            [f"has {', '.join(other[:5])}"] if other else []
        )
        raise StickerworksError(
            f"The node {name} {' and '.join(told)}.",
            "Install the same version of stickerworks and its constraints on every node.",
        )


def room(ray: Ray, cpus: float, gpus: float, memory: float) -> int:
    """How many workers of this size the nodes hold."""
    wanted = {"CPU": cpus, "GPU": gpus, "memory": memory}
    total = 0
    for node in ray.nodes():
        if node["Alive"]:
            has = node["Resources"]
            fits = [int(has.get(name, 0) / size + 1e-6) for name, size in wanted.items() if size]
            total += min(fits)
    return total


def plain(error: BaseException) -> str:
    """What Ray says happened, on one line without colours."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    return " ".join(text.split())[:200] or type(error).__name__
