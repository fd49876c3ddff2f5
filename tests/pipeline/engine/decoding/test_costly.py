"""Small files that are made to take long before anything is decoded."""

from __future__ import annotations

import gzip
import json
import struct
import time

import pytest

from pipeline.engine.decoding import boxes, lottie
from pipeline.engine.decoding.boxes import scan_avif, whole_frames
from pipeline.engine.decoding.header import Undecodable

SIZE = {"w": 8, "h": 8, "ip": 0, "op": 9, "fr": 30}


def seconds(work, *arguments):
    """Of computing, which what else the machine does hardly changes."""
    started = time.process_time()
    work(*arguments)
    return time.process_time() - started


def tgs(layers):
    return gzip.compress(json.dumps({**SIZE, "layers": layers}).encode(), mtime=0)


def nested(depth, **also):
    one = [1] * 200_000
    for _ in range(depth):
        one = {**also, "c": one}
    return tgs([one])


def test_repeaters_in_repeaters_are_walked_once():
    plain, repeaters = nested(90), nested(90, ty="rp")
    lottie.scan_lottie(plain)
    usual = seconds(lottie._parse, plain)
    assert seconds(lottie._parse, repeaters) < 3 * usual


@pytest.mark.parametrize(
    "copies", [1001, [1, 1001], {"a": 1, "k": [{"s": [1001.5]}]}, {"k": {"ty": "rp", "c": 1001}}]
)
def test_copies_are_counted_wherever_they_stand(copies):
    with pytest.raises(Undecodable, match="repeats a shape"):
        lottie.scan_lottie(tgs([{"shapes": [{"ty": "rp", "c": copies, "o": 5}]}]))


def test_other_numbers_of_a_repeater_are_no_copies():
    lottie.scan_lottie(tgs([{"ty": "rp", "c": {"k": 1000}, "o": {"k": 5000}}, {"c": 5000}]))


def test_an_animation_is_parsed_once(monkeypatch):
    data, parsed = tgs([{"nm": "once"}]), []
    parse = lottie._parse
    monkeypatch.setattr(lottie, "_parse", lambda given: parsed.append(1) or parse(given))
    lottie.scan_lottie(data)
    assert json.loads(lottie.lottie_json(data)) == {**SIZE, "layers": [{"nm": "once"}]}
    assert len(parsed) == 1


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def table(kind, *numbers, rows):
    return box(kind, bytes(4), struct.pack(f">{len(numbers) + 1}I", rows, *numbers))


def track(sizes, offsets, runs):
    return box(
        b"trak",
        box(b"hdlr", bytes(8), b"pict"),
        box(b"stsd", bytes(40), struct.pack(">2H", 8, 8)),
        box(b"stsz", bytes(4), sizes),
        table(b"stco", *offsets, rows=len(offsets)),
        table(b"stsc", *(n for first, count in runs for n in (first, count, 1)), rows=len(runs)),
    )


def avif(*tracks):
    return box(b"ftyp", b"avis", bytes(4)) + box(b"moov", *tracks)


def listed(*sizes):
    return struct.pack(f">{len(sizes) + 2}I", 0, len(sizes), *sizes)


def test_samples_lie_in_chunks_as_the_runs_say():
    # Two chunks of two samples, then chunks of one.
    data = avif(track(listed(10, 20, 30, 40, 50, 60), [300, 400, 500, 900], [(1, 2), (3, 1)]))
    assert scan_avif(data).usable == 960
    kept = [whole_frames(data.ljust(length, b"\0")) for length in (329, 330, 470, 549, 550, 960)]
    assert kept == [1, 2, 4, 4, 5, 6]


def test_runs_and_chunks_of_an_avif_are_walked_once():
    runs = [(99_999, 1)] * 6_000
    data = avif(track(struct.pack(">2I", 1, 99), range(20_000), runs))
    assert seconds(scan_avif, data) < 0.8


def test_tables_of_all_tracks_are_capped():
    one = track(struct.pack(">2I", 1, 2**32 - 1), [1, 2, 3], [(1, 7)])
    tracks = boxes._walk(avif(*[one] * 300)).tracks
    assert len(tracks) == 300
    assert sum(len(known.sizes) + len(known.offsets) for known in tracks) <= 100_000
