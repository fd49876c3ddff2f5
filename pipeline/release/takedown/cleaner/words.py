"""Words of a release that only stickers said which go: in its statistics, tag set and plots."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

STATISTICS, TAGSET = "statistics.json", "tagset.json"
_LISTS = ("tags", "suggested_tags", "trigger_words", "keywords")
_CAPTIONS = ("caption_en", "caption_zh")
_PLOTS_OF = {
    "tags": ("plots/tag_cloud.png", "plots/top_tags.png"),
    "suggested_tags": ("plots/tag_cloud.png", "plots/top_tags.png"),
    "trigger_words": ("plots/trigger_words.png",),
    "caption_en": ("plots/caption_cloud_en.png", "plots/caption_words.png"),
    "caption_zh": ("plots/caption_cloud_zh.png", "plots/caption_words.png"),
}
PLOTS = frozenset(plot for plots in _PLOTS_OF.values() for plot in plots)


class Words:
    """Words by column, of the rows that go and of those that are left."""

    def __init__(
        self, shards: Iterable[Path], ids: Collection[str], top: Mapping[str, Collection[str]]
    ) -> None:
        """``top`` are words of captions, by column, that are looked for in what is left."""
        self._gone: dict[str, Counter[str]] = {name: Counter() for name in _LISTS}
        self._left: dict[str, Counter[str]] = {name: Counter() for name in _LISTS}
        self._captions_gone: set[str] = set()
        self._unseen = {name: set(top.get(name, ())) for name in _CAPTIONS}
        chosen = pa.array(sorted(ids), pa.string())
        for path in shards:
            with pq.ParquetFile(path) as file:
                names = set(file.schema_arrow.names)
                columns = [name for name in (*_LISTS, *_CAPTIONS) if name in names]
                for group in range(file.num_row_groups if "id" in names else 0):
                    rows = file.read_row_group(group, ["id", *columns])
                    where = pc.is_in(rows["id"], value_set=chosen)
                    self._add(rows.filter(where), rows.filter(pc.invert(where)))

    def _add(self, gone: pa.Table, left: pa.Table) -> None:
        for words, rows in ((self._gone, gone), (self._left, left)):
            for name in _LISTS:
                if name in rows.column_names:
                    for found in pc.value_counts(pc.list_flatten(rows[name])).to_pylist():
                        words[name][found["values"]] += found["counts"]
        for name in _CAPTIONS:
            if name not in left.column_names:
                continue
            if gone[name].null_count < len(gone):
                self._captions_gone.add(name)
            for word in list(self._unseen[name]):
                if pc.any(pc.match_substring(left[name], word, ignore_case=True)).as_py():
                    self._unseen[name].discard(word)

    def lost(self, column: str) -> set[str]:
        """Words of a column that only rows which go have there."""
        return set(self._gone[column]) - set(self._left[column])

    def plots_of_lost(self) -> set[str]:
        """Plots that may show one of them: nobody can take a word out of a picture."""
        lost = {name for name in _LISTS if self.lost(name)} | self._captions_gone
        return {plot for name in lost for plot in _PLOTS_OF.get(name, ())}

    def statistics_left(self, text: str) -> str:
        """``statistics.json`` with the numbers of the words that are left."""
        told = json.loads(text)
        for name, column in (("tags", told["tags"]["column"]), ("trigger_words",) * 2):
            left = self._left.get(column, Counter())
            told[name]["distinct"] = len(left)
            told[name]["top"] = {word: left[word] for word in told[name]["top"] if left[word]}
        for language, found in told["captions"].items():
            lost, top = self._unseen.get(f"caption_{language}", set()), found["top_words"]
            found["top_words"] = {word: count for word, count in top.items() if word not in lost}
        return _shown(told)

    def tagset_left(self, text: str, said: Collection[str]) -> str:
        """``tagset.json`` without words that only they carried, or that are ``said`` of them."""
        others = {word for name in _LISTS for word in self._left[name]}
        only = (self.lost("keywords") | {*said}) - others
        tags = [_tag_left(tag, only) for tag in json.loads(text)]
        return _shown([tag for tag in tags if tag["tag"] not in only])


def top_caption_words(text: str) -> dict[str, list[str]]:
    """Words of captions that ``statistics.json`` shows, by column of the release."""
    captions = json.loads(text)["captions"]
    return {f"caption_{language}": list(found["top_words"]) for language, found in captions.items()}


def _tag_left(tag: dict[str, Any], only: set[str]) -> dict[str, Any]:
    lists = {name: tag[name] for name in ("terms", "exemplars") if tag.get(name)}
    return tag | {name: [word for word in words if word not in only]
                  for name, words in lists.items()}  # fmt: skip


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
