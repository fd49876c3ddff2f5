"""How much faster many questions in flight are than one, against a server that takes 200 ms.

    python benchmarks/annotate.py [--stickers N] [--rounds N]

The server is a replica on loopback in a process of its own; pictures are real JPEGs of 512 pixels,
four an animation. One at a time and 32 at a time take turns; the medians' ratio is the last line.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "replicas"))

from openai_server import OpenaiServer

from annotation.machine.answers import ModelIdentity, open_answers
from annotation.machine.asking import ChatJob, RequestTally, ask_all
from annotation.machine.captioner import CaptionInput
from annotation.machine.chat import Model, Picture
from annotation.machine.configured import open_captioner
from annotation.machine.prompt_set import load_prompt_set

LATENCY_S, IN_FLIGHT, FRAMES = 0.2, 32, 4
SETS = ("vsd2m", "stickertag", "mghft", "sticker820k")


def main() -> None:
    """Measure and print one line of JSON at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stickers", type=int, default=256, help="stickers asked about in flight")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind")
    options = parser.parse_args()
    stickers = [_draw(number) for number in range(options.stickers)]
    size = sum(len(picture.jpeg) for picture in stickers[0].pictures)
    rule = ["Is there any text", "no"]
    few = stickers[: max(2, options.stickers // IN_FLIGHT)]
    one, many = [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        OpenaiServer({"latency_s": LATENCY_S, "rules": [rule]}, Path(folder)) as server,
    ):
        for number in range(options.rounds):
            one.append(_rate(few, server.url, 1, Path(folder) / f"one-{number}"))
            many.append(_rate(stickers, server.url, IN_FLIGHT, Path(folder) / f"many-{number}"))
            print(f"round {number + 1}: {one[-1]:.2f} and {many[-1]:.1f} requests/s")
        requests = len(server.chats()) / (options.rounds * (len(few) + len(stickers)))
    figures = {
        "latency_s": LATENCY_S,
        "in_flight": IN_FLIGHT,
        "kilobytes_of_pictures": round(size / 1000),
        "requests_a_sticker": round(requests, 2),
        "requests_per_s_one": round(statistics.median(one), 2),
        "requests_per_s_many": round(statistics.median(many), 1),
        "concurrency_speedup": round(statistics.median(many) / statistics.median(one), 1),
    }
    print(json.dumps({"benchmark": "annotate", "figures": figures}))


def _rate(stickers: list[CaptionInput], url: str, in_flight: int, folder: Path) -> float:
    """Requests a second of a whole pass, ledger included."""
    settings = {"base_url": url, "model": "replica-vl", "in_flight": in_flight}
    job = ChatJob(
        open_captioner("openai", settings).open_chat(),
        ModelIdentity("openai", Model("replica-vl"), "benchmark"),
        tuple(load_prompt_set(name) for name in SETS),
        ("en", "zh"),
    )
    tally = RequestTally()

    async def run() -> None:
        await ask_all(stickers, job, answers, lambda done: None, tally)
        await job.chat.close()

    with open_answers(folder) as answers:
        started = time.monotonic()
        asyncio.run(run())
        return tally.requests.total() / (time.monotonic() - started)


def _draw(number: int) -> CaptionInput:
    random = np.random.default_rng(number)
    pictures = []
    for index in range(FRAMES):
        coarse = Image.fromarray(random.integers(0, 255, (12, 12, 3), dtype=np.uint8))
        picture = coarse.resize((512, 512)).filter(ImageFilter.GaussianBlur(2))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=90)
        pictures.append(Picture(file.getvalue(), 100 * index))
    return CaptionInput(f"sticker {number}", "cartoon", True, (), "", tuple(pictures))


if __name__ == "__main__":
    main()
