"""Pickles as data: plain values come back, everything else is refused by name and never run."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections import OrderedDict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.datasets.pickles import (
    DamagedPickleError,
    RefusedPickleError,
    load_plain,
)

keys = st.text() | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False)
texts = st.text() | st.text(max_size=3).map(lambda text: text * 200)
plain = st.recursive(
    texts | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
    ),
    max_leaves=12,
)


class Command:
    """Pickled, it asks for a call."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call, self.arguments


@given(value=plain, protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_values_come_back(value: Any, protocol: int) -> None:
    assert load_plain(pickle.dumps(value, protocol)) == value


@given(value=st.binary(max_size=400), protocol=st.integers(3, pickle.HIGHEST_PROTOCOL))
def test_bytes_come_back(value: bytes, protocol: int) -> None:
    assert load_plain(pickle.dumps([value, value], protocol)) == [value, value]


def test_what_is_one_object_stays_one() -> None:
    text = "the same"
    value: list[Any] = [text, text]
    value.append(value)
    found = load_plain(pickle.dumps(value))
    assert found[0] is found[1]
    assert found[2] is found


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Command(os.system, "true"), "posix.system"),
        (Command(eval, "1"), "eval"),
        (Command(subprocess.Popen, ["true"]), r"(subprocess|commands)\.Popen"),
        (Command(getattr, "", "join"), "getattr"),
        (os.getcwd, "posix.getcwd"),
        (OrderedDict(a=1), "collections.OrderedDict"),
        (np.int64(3), "multiarray.scalar"),
        (np.zeros(2), r"numpy\._core"),
        (date(2024, 1, 1), "datetime.date"),
        ({1, 2}, "set|EMPTY_SET"),
        (Path("a"), "pathlib.PosixPath"),
    ],
)
def test_what_is_no_plain_value_is_refused_by_name(value: Any, name: str, protocol: int) -> None:
    for hidden in (value, {"caption": "x", "ocr_text": [value]}):
        with pytest.raises(RefusedPickleError, match=name):
            load_plain(pickle.dumps(hidden, protocol))


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'touch MARK'\ntR.",
        b"(S'touch MARK'\nios\nsystem\n.",
        b"(cos\nsystem\nS'touch MARK'\no.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\ntouch MARK\x85R.",
        b"\x80\x02cos\nsystem\nU\ntouch MARK\x85\x81.",
        b"(dS'caption'\ncos\nsystem\n(S'touch MARK'\ntRs.",
    ],
)
def test_a_malicious_pickle_names_what_it_asks_for_and_runs_nothing(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RefusedPickleError, match=r"os\.system"):
        load_plain(content)
    assert list(tmp_path.iterdir()) == []


def test_the_same_pickle_does_run_where_pickles_are_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(b"cos\nsystem\n(S'touch MARK'\ntR.")
    assert [path.name for path in tmp_path.iterdir()] == ["MARK"]


@pytest.mark.parametrize("opcode", [b"\x82\x01", b"P1\n", b"Q", b"\x97", b"b", b"R", b"\x90"])
def test_opcodes_that_make_no_plain_value_are_refused(opcode: bytes) -> None:
    with pytest.raises(RefusedPickleError, match="opcode"):
        load_plain(b"]]" + opcode + b".")


@given(value=plain, cut=st.floats(0, 1, exclude_max=True), protocol=st.integers(0, 5))
def test_a_pickle_that_breaks_off_is_damaged(value: Any, cut: float, protocol: int) -> None:
    whole = pickle.dumps(value, protocol)
    with pytest.raises((DamagedPickleError, RefusedPickleError)):
        load_plain(whole[: int(cut * len(whole))])


@pytest.mark.parametrize("content", [b"NN.", b"N(N."])
def test_a_pickle_of_more_than_one_value_is_damaged(content: bytes) -> None:
    with pytest.raises(DamagedPickleError, match="more than one"):
        load_plain(content)


@given(content=st.binary(max_size=60) | st.text("(])}aesut012.\n\x85q\x00h", max_size=30))
def test_any_bytes_give_a_value_or_one_of_two_errors(content: bytes | str) -> None:
    data = content.encode("latin-1") if isinstance(content, str) else content
    with contextlib.suppress(DamagedPickleError, RefusedPickleError):
        load_plain(data)


def test_few_bytes_can_take_neither_much_memory_nor_much_time() -> None:
    far = b"\x80\x02]r\xff\xff\xff\x7f."  # a memo place far away, for which pickle makes room
    assert load_plain(far) == []
    doubled = b")q\x00" + b"".join(b"h%ch%c\x86q%c" % (n, n, n + 1) for n in range(60))
    done: list[str] = []

    def read() -> None:
        with pytest.raises(RefusedPickleError, match="a key"):
            load_plain(b"}" + doubled + b"Ns.")
        done.append("refused")

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(20)
    assert done == ["refused"], "hashing that tuple takes 2 ** 60 steps"


def test_no_name_is_looked_up(tmp_path: Path) -> None:
    (tmp_path / "trap.py").write_text("raise SystemExit(7)")
    script = (
        "from pipeline.datasets.pickles import load_plain\n"
        "try: load_plain(b'ctrap\\nname\\n.')\n"
        "except ValueError as error: print(error)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert told.stdout == "the pickle asks for trap.name\n"
