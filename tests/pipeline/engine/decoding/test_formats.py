"""AVIF, BMP, MP4, WebM and TGS: their frames, times and transparency, and how they break off."""

from __future__ import annotations

import errno
import io
import struct
import subprocess
import sys

import numpy as np
import psutil
import pytest
from PIL import Image
from synthetic.moving import SIZE, drawn_frames, drawn_tgs, drawn_video, lottie

from pipeline.engine.decoding import apart
from pipeline.engine.decoding.frames import open_source, read_frames
from pipeline.engine.decoding.measured import measure
from pipeline.engine.errors import StickerworksError
from pipeline.engine.images import reading_images
from schemas.config import DecodeConfig

CAPS = DecodeConfig()
VIDEOS = [
    ("webm", "libvpx", False),
    ("webm", "libvpx-vp9", False),
    ("webm", "libvpx-vp9", True),
    ("mp4", "libx264", False),
]


def decoded(data, kind):
    """Frames as RGBA arrays, and their durations as shown."""
    with reading_images():
        source = open_source(data, kind, CAPS)
        pairs = [(frame.pixels.copy(), frame.duration_ms) for frame in read_frames(source)]
    frames = [pixels.view(np.uint8).reshape(*pixels.shape, 4) for pixels, _ in pairs]
    return frames, [duration for _, duration in pairs]


def saved(pictures, kind, **options):
    out = io.BytesIO()
    more = {"save_all": True, "append_images": pictures[1:]} if len(pictures) > 1 else {}
    pictures[0].save(out, kind, **more, **options)
    return out.getvalue()


def noisy(count, mode="RGB"):
    rng = np.random.default_rng(3)
    size = (40, 48, len(mode))
    return [Image.fromarray(rng.integers(0, 256, size, dtype=np.uint8)) for _ in range(count)]


def difference(one, other):
    """Mean difference of colours where both show, in levels of 255."""
    assert one.shape == other.shape
    shown = (one[..., 3:] > 0) & (other[..., 3:] > 0)
    return np.abs(one[..., :3].astype(int) - other[..., :3])[shown[..., 0]].mean()


@pytest.mark.parametrize(("kind", "codec", "alpha"), VIDEOS)
def test_a_video_shows_what_was_drawn_for_as_long(kind, codec, alpha):
    frames, durations = decoded(drawn_video(kind, codec, alpha=alpha), kind)
    drawn = drawn_frames(12, alpha)
    assert durations == [40] * 12
    assert max(difference(*pair) for pair in zip(frames, drawn, strict=True)) < 12
    assert bool((frames[0][..., 3] == 0).mean() > 0.5) is alpha


def test_frames_of_60_a_second_last_as_long_as_they_say():
    row = measure(drawn_tgs(lottie(frames=60, rate=60)), "tgs", CAPS).signals
    assert (row["frames"], row["duration_ms"], row["flags"]) == (60, 1000, [])


def test_lottie_is_drawn_with_its_transparency():
    frames, durations = decoded(drawn_tgs(), "tgs")
    assert durations == [33, 34, 33] * 4
    assert [frame.shape for frame in frames] == [(SIZE[1], SIZE[0], 4)] * 12
    assert frames[0][0, 0].tolist() == [0, 0, 0, 0]
    assert frames[0][24, 14].tolist() == [229, 38, 25, 255]
    left = [int(np.argmax(frame[24, :, 3] > 127)) for frame in frames]
    assert left == sorted(left)
    assert left[0] < 6
    assert left[-1] > 30


def test_half_transparent_colours_keep_their_value():
    document = lottie()
    document["layers"][0]["shapes"][0]["it"][1]["o"]["k"] = 50
    frames, _ = decoded(drawn_tgs(document), "tgs")
    red, green, blue, alpha = frames[0][24, 14].tolist()
    assert 125 <= alpha <= 130
    assert np.abs(np.array([red, green, blue]) - [229, 38, 25]).max() <= 2


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_avif_sequences(mode):
    pictures = noisy(4, mode)
    data = saved(pictures, "AVIF", duration=[50, 60, 70, 80], quality=100, subsampling="4:4:4")
    frames, durations = decoded(data, "avif")
    assert durations == [50, 60, 70, 80]
    wanted = [np.asarray(picture.convert("RGBA")) for picture in pictures]
    assert max(difference(*pair) for pair in zip(frames, wanted, strict=True)) < 30
    still = measure(saved(pictures[:1], "AVIF"), "avif", CAPS).signals
    assert (still["width"], still["height"], still["frames"]) == (48, 40, 1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_cut_avif_keeps_its_whole_frames(mode):
    data = saved(noisy(6, mode), "AVIF", duration=50)
    whole, _ = decoded(data, "avif")
    cut = data[: len(data) * 9 // 10]
    frames, _ = decoded(cut, "avif")
    assert 0 < len(frames) < 6
    assert all((one == other).all() for one, other in zip(frames, whole, strict=False))
    row = measure(cut, "avif", CAPS).signals
    assert row["declared_frames"] == 6
    # Whoever opens the file as it is gets an error.
    assert row["flags"] == ["truncated", "refused"]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_bitmaps(mode):
    picture = noisy(1)[0].convert(mode)
    frames, _ = decoded(saved([picture], "BMP"), "bmp")
    assert (frames[0] == np.asarray(picture.convert("RGBA"))).all()


def test_a_bitmap_whose_rows_begin_at_the_top():
    data = bytearray(saved(noisy(1), "BMP"))
    data[22:26] = struct.pack("<i", -40)
    frames, _ = decoded(bytes(data), "bmp")
    assert (frames[0][::-1, :, :3] == np.asarray(noisy(1)[0])).all()


@pytest.mark.parametrize(("kind", "codec", "alpha"), VIDEOS)
def test_a_cut_video_keeps_its_sound_frames(kind, codec, alpha):
    # An MP4's index stands before its frames, as for streaming; behind them it would be cut off.
    options = {"movflags": "frag_every_frame+empty_moov"} if kind == "mp4" else None
    data = drawn_video(kind, codec, alpha=alpha, options=options)
    whole, _ = decoded(data, kind)
    row = measure(data[: len(data) * 85 // 100], kind, CAPS).signals
    assert "truncated" in row["flags"], row
    assert 0 < row["frames"] < row["declared_frames"]
    frames, _ = decoded(data[: len(data) * 85 // 100], kind)
    assert all((one == other).all() for one, other in zip(frames[:-1], whole, strict=False))


def test_fragmented_mp4():
    data = drawn_video("mp4", "libx264", options={"movflags": "frag_keyframe+empty_moov"})
    row = measure(data, "mp4", CAPS).signals
    assert (row["frames"], row["declared_frames"]) == (12, 12)


@pytest.mark.parametrize("kind", ["mp4", "webm", "tgs", "avif", "bmp"])
def test_caps_hold_before_anything_is_decoded(kind, monkeypatch):
    data = {
        "mp4": lambda: drawn_video("mp4", "libx264"),
        "webm": lambda: drawn_video("webm", "libvpx"),
        "tgs": drawn_tgs,
        "avif": lambda: saved(noisy(4), "AVIF"),
        "bmp": lambda: saved(noisy(1), "BMP"),
    }[kind]()
    monkeypatch.setattr(apart, "_take", lambda package: pytest.fail("it is decoded"))
    for cap in ("max_pixels", "max_frames", "max_total_pixels"):
        if kind == "bmp" and cap == "max_frames":
            continue
        row = measure(data, kind, DecodeConfig(**{cap: 3})).signals
        assert row["error"].startswith("too_large: "), cap
        assert cap in row["error"]


@pytest.fixture
def no_child_yet(monkeypatch):
    """No process from an earlier test is used, and none of this one's is left."""
    monkeypatch.setattr(apart, "_idle", [])
    yield
    for child in apart._idle:
        child.end()


@pytest.mark.usefixtures("no_child_yet")
def test_a_decoder_that_dies_of_an_earlier_file_costs_nothing():
    data = drawn_tgs()
    whole, _ = decoded(data, "tgs")
    (child,) = apart._idle
    with reading_images():
        frames = read_frames(open_source(data, "tgs", CAPS))
        next(frames)
        child._process.kill()
        rest = [frame.pixels for frame in frames]
    assert len(rest) == 11
    assert (rest[-1].view(np.uint8).reshape(whole[-1].shape) == whole[-1]).all()


@pytest.mark.usefixtures("no_child_yet")
def test_a_decoder_that_dies_again_is_the_files_fault(monkeypatch):
    monkeypatch.setattr(apart._Child, "next_frame", _die)
    told = measure(drawn_tgs(), "tgs", CAPS).signals["error"]
    assert told.startswith("decode: its decoder crashed on it")
    assert not apart._idle


def _die(child, header):
    raise apart._ChildDied


@pytest.mark.usefixtures("no_child_yet")
def test_a_decoder_that_dies_while_it_catches_up_is_ended(monkeypatch):
    before = psutil.Process().children()
    data = drawn_tgs()
    decoded(data, "tgs")
    (child,) = apart._idle
    with reading_images():
        frames = read_frames(open_source(data, "tgs", CAPS))
        next(frames)
        child._process.kill()
        actual = apart._Child.next_frame
        monkeypatch.setattr(
            apart._Child, "next_frame", lambda one, h: (actual if one is child else _die)(one, h)
        )
        assert not list(frames)
    assert psutil.Process().children() == before


def test_a_decoder_that_never_starts_is_ended(monkeypatch):
    before = psutil.Process().children()
    monkeypatch.setattr(apart, "_MOST_SECONDS_TO_START", 0)
    with pytest.raises(StickerworksError, match=r"rlottie_python can't be started"):
        apart._Child("rlottie_python")
    assert psutil.Process().children() == before


def test_frames_are_the_same_whatever_came_before():
    data = drawn_video("webm", "libvpx-vp9")
    first = decoded(data, "webm")[0]
    decoded(drawn_video("mp4", "libx264"), "mp4")
    with reading_images():
        left = read_frames(open_source(drawn_video("webm", "libvpx"), "webm", CAPS))
        next(left)
        left.close()
    for _ in range(20):
        again = decoded(data, "webm")[0]
        assert all((one == other).all() for one, other in zip(first, again, strict=True))


def test_two_files_at_once():
    with reading_images():
        data = [drawn_video("webm", "libvpx"), drawn_video("mp4", "libx264")]
        sources = [
            open_source(one, kind, CAPS) for one, kind in zip(data, ("webm", "mp4"), strict=True)
        ]
        pairs = list(zip(*map(read_frames, sources), strict=True))
    assert len(pairs) == 12


def test_a_decoder_that_waits_for_itself_is_ended(monkeypatch):
    """rlottie does so on some shapes of huge numbers, without computing anything."""
    monkeypatch.setattr(apart, "_MOST_IDLE_SECONDS", 1)
    child = object.__new__(apart._Child)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", "input()"], **pipes) as child._process:
        child._asks, child._answers = child._process.stdin, child._process.stdout
        child._wait()
        assert child.out_of_time()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems wait for its next answer")
def test_it_ends_with_the_process_that_it_decodes_for():
    """Even one that is stuck, and wouldn't see that its standard input ended."""
    code = (
        "import os, signal\n"
        "from pipeline.engine.decoding import apart\n"
        "child = apart._Child('rlottie_python')\n"
        "os.kill(child._process.pid, signal.SIGSTOP)\n"
        "print(child._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    _, alive = psutil.wait_procs(_process(int(told.stdout)), timeout=10)
    alive = [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]
    for one in alive:
        one.kill()
    assert not alive


def test_it_ends_where_the_other_one_ended_first():
    command = [sys.executable, "-m", "pipeline.engine.decoding.child", "rlottie_python", "1"]
    told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert (told.returncode, told.stdout) == (1, b"")


def _process(number):
    try:
        return [psutil.Process(number)]
    except psutil.NoSuchProcess:
        return []


def test_the_child_can_open_nothing():
    """With its limits, a process can't open a file, let alone a connection."""
    code = (
        "from pipeline.engine.decoding import child\n"
        "import socket\n"
        "child._import('av'); child._limit()\n"
        "for attempt in (lambda: open('/etc/hostname'), socket.socket):\n"
        "    try:\n"
        "        attempt()\n"
        "    except OSError as error:\n"
        "        print(error.errno)\n"
        "    else:\n"
        "        print('opened')\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == [str(errno.EMFILE)] * 2
