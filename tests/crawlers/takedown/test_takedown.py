"""What a list objects to, and with which of its lines."""

from __future__ import annotations

import hashlib
import io
import time

import pytest
from PIL import Image, ImageDraw

from crawlers.observation import Observation
from crawlers.takedown.entries import Entry
from crawlers.takedown.forms import normal_url
from crawlers.takedown.takedown import Takedown, load_takedown
from pipeline.engine.decoding.one_pass import hash_file
from pipeline.engine.errors import StickerworksError
from schemas.config import CrawlConfig, DecodeConfig


def listing(*entries: tuple[str, str]) -> Takedown:
    return Takedown(Entry(kind, value, line) for line, (kind, value) in enumerate(entries, 2))


def picture(kind: str = "PNG", colour: str = "gold", **options: int) -> bytes:
    drawn = Image.new("RGB", (120, 120), "white")
    pen = ImageDraw.Draw(drawn)
    pen.ellipse((20, 10, 100, 90), fill=colour)
    pen.rectangle((50, 60, 110, 118), fill="navy")
    file = io.BytesIO()
    drawn.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (("pack", "cats"), {"pack_id": "cats"}),
        (("pack", "giphy/cats"), {"pack_id": "cats"}),
        (("pack", "a/b"), {"pack_id": "a/b"}),
        (("author", "ann lee"), {"author": " Ann\tLEE "}),
        (("author", "giphy/ann"), {"author": "Ann"}),
        (("url", "//example.org/a.gif"), {"media_url": "https://EXAMPLE.org/a.gif#x"}),
        (("url", "//example.org/a"), {"page_url": "http://example.org/a"}),
        (("url", "//example.org/u/*"), {"media_url": "https://example.org/u/1/2.gif"}),
        (("url", "//a.org/a.gif"), {"media_url": "https://a.org/a.gif?api_key=SECRET1234567890"}),
    ],
)
def test_it_objects_before_anything_is_fetched(entry, said):
    failure = listing(("author", "nobody"), entry).objection(Observation("1", **said), "giphy")
    assert failure is not None
    assert (failure.state, failure.error_class) == ("refused", "takedown")
    assert failure.error.startswith("line 3 of the takedown list names its ")
    assert "ann" not in failure.error.lower()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (("pack", "cats"), {"pack_id": "Cats"}),
        (("pack", "sogou/cats"), {"pack_id": "cats"}),
        (("author", "ann"), {"author": "anna"}),
        (("author", "ann"), {"pack_id": "ann", "title": "ann"}),
        (("url", "//example.org/u/*"), {"media_url": "https://example.org/user"}),
        (("url", "//example.org/u"), {"media_url": "https://example.org/u/1"}),
        (("url", "//example.org/*"), {"media_url": "https://example.org.uk/"}),
    ],
)
def test_it_objects_to_nothing_else(entry, said):
    assert listing(entry).objection(Observation("1", **said), "giphy") is None


def test_hostile_names_and_addresses_cost_no_time():
    takedown = listing(("author", "a"), ("pack", "b"), ("url", "//example.org/*"))
    long = "https://example.org/" + "%2e/" * 3_000_000
    started = time.process_time()
    hostile = Observation("1", long, pack_id=long, author=long, page_url="https://" + "é." * 3000)
    assert takedown.objection(hostile, "giphy") is None
    assert takedown.objection_to_urls(["https://[", "\ud800://x", "https://\x00", None]) is None
    assert time.process_time() - started < 2


def test_an_empty_list_objects_to_nothing():
    takedown = load_takedown(CrawlConfig())
    assert takedown.empty
    assert takedown.objection(Observation("1", "https://example.org/", author="a"), "x") is None
    assert takedown.objection_to_bytes("0" * 64, b"GIF89a", "gif") is None


def test_bytes_are_known_by_their_hash():
    data = picture()
    sha256 = hashlib.sha256(data).hexdigest()
    failure = listing(("sha256", sha256)).objection_to_bytes(sha256, data, "png")
    assert failure is not None
    assert failure.error == "line 2 of the takedown list names its bytes (sha256)"
    assert listing(("sha256", "0" * 64)).objection_to_bytes(sha256, data, "png") is None


def test_a_picture_saved_anew_is_known_by_its_looks():
    hashes = hash_file(picture(), "png", DecodeConfig())
    assert hashes is not None
    looks = hashes[0]
    takedown = listing(("phash", "0" * 16), ("phash", looks.hex()))
    failure = takedown.objection_to_bytes("0" * 64, picture("JPEG", quality=40), "jpeg")
    assert failure is not None
    assert failure.error == "line 3 of the takedown list names how it looks (phash)"


@pytest.mark.parametrize(("bits", "refused"), [(0, True), (4, True), (5, False)])
def test_hashes_may_differ_in_four_bits(bits, refused):
    hashes = hash_file(picture(), "png", DecodeConfig())
    assert hashes is not None
    looks = hashes[0]
    near = int.from_bytes(looks, "big") ^ (2**bits - 1) << 30
    takedown = listing(("phash", f"{near:016x}"), ("phash", f"{near ^ 0xFFFFFFFFFFFFFFFF:016x}"))
    assert (takedown.objection_to_bytes("0" * 64, picture(), "png") is not None) == refused


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"x" * 50, picture()[:90]])
def test_what_cannot_be_decoded_is_not_known_by_its_looks(data):
    assert listing(("phash", "0" * 16)).objection_to_bytes("0" * 64, data, "png") is None


def test_pictures_are_decoded_only_where_looks_are_listed(monkeypatch):
    monkeypatch.setattr("crawlers.takedown.takedown.hash_file", lambda *_: pytest.fail("decoded"))
    takedown = listing(("author", "a"), ("sha256", "1" * 64))
    assert takedown.objection_to_bytes("0" * 64, picture(), "png") is None


def test_a_picture_that_takes_all_memory_is_not_kept_unchecked(monkeypatch):
    def full(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr("crawlers.takedown.takedown.hash_file", full)
    failure = listing(("phash", "0" * 16)).objection_to_bytes("0" * 64, picture(), "png")
    assert failure is not None
    assert (failure.state, failure.error_class) == ("failed", "too_large")


def test_two_lists_are_the_same_whose_entries_are():
    one, other = ("author", "a"), ("pack", "b")
    assert listing(one, other).digest == listing(other, one, one).digest != listing(one).digest


def test_a_wrong_list_is_told_before_anything_is_crawled(tmp_path, workspace, crawl_folder):
    with pytest.raises(StickerworksError, match="takedown list"):
        load_takedown(CrawlConfig(takedown=str(tmp_path / "none.csv")))


def test_a_large_list_is_read_in_seconds_and_asked_at_once():
    started = time.process_time()
    count = 100_000
    addresses = (f"https://media{n % 4}.example.org/{n:x}/giphy.gif?cid={n}" for n in range(count))
    takedown = Takedown(Entry("url", normal_url(url) or "", 1) for url in addresses)
    seen = Observation("1", "https://media1.example.org/zz/giphy.gif?cid=1", author="a")
    for _ in range(10_000):
        assert takedown.objection(seen, "giphy") is None
    assert time.process_time() - started < 10  # 0.5 s on a machine that does nothing else
