"""PaddleOCR's process, from our side: started, asked picture by picture, replaced, ended."""

from __future__ import annotations

import json
import os
import select
import struct
import subprocess
import tempfile
import time
import weakref
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import plain
from pipeline.filter.ocr.backend import Bgr, Line

_PROGRAM = Path(__file__).with_name("paddle_program.py")
# -I: neither PYTHONPATH nor the program's own folder, whose files are called like its imports.
_FLAGS = ("-I", "-X", "utf8")
_START_S, _VERSIONS_S = 180.0, 60.0
_REMEDIES = {
    "models": "Correct filter.ocr.options; docs/paddle.md says what a model's folder holds.",
    "device": "Set filter.ocr.options.device to cpu, or add the GPU's packages (docs/paddle.md).",
    "memory": "Use a smaller detection_side or fewer engine.workers on one GPU, or device: cpu.",
    "environment": "Run `make ocr-paddle`.",
}


class PaddleEndedError(Exception):
    """The process ended, or was ended for taking too long, while it read a picture."""


class PaddleReader:
    """An OcrReader whose engine is another process, which is replaced before it grows too large.

    ``request`` is what the program is opened with. A picture on which the process dies or takes
    longer than ``timeout_s`` raises PaddleEndedError; the next one gets a new process.
    """

    def __init__(
        self, python: Path, request: Mapping[str, Any], recycle_after: int, timeout_s: float
    ) -> None:
        self._python, self._request = python, request
        self._recycle_after, self._timeout_s = recycle_after, timeout_s
        self._process = PaddleProcess(python, request)

    def read(self, images: Sequence[Bgr]) -> list[list[Line]]:
        return [self._read(image) for image in images]

    def _read(self, image: Bgr) -> list[Line]:
        if self._process.ended or self._process.pictures >= self._recycle_after:
            self._process.close()
            self._process = PaddleProcess(self._python, self._request)
        return self._process.read(image, self._timeout_s)


class PaddleProcess:
    """One process of the program, ready to read. StickerworksError where it can't be."""

    def __init__(self, python: Path, request: Mapping[str, Any]) -> None:
        self.pictures = 0
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        with tempfile.TemporaryDirectory(prefix="stickerworks-paddle-") as scratch:
            self._child = _start(python, self._said, scratch)
            assert self._child.stdin is not None
            assert self._child.stdout is not None
            self._in, self._out = self._child.stdin, self._child.stdout
            self._rest = b""
            self.close = weakref.finalize(self, _end, self._child, self._said)
            for pipe in (self._in, self._out):
                os.set_blocking(pipe.fileno(), False)
            line = json.dumps({**request, "parent": os.getpid()}).encode() + b"\n"
            try:
                self._send(line, time.monotonic() + _START_S)
                self._answer(time.monotonic() + _START_S)
            except PaddleEndedError as error:
                raise StickerworksError(
                    f"PaddleOCR can't be started: {error}.", _REMEDIES["environment"]
                ) from error

    @property
    def ended(self) -> bool:
        """Whether there is nobody left to ask."""
        return not self.close.alive or self._child.poll() is not None

    def read(self, image: Bgr, timeout_s: float) -> list[Line]:
        """The lines of a picture; RuntimeError with what PaddleOCR raised on it."""
        deadline = time.monotonic() + timeout_s
        self.pictures += 1
        height, width = image.shape[:2]
        self._send(struct.pack("<II", height, width), deadline)
        self._send(image.reshape(-1).data, deadline)
        answer = self._answer(deadline)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return [Line(text, score, tuple(box)) for text, score, box in answer["lines"]]

    def _send(self, data: bytes | memoryview, deadline: float) -> None:
        view = memoryview(data)
        while view:
            self._wait(self._in, select.POLLOUT, deadline)
            try:
                view = view[os.write(self._in.fileno(), view) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                return  # it has said why before it ended

    def _answer(self, deadline: float) -> dict[str, Any]:
        while b"\n" not in self._rest:
            self._wait(self._out, select.POLLIN, deadline)
            more = os.read(self._out.fileno(), 65536)
            if not more:
                raise PaddleEndedError(self._last_words())
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "fault" in answer:
            self.close()
            remedy = _REMEDIES[answer["about"]]
            raise StickerworksError(f"PaddleOCR can't read: {plain(answer['fault'])}.", remedy)
        return answer

    def _wait(self, pipe: IO[bytes], event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(pipe, event)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            self.close()
            raise PaddleEndedError("its process gave no answer in time and was ended")

    def _last_words(self) -> str:
        self._child.wait()
        code = self._child.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - 4096))
        lines = self._said.read().decode("utf-8", "replace").split("\n")
        last = next((plain(line.strip())[:200] for line in reversed(lines) if line.strip()), "")
        self.close()
        return f"its process {how}" + (f" ({last.removesuffix('.')})" if last else "")


@cache
def installed_versions(python: Path) -> dict[str, str]:
    """Versions of the packages in an environment that decide what is read, without loading them.

    StickerworksError where there is no such environment, or PaddleOCR isn't in it.
    """
    ask = f"import json, runpy; print(json.dumps(runpy.run_path({str(_PROGRAM)!r})['versions']()))"
    try:
        told = subprocess.run(
            [python, *_FLAGS, "-c", ask], capture_output=True, timeout=_VERSIONS_S, check=True
        )
        found: dict[str, str] = json.loads(told.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise StickerworksError(
            f"The OCR backend paddle: {python} can't be run ({type(error).__name__}).",
            _REMEDIES["environment"],
        ) from error
    if "paddleocr" not in found:
        raise StickerworksError(
            f"The OCR backend paddle: PaddleOCR is not installed for {python}.",
            _REMEDIES["environment"],
        )
    return found


def _start(python: Path, said: IO[bytes], scratch: str) -> subprocess.Popen[bytes]:
    # It writes into its cache as it is imported, and asks hosts whether they are there.
    own = {"PADDLE_PDX_CACHE_HOME": scratch, "PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK": "True"}
    try:
        return subprocess.Popen(
            [python, *_FLAGS, _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env={**os.environ, **own, "OMP_NUM_THREADS": "1"},
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for us; it ends when we do
        )
    except OSError as error:
        raise StickerworksError(
            f"{python} can't be run: {error.strerror}.", _REMEDIES["environment"]
        ) from error


def _end(child: subprocess.Popen[bytes], said: IO[bytes]) -> None:
    for pipe in (child.stdin, child.stdout, said):
        if pipe is not None:
            pipe.close()
    child.kill()
    child.wait()
