"""What the first array costs a process of the program."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import pyarrow as pa

PROGRAM = "STICKERWORKS_PROGRAM"
"""Is 1 in the environment of the program and of the processes that it starts."""


def leave_out_pandas() -> None:
    """Keep Arrow's first array from importing pandas, which takes a third of a process's start.

    ``to_pandas`` imports it all the same. But Arrow then refuses lists that hold pandas' NaT or NA,
    so whoever uses us as a library has it as it is, and so has who sets the variable to 0.
    """
    if os.environ.get(PROGRAM) != "1" or "pandas" in sys.modules:
        return
    absent = _Absent()
    sys.meta_path.insert(0, absent)
    try:
        pa.array([0])  # looks for pandas, once from Cython and once from C++
    finally:
        sys.meta_path.remove(absent)


class _Absent(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "pandas":
            raise ModuleNotFoundError("left out", name=fullname)
        return None
