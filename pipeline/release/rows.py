"""One sticker's rows in the workspace as one row of a release."""

from __future__ import annotations

from typing import Any

from pipeline.engine.errors import StickerworksError
from pipeline.engine.media import MediaReader
from pipeline.release.inputs import Joined
from pipeline.release.redact import public_text, public_url
from schemas.config import ReleaseConfig
from schemas.tables import DESCRIPTION_FIELDS

_BASIS = {"item": 0, "site": 1}


def outcome(id_: str, sticker: Joined, config: ReleaseConfig) -> dict[str, Any]:
    """Outcome, reasons and split (null when left out) of any sticker of the crawl.

    ``outcome`` is ``released``, ``dropped`` or ``failed`` by the decisions, or ``left_out`` with
    our own reason when a kept sticker is not part of this release.
    """
    decision, split = sticker["decisions"], sticker["splits"]["split"]
    reasons = [
        {**reason, "detail": public_text(reason["detail"])} for reason in decision["reasons"] or []
    ]
    if not decision["kept"]:
        if split is not None:
            raise StickerworksError(
                f"Sticker {id_} has the split {split!r} but was not kept: splits are out of date.",
                "Run `stickerworks split` again.",
            )
        return _outcome_row(id_, decision["outcome"], reasons, None)
    if split is None:
        return _outcome_row(
            id_, "left_out", [*reasons, _reason("no_split", "no split was assigned")], None
        )
    status = label_status(sticker)
    if status == "dropped":
        raise StickerworksError(
            f"Sticker {id_} is kept, but its label is from when it wasn't: labels are out of date.",
            "Run `stickerworks merge` again.",
        )
    if config.labelled_only and status != "effective":
        return _outcome_row(id_, "left_out", [*reasons, _reason("labelled_only", status)], None)
    return _outcome_row(id_, "released", reasons, split)


def release_row(id_: str, sticker: Joined, image: bytes | None) -> dict[str, Any]:
    """A row of the release; ``image`` is None where the bytes may not be passed on."""
    observations = sticker.get("observations") or []
    signals, labels = sticker["signals"], sticker.get("labels") or {}
    kind = sticker["stickers"]["format"]
    return {
        "id": id_,
        "image": None if image is None else {"bytes": image, "path": f"{id_}.{kind}"},
        "format": kind,
        **{
            name: signals[name]
            for name in (
                "width", "height", "frames", "duration_ms", "animated", "aspect", "entropy",
            )
        },
        "tags": sorted(labels.get("tags") or []),
        "label_status": label_status(sticker),
        "suggested_tags": sorted((sticker.get("suggestions") or {}).get("tags") or []),
        **_domain(sticker),
        **_descriptions(sticker),
        "ocr_text": (sticker.get("ocr") or {}).get("text"),
        **_provenance(observations),
        "duplicate_group": sticker["duplicates"]["group"],
        "template_id": sticker["duplicates"]["template_id"],
        "annotators": labels.get("votes") or 0,
        "simulated": bool(labels.get("simulated")),
        "flags": sorted(signals["flags"] or []),
    }  # fmt: skip


def label_status(sticker: Joined) -> str:
    """Status of the sticker's labels; ``unlabelled`` before any merge."""
    return (sticker.get("labels") or {}).get("status") or "unlabelled"


def may_redistribute(sticker: Joined) -> bool:
    """Whether any source that showed these bytes lets a release carry them."""
    # An unknown (null) permission is none.
    return any(row["redistribute"] is True for row in sticker.get("observations") or [])


def read_bytes(media: MediaReader, id_: str, sticker: Joined) -> bytes:
    """The sticker's bytes, checked against its id; StickerworksError names a file that differs."""
    place = sticker["media"]
    missing = "media has no path for it"
    try:
        data = media.read(place)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        data, missing = None, media.where(place)
    except ValueError:
        raise StickerworksError(
            f"{media.where(place)} has changed: its sha256 is not the sticker's id {id_}. "
            "No release was made.",
            "Put the original file back, or delete it and run `stickerworks crawl` again.",
        ) from None
    if data is None:
        raise StickerworksError(
            f"The file of sticker {id_} is missing: {missing}. No release was made.",
            "Put the file back, or run `stickerworks crawl` to fetch it again.",
        )
    return data


def _outcome_row(id_: str, outcome: str, reasons: list[Any], split: str | None) -> dict[str, Any]:
    return {"id": id_, "outcome": outcome, "reasons": reasons, "split": split}


def _reason(rule: str, detail: str) -> dict[str, Any]:
    return {"rule": rule, "value": None, "threshold": None, "detail": detail}


def _domain(sticker: Joined) -> dict[str, Any]:
    voted = (sticker.get("labels") or {}).get("domain")
    classified = (sticker.get("domain") or {}).get("domain")
    provenance = "votes" if voted else "classifier" if classified else None
    return {"domain": voted or classified, "domain_provenance": provenance}


def _descriptions(sticker: Joined) -> dict[str, Any]:
    texts = sticker.get("descriptions") or {}
    return {
        **{name: texts.get(name) for name, _ in DESCRIPTION_FIELDS},
        "captioner": texts.get("captioner"),
        "written_by": texts.get("written_by") or [],
    }


def _provenance(observations: list[dict[str, Any]]) -> dict[str, Any]:
    words = [
        text for row in observations for text in (row["query"], row["title"], *(row["tags"] or []))
    ]
    packs = [row["pack_title"] or row["pack_id"] for row in observations]
    urls = [public_url(row[name]) for row in observations for name in ("media_url", "page_url")]
    deciding = min(observations, key=_licence_rank, default={})
    return {
        "keywords": _distinct(words),
        "pack": next((pack for pack in packs if pack), None),
        "sources": _distinct([row["source"] for row in observations]),
        "source_urls": _distinct(urls),
        "authors": _distinct([public_text(row["author"]) for row in observations]),
        "licence": deciding.get("licence"),
        "licence_basis": deciding.get("licence_basis"),
        "licence_url": public_url(deciding.get("licence_url")),
    }


def _licence_rank(observation: dict[str, Any]) -> tuple[bool, int]:
    # The first observation wins among equals: min keeps the table's order.
    return observation["redistribute"] is not True, _BASIS.get(
        observation["licence_basis"] or "", 2
    )


def _distinct(texts: list[str | None]) -> list[str]:
    return sorted({text.strip() for text in texts if text and text.strip()})
