"""Table files are whole or absent, and say what they were made from."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import (
    Proof,
    digest_rows,
    read_proof,
    read_row_digests,
    read_table,
    write_table,
)

ROWS = pa.table({"id": ["a", "b"], "x": [1, None]})
PROOF = Proof("signals", "f", {"stickers/0": "d"}, {"read": 2})


def test_a_table_comes_back_with_its_proof(tmp_path):
    path = tmp_path / "deep" / "t.parquet"
    written = write_table(path, ROWS, PROOF, ["aa", "bb"])
    assert read_table(path).equals(ROWS)
    assert read_proof(path) == written
    assert written.digest
    assert read_row_digests(path) == ["aa", "bb"]
    assert read_table(path, ["x"]).column_names == ["x"]


def test_what_lies_in_the_place_of_a_null_changes_no_digest():
    valid = pa.py_buffer(b"\x01")
    one, other = (
        pa.Array.from_buffers(pa.binary(2), 2, [valid, pa.py_buffer(b"aa" + hidden)])
        for hidden in (b"bb", b"cc")
    )
    assert digest_rows(pa.table({"x": one})) == digest_rows(pa.table({"x": other}))
    assert digest_rows(pa.table({"x": one})) != digest_rows(pa.table({"x": one[:1]}))


def test_the_same_rows_give_the_same_file(tmp_path):
    for name in ("a", "b"):
        write_table(tmp_path / name, ROWS, PROOF)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_what_is_no_table_has_no_proof(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 nothing")
    assert read_proof(tmp_path / "t.parquet") is None
    assert read_proof(tmp_path / "none.parquet") is None
    with pytest.raises(StickerworksError, match="Delete that file"):
        read_table(tmp_path / "t.parquet")


def test_no_damage_is_read_as_data(tmp_path):
    path = tmp_path / "t.parquet"
    big = pa.table({"id": [f"{n:064d}" for n in range(300)], "x": list(range(300))})
    write_table(path, big, PROOF)
    whole = path.read_bytes()
    random = Random(0)
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[random.randrange(4, len(whole) - 8)] ^= 1 << random.randrange(8)
        path.write_bytes(damaged)
        proof = read_proof(path)
        try:
            rows = read_table(path)
        except StickerworksError:
            continue
        # What a checksum doesn't cover may change only what nobody reads as rows.
        assert rows.equals(big) or proof is None or proof.digest != digest_rows(rows)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def fail() -> None:
        with atomic_file(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_full_disk_is_one_line_and_leaves_nothing(small_disk: Path):
    path = small_disk / "tables" / "t.parquet"
    big = pa.table({"id": ["a"], "x": [os.urandom(4 << 20)]})
    with pytest.raises(StickerworksError, match="The disk is full: could not write") as caught:
        write_table(path, big, PROOF)
    assert "\n" not in str(caught.value)
    assert os.listdir(path.parent) == []


@pytest.fixture
def small_disk(tmp_path: Path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
