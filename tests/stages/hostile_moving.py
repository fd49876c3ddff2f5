"""Hostile AVIF, BMP, MP4, WebM and TGS files, and files that pretend to be another's kind."""

from __future__ import annotations

import gzip
import io
import json
import struct
from collections.abc import Iterator
from functools import cache
from typing import Any

from hostile_files import Hostile, sound_files
from PIL import Image
from synthetic.moving import drawn_tgs, drawn_video, lottie

_FRAGMENTS = {"movflags": "frag_every_frame+empty_moov"}


@cache
def sound_moving() -> dict[str, tuple[str, bytes]]:
    """Format and bytes by name of what the hostile ones are made from."""
    frames = [Image.linear_gradient("L").rotate(30 * n).resize((24, 20)) for n in range(5)]
    moving = {"save_all": True, "append_images": frames[1:], "duration": 50}
    return {
        "avif": ("avif", _saved(frames[0], "AVIF")),
        "moving avif": ("avif", _saved(frames[0], "AVIF", **moving)),
        "bmp": ("bmp", _saved(frames[0].convert("RGB"), "BMP")),
        "palette bmp": ("bmp", _saved(frames[0], "BMP")),
        "webm": ("webm", drawn_video("webm", "libvpx-vp9")),
        "webm of vp8": ("webm", drawn_video("webm", "libvpx")),
        "webm with alpha": ("webm", drawn_video("webm", "libvpx-vp9", alpha=True)),
        "mp4": ("mp4", drawn_video("mp4", "libx264")),
        "mp4 in fragments": ("mp4", drawn_video("mp4", "libx264", options=_FRAGMENTS)),
        "tgs": ("tgs", drawn_tgs()),
    }


def hostile_moving() -> list[Hostile]:
    """All of them; the same ones each time."""
    cuts = (1, 10, 30, 50, 70, 90, 99)
    return [
        *(
            Hostile(f"{name} cut at {percent}%", kind, data[: len(data) * percent // 100])
            for name, (kind, data) in sound_moving().items()
            for percent in cuts
        ),
        *_avifs(),
        *_bmps(),
        *_mp4s(),
        *_webms(),
        *_lotties(),
        *_disguised(),
    ]


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _changed(data: bytes, after: bytes, skip: int, body: bytes) -> bytes:
    """``data`` with ``body`` that many bytes behind the end of the first ``after``."""
    at = data.index(after) + len(after) + skip
    return data[:at] + body + data[at + len(body) :]


def _avifs() -> Iterator[Hostile]:
    _, still = sound_moving()["avif"]
    _, moving = sound_moving()["moving avif"]
    for side in (0, 1, 20_000, 2**32 - 1):
        data = _changed(still, b"ispe", 4, struct.pack(">2I", side, side))
        yield Hostile(f"avif of {side} pixels a side", "avif", data)
    for frames in (0, 1, 4, 6, 513, 2**32 - 1):
        data = _changed(moving, b"stsz", 8, struct.pack(">I", frames))
        yield Hostile(f"avif that declares {frames} frames", "avif", data)
    cases = {
        "no items": _changed(still, b"iinf", 4, b"\0\0"),
        "no main item": _changed(still, b"pitm", 4, b"\0\x63"),
        "an item of another type": still.replace(b"av01", b"evil"),
        "an item far outside": still.replace(b"iloc\0", b"iloc\xff"),
        "no size": still.replace(b"ispe", b"free"),
        "no pixels": still[: still.index(b"mdat") + 4],
        "pixels of zeros": still[: still.index(b"mdat") + 4] + bytes(2000),
        "boxes in boxes": still[:32] + (b"\0\0\x40\0meta\0\0\0\0" * 400) + still[32:],
        "a box of no size": still[:32] + bytes(400) + still[32:],
        "a box of 1": still[:32] + b"\0\0\0\1free" + b"\xff" * 8 + still[32:],
        "many boxes": still[:32] + b"\0\0\0\x08free" * 40_000 + still[32:],
        "no time between frames": _changed(moving, b"stts", 8, bytes(8)),
        "frames all over": _changed(moving, b"stco", 8, b"\xff\xff\xff\xff"),
        "a chunk of 4 billion frames": _changed(moving, b"stsc", 12, b"\xff\xff\xff\xff"),
        "a brand of a sequence and none": still.replace(b"avif", b"avis", 1),
        "a rotation that isn't there": still.replace(b"colr", b"irot"),
    }
    for name, data in cases.items():
        yield Hostile(f"avif with {name}", "avif", data)


def _bmps() -> Iterator[Hostile]:
    _, whole = sound_moving()["bmp"]
    _, palette = sound_moving()["palette bmp"]
    for width, height in (
        (0, 24), (24, 0), (-24, 24), (24, -20), (24, -(2**31)), (2**31 - 1, 2**31 - 1),
        (65_535, 1), (1, 65_535), (30_000, 30_000), (2_000, 400),
    ):  # fmt: skip
        data = whole[:18] + struct.pack("<2i", width, height) + whole[26:]
        yield Hostile(f"bmp of {width} x {height}", "bmp", data)
    for depth in (0, 1, 2, 4, 16, 32, 99):
        data = whole[:28] + struct.pack("<H", depth) + whole[30:]
        yield Hostile(f"bmp of {depth} bits", "bmp", data)
    for way in (1, 2, 3, 4, 5, 6, 99):
        data = palette[:30] + struct.pack("<I", way) + palette[34:]
        yield Hostile(f"bmp compressed by {way}", "bmp", data)
    runs = {
        "runs beyond its rows": b"\xff\x01" * 4000,
        "a run that jumps out": b"\0\2\xff\xff" * 200,
        "a literal run that is cut": b"\0\xff\1\2",
        "an end at once": b"\0\1",
    }
    for name, body in runs.items():
        start = int.from_bytes(palette[10:14], "little")
        data = palette[:30] + struct.pack("<I", 1) + palette[34:start] + body
        yield Hostile(f"bmp with {name}", "bmp", data)
    for name, data in {
        "a header of 12 bytes": whole[:14] + struct.pack("<I2H2H", 12, 9, 9, 1, 24) + bytes(300),
        "a header of 4 GB": whole[:14] + b"\xff" * 4 + whole[18:],
        "pixels before its header": whole[:10] + bytes(4) + whole[14:],
        "pixels behind its end": whole[:10] + b"\xff" * 4 + whole[14:],
        "4 billion colours": palette[:46] + b"\xff" * 4 + palette[50:],
    }.items():
        yield Hostile(f"bmp with {name}", "bmp", data)


def _mp4s() -> Iterator[Hostile]:
    _, whole = sound_moving()["mp4"]
    _, pieces = sound_moving()["mp4 in fragments"]
    outside = b"\0\0\0\x2curl \0\0\0\0file:///etc/passwd\0http://localhost"
    cases = {
        "a duration of a century": _changed(whole, b"mvhd", 16, b"\x7f\xff\xff\xff"),
        "frames that last for years": _changed(whole, b"stts", 12, b"\x7f\xff\xff\xff"),
        "frames that last no time": _changed(whole, b"stts", 12, bytes(4)),
        "4 billion frames": _changed(whole, b"stsz", 8, b"\xff" * 4),
        "no frames": _changed(whole, b"stsz", 8, bytes(4)),
        "one frame": _changed(whole, b"stsz", 8, b"\0\0\0\1"),
        "frames of 4 GB": _changed(whole, b"stsz", 4, b"\xff" * 4),
        "frames of no bytes": _changed(whole, b"stsz", 12, bytes(40)),
        "frames behind its end": _changed(whole, b"stco", 8, b"\x7f\xff\xff\xff"),
        "frames in its header": _changed(whole, b"stco", 8, bytes(4)),
        "a size of 65,535": _changed(whole, b"stsd", 40, b"\xff" * 4),
        "a size of nothing": _changed(whole, b"stsd", 40, bytes(4)),
        "a size smaller than its frames": _changed(whole, b"stsd", 40, b"\0\x10\0\x10"),
        "another codec": whole.replace(b"avc1", b"tscc"),
        "no codec": whole.replace(b"avc1", bytes(4)),
        "no settings of its codec": whole.replace(b"avcC", b"free"),
        "settings of zeros": _changed(whole, b"avcC", 0, bytes(30)),
        "sound instead": whole.replace(b"vide", b"soun"),
        "no tracks": whole.replace(b"trak", b"free"),
        "no index": whole.replace(b"moov", b"free"),
        "an index without an end": _changed(whole, b"moov", -8, b"\xff\xff\xff\xff"),
        "data of other files": _changed(whole, b"dref", -4, b"dref\0\0\0\0\0\0\0\1" + outside),
        "no time": _changed(whole, b"mdhd", 12, bytes(4)),
        "damaged frames": _changed(whole, b"mdat", 900, b"\xff" * 200),
        "a fragment of 4 billion frames": _changed(pieces, b"trun", 4, b"\xff" * 4),
        "fragments without frames": pieces.replace(b"trun", b"free"),
        "a thousand fragments": pieces + pieces[pieces.rindex(b"moof") - 4 :] * 1000,
    }  # fmt: skip
    for name, data in cases.items():
        yield Hostile(f"mp4 with {name}", "mp4", data)


def _webms() -> Iterator[Hostile]:
    _, whole = sound_moving()["webm"]
    _, clear = sound_moving()["webm with alpha"]
    tracks = whole.index(b"\x16\x54\xae\x6b")
    cluster = whole.index(b"\x1f\x43\xb6\x75")
    cases = {
        "no frames": whole[:cluster],
        "no tracks": whole[:tracks] + whole[cluster:],
        "clusters alone": whole[:4] + whole[cluster:],
        "a name of another": whole.replace(b"V_VP9", b"V_XYZ"),
        "frames of another codec": whole.replace(b"V_VP9", b"V_VP8"),
        "a codec that writes no video": whole.replace(b"V_VP9", b"A_AAC"),
        "a width of nothing": whole.replace(b"\xb0\x81\x4a", b"\xb0\x81\x00"),
        "a width of 1": whole.replace(b"\xb0\x81\x4a", b"\xb0\x81\x01"),
        "a size of 65,535": whole.replace(b"\xb0\x81\x4a\xba\x81\x36", b"\xb0\x82\xff\xff\xba\x80"),
        "an unknown size": _changed(whole, b"\x18\x53\x80\x67", 0, b"\x01" + b"\xff" * 7),
        "a size of exabytes": _changed(whole, b"\x18\x53\x80\x67", 0, b"\x01\x7f" + b"\xff" * 6),
        "a segment in a segment": whole[: tracks] + whole[40:] + whole[tracks:],
        "many elements": whole[:tracks] + b"\xec\x80" * 90_000 + whole[tracks:],
        "many clusters": whole + whole[cluster : cluster + 300] * 60,
        "zeros behind": whole + bytes(5000),
        "zeros instead of frames": whole[: cluster + 40] + bytes(len(whole) - cluster - 40),
        "damaged frames": whole[: cluster + 30] + b"\xa5" * 90 + whole[cluster + 120 :],
        "a time far back": _changed(whole, b"\x1f\x43\xb6\x75", 9, b"\xe7\x81\xff"),
        "another name": whole.replace(b"webm", b"evil"),
        "transparency that isn't there": clear.replace(b"\xa5", b"\xec", 4),
        "transparency of another size": clear.replace(b"\xba\x81\x36", b"\xba\x81\x10"),
    }  # fmt: skip
    for name, data in cases.items():
        yield Hostile(f"webm with {name}", "webm", data)


def _lotties() -> Iterator[Hostile]:
    def layer(**also: Any) -> dict[str, Any]:
        return {**lottie()["layers"][0], **also}

    def named(name: str, inside: list[Any]) -> dict[str, Any]:
        return {"id": name, "layers": inside}

    def shows(name: str, times: int = 1) -> list[dict[str, Any]]:
        place = {"ty": 0, "refId": name, "w": 74, "h": 54}
        return [layer(**place, ind=n) for n in range(1, times + 1)]

    group = layer()["shapes"][0]
    deep = group
    for _ in range(30):
        deep = {"ty": "gr", "it": [deep]}
    copies = {"ty": "rp", "c": {"a": 0, "k": 1e9}, "o": {"a": 0, "k": 0}, "m": 1, "tr": {}}
    layers = {
        "no layers": [],
        "a layer that is a number": [7],
        "a layer that is nothing": [None],
        "a layer of an unknown kind": [layer(ty=99)],
        "a layer without a place": [{"ty": 4}],
        "a layer that is its own parent": [layer(parent=1)],
        "layers that are each other's parents": [layer(parent=2), layer(ind=2, parent=1)],
        "shapes that are no list": [layer(shapes={"ty": "gr"})],
        "shapes of an unknown kind": [layer(shapes=[{"ty": "zz"}])],
        "a group in a group": [layer(shapes=[deep])],
        "a billion copies": [layer(shapes=[group, copies])],
        "a billion copies at times": [layer(shapes=[group, {**copies, "c": {"k": [{"s": 1e9}]}}])],
        "times in no order": [layer(ip=90, op=-5, st=7)],
        "a matte of nothing": [layer(tt=1)],
        "a mask without a shape": [layer(masksProperties=[{"mode": "a"}], hasMask=True)],
        "numbers of texts": [layer(ks={"o": {"a": 0, "k": "100"}})],
        "a frame of huge numbers": [layer(ks={"p": {"a": 0, "k": [1e308, -1e308]}})],
        "an expression": [layer(ks={"r": {"a": 0, "k": 0, "x": "while(true){}"}})],
        "a composition that isn't there": shows("nothing"),
    }
    for name, inside in layers.items():
        yield Hostile(f"tgs with {name}", "tgs", drawn_tgs(lottie(layers=inside)))
    picture = {"id": "image_0", "w": 9, "h": 9, "u": "", "p": "", "e": 0}
    bomb = [named(f"c{n}", shows(f"c{n + 1}", 10)) for n in range(9)] + [named("c9", [layer()])]
    tops: dict[str, dict[str, Any]] = {
        "a picture of this machine": {"assets": [{**picture, "p": "file:///etc/passwd"}]},
        "a picture of the web": {"assets": [{**picture, "u": "http://localhost/", "p": "a.png"}]},
        "a picture within": {"assets": [{**picture, "p": "data:image/png;base64,AA", "e": 1}]},
        "assets that are no list": {"assets": {"p": "/etc/passwd"}},
        "a composition of itself": {"assets": [named("c0", shows("c0"))], "layers": shows("c0")},
        "a billion layers": {"assets": bomb, "layers": shows("c0", 10)},
        "a billion frames": {"op": 10**9},
        "frames that end before they begin": {"op": -9},
        "no frames": {"op": 0},
        "half a frame": {"op": 0.5},
        "1e300 frames": {"op": 1e300},
        "no rate": {"fr": 0},
        "a rate of a billion": {"fr": 10**9},
        "a rate below nothing": {"fr": -30},
        "no size": {"w": 0},
        "a size below nothing": {"w": -64, "h": -48},
        "a size of a million": {"w": 10**6, "h": 10**6},
        "a size of text": {"w": "64"},
        "fonts of the web": {"fonts": {"list": [{"fPath": "http://localhost/a.ttf"}]}},
        "markers": {"markers": [{"cm": "x" * 5000, "tm": -5, "dr": 1e12}] * 300},
    }
    for name, also in tops.items():
        yield Hostile(f"tgs with {name}", "tgs", drawn_tgs(lottie(**also)))
    text = json.dumps(lottie())
    for name, body in {
        "a bomb": b'{"layers":[' + b" " * 90_000_000 + b"]}",
        "lists in lists": b'{"layers":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        "objects in objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
        "no JSON": b"<svg/>",
        "a number": b"7",
        "nothing": b"",
        "bytes that are no text": b'{"layers":[],"nm":"\xff\xfe"}',
        "numbers that are none": text.replace('"h": 54', '"h": NaN').encode(),
        "endless numbers": text.replace('"h": 54', '"h": 1e999').encode(),
        "a null in a text": text.replace("square", "a\\u0000b").encode(),
        "half a character": text.replace("square", "\\ud800").encode(),
        "its width twice": text.replace('"w": 74', '"w": 74, "w": 9000000').encode(),
    }.items():
        yield Hostile(f"tgs of {name}", "tgs", gzip.compress(body, mtime=0))
    whole = drawn_tgs()
    yield Hostile("tgs with a wrong checksum", "tgs", whole[:-8] + bytes(8))
    yield Hostile("tgs with another behind", "tgs", whole + whole)


def _disguised() -> Iterator[Hostile]:
    _, gif = sound_files()["gif"]
    _, mp4 = sound_moving()["mp4"]
    icon = b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x68\4\0\0\x16\0\0\0" + bytes(1128)
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    listing = b"ffconcat version 1.0\nfile /etc/passwd\n"
    for kind in ("avif", "bmp", "mp4", "webm", "tgs"):
        for name, data in {
            "nothing": b"", "an icon": icon, "a drawing": drawing, "a gif": gif,
            "a playlist": playlist, "a list of files": listing, "zeros": bytes(5000),
        }.items():  # fmt: skip
            yield Hostile(f"{name} as {kind}", kind, data)
    yield Hostile("an mp4 that is a web page", "mp4", mp4 + b"<script>alert(1)</script>")
    yield Hostile("an mp4 as an avif", "avif", mp4)
    yield Hostile("an avif as an mp4", "mp4", sound_moving()["moving avif"][1])
    yield Hostile("a playlist that begins like an mp4", "mp4", b"\0\0\0\x18ftypmp42" + playlist)
    yield Hostile("a playlist that begins like a webm", "webm", b"\x1a\x45\xdf\xa3" + playlist)
