"""Objects of a store that speaks S3: conditions hold, and every fault is one line."""

from __future__ import annotations

import filecmp
import os
import pickle
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from object_store_faults import Answer, FaultyStore, Forward, refused

from pipeline.engine.errors import StickerworksError
from pipeline.engine.store.contract import ANYTHING, SMALL_BYTES, ChangedError, Store
from pipeline.engine.store.folder import FolderStore
from pipeline.engine.store.objects import LARGE_BYTES, PART_BYTES

from .conftest import MakeStore


@pytest.fixture(params=["folder", "objects"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return FolderStore(tmp_path)
    make: MakeStore = request.getfixturevalue("make_store")
    return make()


def test_an_object_is_read_back_whole_and_in_ranges(store: Store) -> None:
    entry = store.write("tables/a.parquet", b"0123456789", None)
    assert entry.nbytes == 10
    assert store.stat("tables/a.parquet") == entry
    assert store.read("tables/a.parquet") == b"0123456789"
    assert store.read("tables/a.parquet", 2, 3) == b"234"
    assert store.read("tables/a.parquet", 7) == b"789"
    assert store.open("tables/a.parquet").read() == b"0123456789"


def test_what_is_not_there_is_said_to_be_missing(store: Store) -> None:
    assert store.stat("none/a") is None
    assert store.list("none") == {}
    store.delete(["none/a"])
    with pytest.raises(FileNotFoundError):
        store.read("none/a")
    with pytest.raises(FileNotFoundError):
        store.open("none/a")


def test_a_writer_that_saw_something_else_is_refused(store: Store) -> None:
    first = store.write("a", b"one", None)
    with pytest.raises(ChangedError):
        store.write("a", b"two", None)
    second = store.write("a", b"three", first)
    with pytest.raises(ChangedError):
        store.write("a", b"four", first)
    assert store.read("a") == b"three"
    assert store.write("a", b"five!", ANYTHING).tag != second.tag
    gone = replace(first, name="b")
    with pytest.raises(ChangedError):
        store.write("b", b"six", gone)


def test_a_listing_holds_what_lies_below_a_folder_alone(store: Store) -> None:
    for name in ("t/b/2", "t/b/1", "t/bc", "u"):
        store.write(name, b"x", None)
    assert list(store.list("t/b")) == ["t/b/1", "t/b/2"]
    store.write("t/b/0", b"x", None)
    store.delete(["t/b/2"])
    assert list(store.list("t/b")) == ["t/b/0", "t/b/1"]


def test_a_large_table_is_read_by_ranges(make_store: MakeStore, faulty: FaultyStore) -> None:
    noise = pa.array([bytes([n % 251]) * 997 + n.to_bytes(4) for n in range(20_000)])
    sink = pa.BufferOutputStream()
    rows = pa.table({"n": pa.array(range(20_000)), "noise": noise})
    pq.write_table(rows, sink, compression="none", use_dictionary=False)
    store = make_store(faulty.url)
    entry = store.write("t/a", sink.getvalue().to_pybytes(), None)
    assert entry.nbytes > SMALL_BYTES
    sizes: list[int] = []

    def measure(method: str, path: str, forward: Forward) -> Answer:
        answer = forward()
        sizes.append(len(answer.body))
        return answer

    faulty.fault = measure
    assert pq.ParquetFile(store.open("t/a")).read(["n"]) == rows.select(["n"])
    assert sum(sizes) < 1_000_000


def test_a_folder_is_listed_once(make_store: MakeStore, faulty: FaultyStore) -> None:
    store = make_store(faulty.url)
    for n in range(3):
        store.write(f"t/{n}", b"x", None)
    faulty.requests.clear()
    for n in range(5):
        store.stat(f"t/{n}")
    assert len(faulty.requests) == 1
    other = make_store(faulty.url)
    other.write("t/4", b"x", None)
    assert store.stat("t/4") is None
    store.forget("t")
    assert store.stat("t/4") is not None
    assert len(store.list("")) == 4
    other.write("t/u/5", b"x", None)
    store.forget("t/u")
    assert store.stat("t/u/5") is not None


def test_a_copy_in_a_worker_asks_for_single_objects(
    make_store: MakeStore, faulty: FaultyStore
) -> None:
    store = make_store(faulty.url)
    store.write("t/1", b"x", None)
    text = pickle.dumps(store)
    assert b"not-for-anyones-eyes" not in text
    copy = pickle.loads(text)
    faulty.requests.clear()
    assert copy.stat("t/1") is not None
    assert copy.stat("t/2") is None
    assert [method for method, _ in faulty.requests] == ["HEAD", "HEAD"]


def test_a_write_whose_answer_was_lost_counts(make_store: MakeStore, faulty: FaultyStore) -> None:
    lost: list[str] = []

    def lose_one_answer(method: str, path: str, forward: Forward) -> Answer | None:
        answer = forward()
        if method == "PUT" and not lost:
            lost.append(path)
            return refused(500, "InternalError")
        return answer

    faulty.fault = lose_one_answer
    store = make_store(faulty.url)
    entry = store.write("a", b"one", None)
    assert lost
    assert entry.nbytes == 3
    lost.clear()
    assert store.write("a", b"two", entry).nbytes == 3
    assert store.read("a") == b"two"


def test_a_store_that_loses_one_write_is_asked_again(
    make_store: MakeStore, faulty: FaultyStore
) -> None:
    lost: list[str] = []

    def lose_one(method: str, path: str, forward: Forward) -> Answer:
        if method == "PUT" and not lost:
            lost.append(path)
            return Answer(200, {"ETag": '"0123"'}, b"")
        return forward()

    faulty.fault = lose_one
    store = make_store(faulty.url)
    store.write("a", b"one", None)
    assert store.read("a") == b"one"


def test_a_large_file_is_sent_and_fetched_in_parts(
    make_store: MakeStore, faulty: FaultyStore, tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(1 << 20) * 66)
    assert source.stat().st_size > LARGE_BYTES
    store, sizes = make_store(faulty.url), []

    def measure(method: str, path: str, forward: Forward) -> Answer:
        answer = forward()
        sizes.append(len(answer.body))
        return answer

    faulty.fault = measure
    entry = store.upload("a", source, None)
    assert [method for method, path in faulty.requests if "partNumber" in path] == ["PUT"] * 5
    assert store.download(entry, target) == entry
    assert max(sizes) <= PART_BYTES
    assert filecmp.cmp(source, target, shallow=False)
    with pytest.raises(ChangedError):
        store.upload("a", source, None)
    other = make_store().write("a", b"theirs", entry)
    with pytest.raises(ChangedError):
        store.upload("a", source, entry)
    assert store.download(entry, target) == other
    assert target.read_bytes() == b"theirs"


def test_parts_of_a_large_file_are_no_file_once_the_workspace_is_lost(
    make_store: MakeStore, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(LARGE_BYTES + 1))
    asked: list[int] = []

    def lose() -> None:
        asked.append(1)
        if len(asked) == 3:
            raise StickerworksError("This command has lost the workspace.", "Run it again.")

    store = make_store()
    store.guard = lose
    with pytest.raises(StickerworksError, match="has lost the workspace"):
        store.upload("a", source, None)
    assert make_store().stat("a") is None


def test_a_large_object_has_more_time(make_store: MakeStore, faulty: FaultyStore) -> None:
    def slow(method: str, path: str, forward: Forward) -> Answer:
        if method == "PUT":
            time.sleep(3)
        return forward()

    faulty.fault = slow
    content = bytes(2 * PART_BYTES + 1)
    assert make_store(faulty.url, timeout_s=2).write("a", content, None).nbytes == len(content)


def test_what_another_driver_writes_right_after_is_left_alone(
    make_store: MakeStore, faulty: FaultyStore
) -> None:
    written: list[bytes] = []

    def follow(method: str, path: str, forward: Forward) -> Answer:
        answer = forward()
        if method == "PUT":
            written.append(f"theirs, {len(written)}".encode())
            make_store().write("a", written[-1], ANYTHING)
        return answer

    faulty.fault = follow
    with pytest.raises(ChangedError):
        make_store(faulty.url).write("a", b"ours", None)
    with pytest.raises(ChangedError):
        make_store(faulty.url).write("a", b"again", make_store().stat("a"))
    assert make_store().read("a") == written[-1]
    assert len(written) == 2


def lose_writes(method: str, path: str, forward: Forward) -> Answer:
    return Answer(200, {"ETag": '"0123"'}, b"") if method == "PUT" else forward()


def forbid_writes(method: str, path: str, forward: Forward) -> Answer:
    return refused(403, "AccessDenied") if method == "PUT" else forward()


def refuse_keys(method: str, path: str, forward: Forward) -> Answer:
    return refused(403, "SignatureDoesNotMatch")


def skewed(method: str, path: str, forward: Forward) -> Answer:
    return refused(403, "RequestTimeTooSkewed")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lose_writes, "It loses writes"),
        (forbid_writes, "No permission to write"),
        (refuse_keys, "refused the credentials"),
        (skewed, "clock is wrong"),
    ],
)
def test_a_store_that_takes_no_write_is_one_line(
    make_store: MakeStore, faulty: FaultyStore, fault: object, words: str
) -> None:
    faulty.fault = fault  # type: ignore[assignment]
    with pytest.raises(StickerworksError, match=words) as caught:
        make_store(faulty.url).write("a", b"one", None)
    _is_one_line(caught.value)


def test_a_store_that_is_not_there_is_one_line(make_store: MakeStore) -> None:
    with pytest.raises(StickerworksError, match=r"Could not reach .* http://127.0.0.1:1") as caught:
        make_store("http://127.0.0.1:1").write("a", b"one", None)
    _is_one_line(caught.value)


@pytest.mark.parametrize("act", ["list", "write", "read", "stat"])
def test_a_bucket_that_is_missing_is_one_line(make_store: MakeStore, act: str) -> None:
    store = make_store(bucket="nowhere")
    acts = {
        "list": lambda: store.list("t"),
        "write": lambda: store.write("a", b"one", None),
        "read": lambda: store.read("a"),
        "stat": lambda: store.stat("t/a"),
    }
    with pytest.raises(StickerworksError, match="There is no bucket nowhere at http") as caught:
        acts[act]()
    _is_one_line(caught.value)


def test_an_unencrypted_endpoint_must_be_allowed(make_store: MakeStore) -> None:
    with pytest.raises(StickerworksError, match=r"storage\.allow_http: true"):
        make_store(allow_http=False).list("")


def test_without_credentials_the_error_says_how_to_give_them(
    make_store: MakeStore, faulty: FaultyStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    # Where a machine of a cloud would ask for its role, there is nobody.
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(StickerworksError, match="There are no credentials") as caught:
        make_store().write("a", b"one", None)
    _is_one_line(caught.value)


def test_half_of_the_credentials_is_told(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StickerworksError, match="AWS_SECRET_ACCESS_KEY isn't") as caught:
        make_store().list("")
    _is_one_line(caught.value)


def test_credentials_come_from_the_shared_file(
    make_store: MakeStore, faulty: FaultyStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    file = tmp_path / "credentials"
    file.write_text("[lab]\naws_access_key_id = OTHER\naws_secret_access_key = shh\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    make_store(faulty.url).write("a", b"one", None)
    file.write_text("[lab\naws_secret_access_key = shh\n")
    with pytest.raises(StickerworksError, match="can't be understood") as caught:
        make_store(faulty.url).write("b", b"one", None)
    _is_one_line(caught.value)


def _is_one_line(error: StickerworksError) -> None:
    said = str(error)
    assert "\n" not in said
    assert error.remedy
    for secret in ("not-for-anyones-eyes", "AKIDEXAMPLE", "Signature=", "shh"):
        assert secret not in said
    assert error.__suppress_context__ or error.__cause__ is None
