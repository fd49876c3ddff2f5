"""Every profile by its name."""

from __future__ import annotations

from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import quoted
from pipeline.release.profiles.met_meme import MET_MEME
from pipeline.release.profiles.parquet import verify_parquet, write_parquet
from pipeline.release.profiles.profile import Column, Profile
from pipeline.release.profiles.ser30k import SER30K
from pipeline.release.profiles.sticker820k import STICKER820K
from pipeline.release.profiles.sticker820k_lmdb import STICKER820K_LMDB
from pipeline.release.profiles.stickertag import STICKERTAG
from pipeline.release.profiles.vsd2m import VSD2M
from pipeline.release.profiles.webdataset import as_webdataset
from pipeline.release.verify import check_images
from schemas.release import COLUMNS

FULL = Profile(
    name="full",
    about="Every column of the release.",
    loading='stickers["train"][0]["image"]` is a PIL image, animated where the sticker is.',
    columns=tuple(Column(*column) for column in COLUMNS),
    write=write_parquet,
    verify=verify_parquet,
    check=check_images,
    asks=True,
)
"""The release itself: made again as WebDataset alone."""

PROFILES = {
    profile.name: profile
    for profile in (FULL, STICKERTAG, VSD2M, STICKER820K, STICKER820K_LMDB, SER30K, MET_MEME)
}


def find_profile(name: str, *, webdataset: bool = False) -> Profile:
    """The profile of that name, as tar shards if asked for; StickerworksError if there is none."""
    profile = PROFILES.get(name)
    if profile is None:
        raise StickerworksError(
            f"There is no profile {quoted(name)}.", f"Those that there are: {', '.join(PROFILES)}."
        )
    if not webdataset and profile is not FULL:
        return profile
    if not webdataset:
        raise StickerworksError(
            "The profile full is the release itself.", "Copy its folder, or add --webdataset."
        )
    if not profile.parquet:
        raise StickerworksError(
            f"{name} is a layout of files of its own, which WebDataset has no place for.",
            "Leave out --webdataset, or name a profile of rows, such as "
            f"{', '.join(each.name for each in PROFILES.values() if each.parquet)}.",
        )
    return as_webdataset(profile)
