"""What can be told without a GPU: who is asked, and what happens where it isn't there or full."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

from pipeline.engine.errors import StickerworksError
from pipeline.filter.ocr.rapid import gpu
from pipeline.filter.ocr.rapid.backend import BACKEND
from pipeline.filter.ocr.rapid.gpu import SparingDetector, SparingRecogniser
from pipeline.filter.ocr.rapid.models import model_file
from pipeline.filter.ocr.rapid.options import RapidOptions

OUT_OF_MEMORY = "Non-zero status code: BFCArena::AllocateRawInternal Failed to allocate memory"


class Room:
    """A network that holds ``room`` pictures, and remembers how many it was given at a time."""

    classes = 4

    def __init__(self, room, says=OUT_OF_MEMORY):
        self.room, self.says, self.asked = room, says, []

    def run(self, batch):
        self.asked.append(len(batch))
        if len(batch) > self.room:
            raise RuntimeException(self.says)
        return batch * 2

    def best(self, batch):
        made = self.run(batch)[:, 0, 0]
        return made.astype(np.int64), made


def pictures(count):
    return np.arange(1, count + 1, dtype=np.float32)[:, None, None, None] * np.ones((1, 3, 2, 2))


@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_a_gpu_that_is_not_there_is_an_error(device):
    with pytest.raises(
        StickerworksError, match=r"(?i)asked to read by .* has no .*provider"
    ) as told:
        BACKEND.open(RapidOptions(device=device))
    assert "onnxruntime-gpu" in told.value.remedy
    assert "device to cpu" in told.value.remedy


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_fell_back_is_an_error(monkeypatch):
    """onnxruntime makes a session on the CPU when a library of CUDA is missing."""
    import onnxruntime

    everything = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: everything)
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None)
    monkeypatch.setattr(gpu, "gpu_name", lambda: "a GPU")
    options = RapidOptions(device="cuda")
    with pytest.raises(StickerworksError, match="fell back to CPUExecutionProvider"):
        gpu.open_gpu_detector(model_file(options, "detection_model"), options, "cuda")


def test_the_batch_is_halved_until_it_fits(caplog):
    network = Room(3)
    detector = SparingDetector(network, 8)
    with caplog.at_level(logging.WARNING):
        found = detector.run(pictures(5))
    assert np.array_equal(found, pictures(5) * 2)
    assert network.asked == [8, 4, 2, 2, 2], "filled up, and never more than has fitted"
    assert "batches of 2" in caplog.text
    detector.run(pictures(2))
    assert network.asked[5:] == [2]


def test_lines_come_back_in_order_and_without_what_was_filled_up():
    index, probability = SparingRecogniser(Room(2), 4).best(pictures(3))
    assert index[:, 0].tolist() == [2, 4, 6]
    assert probability.shape == (3, 2)


def test_a_single_picture_that_does_not_fit():
    with pytest.raises(StickerworksError, match="too small to read a single picture") as told:
        SparingDetector(Room(0), 4).run(pictures(1))
    assert "cpu" in told.value.remedy


def test_other_failures_are_not_taken_for_a_full_memory():
    with pytest.raises(RuntimeException, match="illegal instruction"):
        SparingDetector(Room(0, "illegal instruction"), 4).run(pictures(1))


def test_a_machine_without_nvidia_s_driver(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StickerworksError, match="no NVIDIA GPU"):
        gpu.gpu_name()


def test_tensorrt_keeps_its_engines_by_gpu(monkeypatch, tmp_path):
    monkeypatch.setenv("STICKERWORKS_CACHE", str(tmp_path))
    monkeypatch.setattr(gpu, "gpu_name", lambda: "NVIDIA Test 9000, 575.1")
    options = RapidOptions(device="tensorrt", batch=4, half=True)
    shapes = ((3, 32, 32), (3, 320, 320), (3, 640, 640))
    settings = gpu.GpuSettings("tensorrt", options.batch, options.half, shapes)
    told = gpu._tensorrt(model_file(options, "detection_model"), settings)
    folder = tmp_path / "tensorrt" / "NVIDIA-Test-9000-575-1"
    assert folder.is_dir()
    assert told["trt_engine_cache_path"] == str(folder)
    assert told["trt_fp16_enable"]
    assert told["trt_profile_max_shapes"] == "x:4x3x640x640"
