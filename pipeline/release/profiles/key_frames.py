"""Key frames of a release's images, made in processes that a hostile file may bring down."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pebble import ProcessExpired, ProcessPool

from pipeline.engine.decoding.measured import measure
from pipeline.engine.errors import StickerworksError
from schemas.config import DecodeConfig

Frames = list[dict[str, Any]] | None
"""Bytes and name of each key frame; None where the image can't be decoded."""

_TIMEOUT_S = 60
_THREADS = "OMP_NUM_THREADS"
# The settings of a workspace aren't in its releases: everybody gets the same frames.
_CAPS = DecodeConfig()


def with_key_frames(
    groups: Iterable[pa.Table], pool: ProcessPool | None
) -> Iterator[tuple[pa.Table, int]]:
    """Rows with a column ``key_frames``, and how many of their images can't be decoded.

    A row has as many JPEG pictures as the filter would take, none where it has no image. The
    result doesn't depend on the ``pool``; without one this process decodes. Raises
    StickerworksError where an image ends its decoder or takes longer than a minute.
    """
    before: tuple[pa.Table, list[_Job]] | None = None
    for rows in groups:
        jobs = [_Job(pool, *row) for row in _images(rows)]
        if before is not None:
            yield _finished(*before)
        before = rows, jobs
    if before is not None:
        yield _finished(*before)


def _images(rows: pa.Table) -> Iterator[tuple[str, bytes | None, str | None]]:
    data = pc.struct_field(rows["image"], "bytes")
    ids, formats = rows["id"].to_pylist(), rows["format"].to_pylist()
    return zip(ids, data.to_pylist(), formats, strict=True)


def _finished(rows: pa.Table, jobs: list[_Job]) -> tuple[pa.Table, int]:
    from pipeline.release.features import features_of

    kind = features_of([("key_frames", "[image]", "")]).arrow_schema.field(0).type
    frames = [job.result() for job in jobs]
    column = pa.array([found or [] for found in frames], kind)
    return rows.append_column("key_frames", column), sum(found is None for found in frames)


class _Job:
    """One image, under way where there is a pool."""

    def __init__(
        self, pool: ProcessPool | None, id_: str, data: bytes | None, kind: str | None
    ) -> None:
        self._id, self._data, self._kind = id_, data, kind
        self._future: Future[Frames] | None = None
        if pool is not None and data is not None:
            arguments = [id_, data, kind]
            self._future = pool.schedule(decode, args=arguments, timeout=_TIMEOUT_S)

    def result(self) -> Frames:
        if self._data is None:
            return []
        if self._future is None:
            return decode(self._id, self._data, self._kind)
        try:
            return self._future.result()
        except TimeoutError as error:
            raise self._bad(f"takes longer than {_TIMEOUT_S} s to decode") from error
        except ProcessExpired as error:
            raise self._bad("ended the process that decoded it") from error

    def _bad(self, what: str) -> StickerworksError:
        return StickerworksError(
            f"The image of sticker {self._id} {what}. No profile was made.",
            "Leave that sticker out of the release, or make a profile without key frames.",
        )


def decode(id_: str, data: bytes, kind: str | None) -> Frames:
    """Key frames of one image."""
    frames = measure(data, kind, _CAPS).key_frames
    if frames is None:
        return None
    return [
        {"bytes": frame["jpeg"], "path": f"{id_}-{number}.jpg"}
        for number, frame in enumerate(frames)
    ]


@contextmanager
def decoding_pool(workers: int) -> Iterator[ProcessPool | None]:
    """Worker processes that end with the block; none for 0 workers."""
    if not workers:
        yield None
        return
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        context = multiprocessing.get_context("spawn")
        with ProcessPool(max_workers=workers, max_tasks=2000, context=context) as pool:
            try:
                yield pool
            except BaseException:
                pool.stop()  # type: ignore[no-untyped-call]
                raise
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before
