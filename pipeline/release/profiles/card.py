"""The card of a profile: README.md, with the front matter that `datasets` reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.engine.text import markdown_text
from pipeline.release.features import features_of
from pipeline.release.front_matter import Stored, front_matter
from pipeline.release.markdown import table
from pipeline.release.profiles.annotations import STICKERS
from pipeline.release.profiles.full import FullRelease
from pipeline.release.profiles.profile import ExportCounts, Profile, described
from schemas.release import SPLITS

_MAP_TRAP = """**Before `ds.map`, cast the column:**
`stickers = stickers.cast_column("image", datasets.Image(decode=False))`. A map that touches a
decoded image silently writes it back as one frame and drops its path; `Image(mode="RGB")` flattens
animations too."""

_FRAMES_TRAP = """**Before `ds.map`, cast the column:**
`stickers = stickers.cast_column("key_frames", datasets.List(datasets.Image(decode=False)))`. A map
that touches decoded pictures silently writes them again, with other bytes."""


def render_profile_card(
    full: FullRelease, profile: Profile, counts: ExportCounts, folder: Path
) -> str:
    """Text of README.md; whatever came from the release is escaped."""
    title = f"{full.name} {full.version}"
    stored = Stored(counts.rows, counts.num_bytes, _bytes_of_rows(folder))
    features = features_of(described(profile.columns)) if profile.parquet else None
    sections = [
        front_matter(f"{title} {profile.form}", full.licence, features, stored),
        f"# {markdown_text(title)}: {profile.form}",
        *_warnings(counts),
        f"{profile.about} Made from the files of the release {markdown_text(title)} alone "
        f"(sha256 of its SHA256SUMS: `{full.digest}`), whose card says where the stickers are "
        "from, what they may be used for and who labelled them.",
        _loading(full, profile),
        _rows(counts),
        _columns(profile),
        "`sha256sum -c SHA256SUMS` proves the files; `profile.json` holds the counts. The licence "
        "of each sticker stands in its row: nobody checked that its source could state it.",
    ]
    return "\n\n".join(filter(None, sections)) + "\n"


def _bytes_of_rows(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "data").glob("*") if path.is_file())


def _warnings(counts: ExportCounts) -> Iterator[str]:
    rows = sum(counts.rows.values())
    if counts.simulated:
        yield (
            f"> **SIMULATED VOTES.** The labels of {counts.simulated:,} of {rows:,} rows rest on "
            "simulated votes: no person looked at them. The column `simulated` marks these rows."
        )
    if counts.without_image:
        yield (
            f"> **{counts.without_image:,} of {rows:,} rows carry no image**, since no source of "
            "theirs allows redistribution, and so no key frames either. `source_urls` says where "
            "the files are, `id` is the sha256 that they must have."
        )
    if counts.undecodable:
        yield f"> **{counts.undecodable:,} images can't be decoded**, and have no key frames."


def _loading(full: FullRelease, profile: Profile) -> str:
    if not profile.parquet:
        return f"## How to load\n\n{profile.loading}" if profile.loading else ""
    trap = _FRAMES_TRAP if any(c.kind == "[image]" for c in profile.columns) else _MAP_TRAP
    return f"""## How to load

```python
from datasets import load_dataset
stickers = load_dataset("{full.name}-{full.version}-{profile.form}")
```

`{profile.loading} {trap} pandas, pyarrow, DuckDB and Polars read `data/*.parquet` as they are."""


def _rows(counts: ExportCounts) -> str:
    splits = [(split, counts.rows[split]) for split in SPLITS if counts.rows.get(split)]
    text = f"## What is in it\n\n{table(('split', 'rows'), splits)}"
    ranked = sorted(counts.said_by.items(), key=lambda item: (-item[1], item[0]))
    if counts.left_out:
        left = sorted(counts.left_out.items())
        text += f"\n\nLeft out:\n\n{table(('why', 'rows of the release'), left)}"
    if counts.said_by:
        text += f"\n\nWho says the emotion:\n\n{table(('who', 'rows'), ranked)}"
    return text


def _columns(profile: Profile) -> str:
    # Our own words: wide enough to stand uncut.
    lines = [
        f"| `{name}` | {kind.replace('[', 'list of ').strip(']')} | {doc} |"
        for name, kind, doc in described(profile.columns)
    ]
    where = "" if profile.parquet or profile.suffix else f" of {STICKERS}"
    head = f"## Columns{where}\n\n| column | type | meaning |\n| --- | --- | --- |\n"
    return head + "\n".join(lines)
