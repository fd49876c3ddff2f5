"""The process behind the backend ``paddle``: crashes, hangs, full GPUs, and its end.

PaddleOCR is a stand-in here that does what a picture's first byte asks for, in an environment of
its own; test_paddle.py runs the real one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path

import numpy as np
import psutil
import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.filter.ocr.paddle import PaddleOptions, find_python
from pipeline.filter.ocr.paddle_process import (
    PaddleEndedError,
    PaddleReader,
    installed_versions,
)

STAND_IN = """
import os, sys, time
from types import SimpleNamespace
import numpy as np

print("what libraries print")

class Model:
    config = {"PreProcess": {"transform_ops": [{"RecResizeImg": {"image_shape": [3, 48, 320]}}]}}
    post_op = SimpleNamespace(character=["blank", "a", "b", " "])

    def __init__(self, shape, batch=1):
        self.batch_sampler = SimpleNamespace(batch_size=batch)
        self.runner = lambda x: [np.zeros(shape)]

    def __call__(self, images):
        for start in range(0, len(images), self.batch_sampler.batch_size):
            part = images[start : start + self.batch_sampler.batch_size]
            assert len({image.shape[1] > 320 for image in part}) == 1, "one width at a time"
            if len(part) > 2:
                raise RuntimeError("CUDA error: out of memory")
            yield from (f"line {image.shape[1]}" for image in part)

class PaddleOCR:
    def __init__(self, *, text_recognition_batch_size, engine, device, **options):
        if options["text_detection_model_name"] == "unknown":
            raise ValueError("No engine bindings registered for model 'unknown'.")
        inner = SimpleNamespace(
            text_det_model=Model((1, 1, 64, 96)),
            text_rec_model=Model((1, 40, 4), text_recognition_batch_size),
        )
        self.paddlex_pipeline = SimpleNamespace(_pipeline=inner)

    def predict(self, images):
        (image,) = images
        asked = int(image[0, 0, 0])
        if asked == 1:
            raise ValueError("this picture is strange")
        if asked == 2:
            print("Segmentation fault", file=sys.stderr, flush=True)
            os._exit(3)
        if asked == 3:
            time.sleep(60)
        if asked == 4:
            raise RuntimeError("Failed to allocate memory for requested buffer")
        lines = [np.zeros((48, width, 3)) for width in (100, 120, 200, 300, 400)]
        texts = list(self.paddlex_pipeline._pipeline.text_rec_model(lines))
        texts[0] = f"{os.getpid()}"
        scores, corners = [0.123456] * 5, [np.ones((4, 2))] * 5
        return [{"rec_texts": texts, "rec_scores": scores, "rec_polys": corners}]
"""
REQUEST = {
    "engine": "onnxruntime",
    "device": "cpu",
    "side": 320,
    "batch": 16,
    "box_threshold": 0.5,
    "unclip_ratio": 1.5,
    "detection": {"name": "det", "folder": "/det"},
    "recognition": {"name": "rec", "folder": "/rec"},
}


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    root = tmp_path_factory.mktemp("environment")
    venv.create(root, symlinks=True, with_pip=False)
    (packages,) = root.glob("lib/python3*/site-packages")
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib"))
    (packages / "paddleocr.py").write_text(STAND_IN)
    info = packages / "paddleocr-3.7.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: paddleocr\nVersion: 3.7.0\n")
    return root / "bin" / "python"


@pytest.fixture
def opened(python):
    readers = []

    def opened(recycle_after=1000, timeout_s=30.0, **request):
        readers.append(PaddleReader(python, REQUEST | request, recycle_after, timeout_s))
        return readers[-1]

    yield opened
    for reader in readers:
        reader._process.close()


def picture(asks=0, size=(4, 6)):
    return np.full((*size, 3), asks, np.uint8)


def pid(reader):
    return int(reader.read([picture()])[0][0].text)


def test_a_picture_that_paddleocr_refuses_costs_itself(opened):
    reader = opened()
    first = pid(reader)
    with pytest.raises(RuntimeError, match="this picture is strange"):
        reader.read([picture(1)])
    assert pid(reader) == first


def test_a_crash_costs_the_picture_and_says_how(opened):
    reader = opened()
    first = pid(reader)
    with pytest.raises(PaddleEndedError, match=r"ended with code 3 \(Segmentation fault\)"):
        reader.read([picture(2)])
    assert pid(reader) != first


def test_a_hang_is_ended(opened):
    reader = opened(timeout_s=1.0)
    first = psutil.Process(pid(reader))
    with pytest.raises(PaddleEndedError, match="no answer in time"):
        reader.read([picture(3)])
    assert not first.is_running()
    assert pid(reader) != first.pid


def test_one_that_stops_reading_is_ended(opened):
    """A picture is larger than a pipe: writing would wait for ever."""
    reader = opened(timeout_s=1.0)
    os.kill(pid(reader), signal.SIGSTOP)
    with pytest.raises(PaddleEndedError, match="no answer in time"):
        reader.read([picture(0, (700, 700))])


def test_one_that_was_killed_is_replaced(opened):
    reader = opened()
    first = psutil.Process(pid(reader))
    first.kill()
    psutil.wait_procs([first], timeout=10)
    assert pid(reader) != first.pid


def test_it_is_replaced_before_it_grows_and_reads_the_same(opened):
    reader = opened(recycle_after=2)
    read = [reader.read([picture()])[0] for _ in range(5)]
    assert [read[0][0].text == lines[0].text for lines in read] == [True, True, False, False, False]
    assert len({tuple(lines[1:]) for lines in read}) == 1
    assert read[0][1].score == 0.1235


def test_a_full_gpu_reads_fewer_lines_at_a_time(opened):
    (lines,) = opened(batch=16).read([picture()])
    assert [line.text for line in lines[1:]] == ["line 120", "line 200", "line 300", "line 400"]


def test_a_gpu_that_one_line_is_too_much_for_ends_the_run(opened):
    with pytest.raises(StickerworksError, match=r"Failed to allocate.*smaller detection_side"):
        opened().read([picture(4)])


def test_a_gpu_that_is_not_there_is_an_error(opened):
    with pytest.raises(StickerworksError, match=r"computes on no GPU.*device to cpu"):
        opened(device="gpu:0")


def test_an_architecture_that_paddleocr_does_not_know_is_told(opened):
    with pytest.raises(StickerworksError, match=r"can't load them: No engine bindings.*'unknown'"):
        opened(detection={"name": "unknown", "folder": "/det"})


def test_it_ends_with_its_parent(python):
    """Killed, the parent can tell it nothing."""
    code = (
        "import sys, time, json; from pathlib import Path\n"
        "from pipeline.filter.ocr.paddle_process import PaddleProcess\n"
        "process = PaddleProcess(Path(sys.argv[1]), json.loads(sys.argv[2]))\n"
        "print(process._child.pid, flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, python, json.dumps(REQUEST)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    gone, _ = psutil.wait_procs([child], timeout=10)
    assert gone
    parent.stdout.close()


def test_versions_are_those_of_the_environment(python, tmp_path):
    assert installed_versions(python)["paddleocr"] == "3.7.0"
    with pytest.raises(StickerworksError, match="can't be run.*make ocr-paddle"):
        installed_versions(tmp_path / "python")
    with pytest.raises(StickerworksError, match="not installed for.*make ocr-paddle"):
        installed_versions(Path(sys.executable))


def test_without_an_environment_the_remedy_is_one_command(monkeypatch, tmp_path, python):
    monkeypatch.setattr("pipeline.filter.ocr.paddle.ENVIRONMENT", "no-such-environment")
    with pytest.raises(StickerworksError, match="Run `make ocr-paddle`"):
        find_python(PaddleOptions())
    monkeypatch.setenv("STICKERWORKS_OCR_PADDLE", str(python))
    assert find_python(PaddleOptions()) == python
    with pytest.raises(StickerworksError, match=r"filter\.ocr\.options\.python names"):
        find_python(PaddleOptions(python=str(tmp_path / "none")))


def test_its_process_takes_no_time_to_end(opened):
    reader = opened()
    started = time.monotonic()
    reader._process.close()
    assert time.monotonic() - started < 5
    assert reader._process.ended
