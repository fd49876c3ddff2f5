"""One driver at a time on an object store: a lease, which a driver that died loses by itself.

No machine's clock counts but the store's: how old a lease is, an object written now tells.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pipeline.engine.errors import StickerworksError
from pipeline.engine.store.contract import ANYTHING, ChangedError, Entry
from pipeline.engine.store.objects import ObjectStore

LEASE = "lease.json"
_CLOCK = "lease-clock"
_TRIES = 3
# Stores give times in whole seconds.
_RESOLUTION_S = 1
# Less than this, a request over a network may well take.
_SHORTEST_S = 1.0


@dataclass(frozen=True)
class Holder:
    """Who holds a lease: ``machine`` is a boot of a computer or a container of it; every renewal
    counts up, so that the object changes."""

    token: str
    host: str
    machine: str
    pid: int
    command: str
    seconds: float
    renewals: int = 0
    free: bool = False

    def has_ended(self) -> bool:
        """Whether it ran on this machine, and no longer does."""
        if self.machine != _machine():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


@contextmanager
def leased(store: ObjectStore, command: str, seconds: float) -> Iterator[None]:
    """Hold the workspace, renewing the lease in the background.

    Raises StickerworksError where another driver holds it; while it is held, every write of
    ``store`` that comes after the lease was lost does so too.
    """
    lease = _Lease(store, command, seconds)
    store.guard = lease.check
    thread = threading.Thread(target=lease.renew_until_let_go, daemon=True, name="lease")
    thread.start()
    try:
        yield
    finally:
        lease.done.set()
        thread.join()
        lease.let_go()
        store.guard = lambda: None


def holder_of(store: ObjectStore) -> Holder | None:
    """Who holds the workspace, without asking for it; None where nobody does.

    A driver that was killed on another machine holds it until the next one takes it over.
    """
    holder = _read(store)
    return None if holder is None or holder.free or holder.has_ended() else holder


class _Lease:
    def __init__(self, store: ObjectStore, command: str, seconds: float) -> None:
        self.done = threading.Event()
        # Its own writes must not ask whether they may, and one that is stuck must be given up
        # while there is time for another.
        patience = min(store.settings.timeout_s, max(_SHORTEST_S, seconds / 8))
        settings = store.settings.model_copy(update={"timeout_s": patience})
        self._store = ObjectStore(store.location, settings)
        self._holder = Holder(
            uuid.uuid4().hex, socket.gethostname(), _machine(), os.getpid(), command, seconds
        )
        self._lost = ""
        self._writing = threading.Lock()
        self._renewed = _now()
        self._entry = self._take()

    def check(self) -> None:
        """StickerworksError where the workspace is no longer ours."""
        if _now() - self._renewed > self._holder.seconds / 2:
            self._renew()  # this process slept, and the thread that renews did too
        if self._lost:
            raise StickerworksError(
                f"This command has lost the workspace {self._store.location}: {self._lost}",
                "Nothing finished is lost; run it again when no other command runs there.",
            )

    def renew_until_let_go(self) -> None:
        while not self._lost and not self.done.wait(self._holder.seconds / 4):
            self._renew()

    def let_go(self) -> None:
        # A lease that can't be given back is over by itself before long.
        with suppress(ChangedError, StickerworksError):
            if not self._lost:
                self._put(replace(self._holder, free=True))

    def _take(self) -> Entry:
        for _ in range(_TRIES):
            started = _now()
            entry = self._store.stat(LEASE)
            if entry is not None and not self._may_take(entry):
                raise self._in_use()
            with suppress(ChangedError):  # another driver was quicker
                self._renewed = started
                return self._store.write(LEASE, _json(self._holder), entry)
        raise self._in_use()

    def _may_take(self, entry: Entry) -> bool:
        holder = _read(self._store)
        if holder is None or holder.free or holder.has_ended():
            return True
        now = self._store.write(_CLOCK, self._holder.token.encode(), ANYTHING).modified
        return now - entry.modified > holder.seconds + _RESOLUTION_S

    def _in_use(self) -> StickerworksError:
        holder = _read(self._store)
        who = "another command"
        if holder is not None:
            who = f"`stickerworks {holder.command}` (process {holder.pid} on {holder.host})"
        return StickerworksError(
            f"The workspace {self._store.location} is in use by {who}.",
            "Wait for it to end, or choose another --workspace. One that was killed on another "
            f"machine gives it up after {self._holder.seconds:.0f} s.",
        )

    def _renew(self) -> None:
        started = _now()
        try:
            self._put(replace(self._holder, renewals=self._holder.renewals + 1))
            self._renewed = started
        except ChangedError:
            holder = _read(self._store)
            other = f"`stickerworks {holder.command}` on {holder.host}" if holder else "somebody"
            self._lost = f"{other} took it over."
        except StickerworksError as error:
            # One request may fail; a lease that couldn't be renewed in time is another's to take.
            if _now() - self._renewed > self._holder.seconds * 3 / 4:
                self._lost = f"its lease could not be renewed. {error.message}"

    def _put(self, holder: Holder) -> None:
        with self._writing:
            self._entry = self._store.write(LEASE, _json(holder), self._entry)
            self._holder = holder


def _read(store: ObjectStore) -> Holder | None:
    try:
        return Holder(**json.loads(store.read(LEASE)))
    except (FileNotFoundError, ValueError, TypeError):
        return None  # let go in the meantime, or not written by us


def _json(holder: Holder) -> bytes:
    return json.dumps(asdict(holder), indent=1, sort_keys=True).encode()


def _machine() -> str:
    """Where process numbers mean the same: this boot of this computer, or of this container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{socket.gethostname()} {uuid.getnode()}"


def _now() -> float:
    # Unlike the monotonic clock, this one goes on while a machine sleeps.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
