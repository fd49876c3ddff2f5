"""The Arrow schema of every table that stages exchange, in one place.

A table's scope says how it is stored:

* ``sticker``: one row a sticker, in the same shards and the same row order as ``stickers``;
* ``detail``: any number of rows a sticker, in the sticker's shard, grouped in its row order;
* ``global``: one file.

Tables that cost next to nothing to make (``in_blocks``) hold the shards of a block in one file: a
file and a flush for each thousand rows would take longer than the work.

Every column but the key may be null: a sticker that failed keeps its row, with ``error`` set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from schemas.start import leave_out_pandas

leave_out_pandas()  # this module stands before every table

Scope = Literal["sticker", "detail", "global"]


@dataclass(frozen=True)
class Table:
    """A table's name, how it is stored, the command that writes it, and its Arrow schema."""

    name: str
    scope: Scope
    command: str
    doc: str
    schema: pa.Schema
    in_blocks: bool = False


def _column(name: str, kind: pa.DataType, doc: str, *, nullable: bool = True) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"doc": doc})


def _table(
    name: str, scope: Scope, command: str, doc: str, *columns: pa.Field, in_blocks: bool = False
) -> Table:
    return Table(name, scope, command, doc, pa.schema(columns), in_blocks)


STRING = pa.string()
STRINGS = pa.list_(pa.string())
ID = _column("id", STRING, "sha256 of the sticker's bytes, in hex", nullable=False)
ERROR = _column("error", STRING, "why this row could not be measured; null when it was")
MEASURED = _column("measured", pa.bool_(), "false where earlier rules had dropped the sticker")

REASON = pa.struct(
    [
        pa.field("rule", STRING),
        pa.field("value", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("detail", STRING),
    ]
)
REASONS = pa.list_(REASON)
KEY_FRAME = pa.struct(
    [
        pa.field("index", pa.int32()),
        pa.field("start_ms", pa.int32()),
        pa.field("duration_ms", pa.int32()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("jpeg", pa.binary()),
    ]
)
TEXT_LINE = pa.struct(
    [
        pa.field("frame", pa.int32()),
        pa.field("text", STRING),
        pa.field("score", pa.float32()),
        pa.field("box", pa.list_(pa.float32())),
    ]
)
TAG_COUNT = pa.struct([pa.field("tag", STRING), pa.field("votes", pa.int32())])
FILE_COUNTS = pa.list_(pa.struct([pa.field("value", STRING), pa.field("files", pa.int64())]))

DESCRIPTION_FIELDS: tuple[tuple[str, str], ...] = (
    ("caption_en", "English caption: what is seen and what happens, in a sentence"),
    ("caption_zh", "Chinese caption"),
    ("description_en", "longer English description (VSD2M, Sticker820K)"),
    ("description_zh", "longer Chinese description"),
    ("content", "text on the sticker as a model read it; empty where there is none (StickerTAG)"),
    ("style", "style in a phrase (StickerTAG)"),
    ("role", "who or what is shown (StickerTAG)"),
    ("action", "what it does (StickerTAG)"),
    ("attributes", "style, role and action in a sentence (StickerTAG)"),
    ("intention", "what it is sent for (MGHFT)"),
    ("overall_style", "overall style (MGHFT)"),
    ("main_role", "main roles (MGHFT)"),
    ("character_details", "expression, posture and other details (MGHFT)"),
    ("emotion", "class of emotion (Sticker820K)"),
    ("style_class", "class of style (Sticker820K)"),
)
"""Columns of ``descriptions`` and of releases that models write, with what they hold."""

_OBSERVATION = (
    _column("source", STRING, "name of the source plugin", nullable=False),
    _column("source_id", STRING, "the item's id at its source", nullable=False),
    _column("variant", STRING, "which media variant of the item: original, still, ..."),
    _column("query", STRING, "the query or keyword it was found under (a trigger word)"),
    _column("rank", pa.int64(), "position in the listing of that query, from 0"),
    _column("pack_id", STRING, "the pack's id at its source"),
    _column("pack_title", STRING, "the pack's title"),
    _column("pack_index", pa.int32(), "position in the pack, from 0"),
    _column("author", STRING, "author as the source names it"),
    _column("title", STRING, "the item's own title or caption at its source"),
    _column("tags", STRINGS, "tags that the source gives"),
    _column("page_url", STRING, "page that shows the item"),
    _column("media_url", STRING, "address of the bytes, secrets removed"),
    _column("licence", STRING, "licence as stated"),
    _column("licence_url", STRING, "where the licence is stated"),
    _column("licence_basis", STRING, "item, site or none: what the licence was stated for"),
    _column("redistribute", pa.bool_(), "whether a release may carry the bytes"),
)

_PREFERENCES = (
    _column("x_robots_tag", STRING, "X-Robots-Tag headers, as sent"),
    _column("tdm_reservation", STRING, "TDM-Reservation header, as sent"),
    _column("tdm_policy", STRING, "TDM-Policy header, secrets removed"),
    _column("content_usage", STRING, "Content-Usage header, as sent"),
    _column(
        "robots_content_usage",
        STRING,
        "rules of robots.txt on use that fit, parted by |, on the way as well",
    ),
    _column(
        "tdmrep",
        STRING,
        "entry of tdmrep.json that fits, as JSON; of several hosts on the way, parted by |",
    ),
    _column("preference", STRING, "what forbids training, by docs/preferences.md; null: nothing"),
    _column(
        "robots_decision",
        STRING,
        "allowed, disallowed, no_robots_txt, unreachable or not_applicable",
    ),
    _column("robots_sha256", STRING, "sha256 of the robots.txt that was obeyed"),
)

OBSERVATIONS = _table(
    "observations",
    "detail",
    "crawl",
    "One row an observation of a sticker: where, under which query, and how it was fetched.",
    ID,
    *_OBSERVATION,
    _column("final_url", STRING, "address after redirects"),
    _column("redirects", STRINGS, "addresses passed through"),
    _column("http_status", pa.int32(), "status of the last response; null for local files"),
    _column("fetched_at", STRING, "UTC time of the fetch, ISO 8601"),
    _column("etag", STRING, "ETag header"),
    _column("last_modified", STRING, "Last-Modified header"),
    _column("content_type", STRING, "Content-Type header, as claimed"),
    *_PREFERENCES,
    _column("user_agent", STRING, "User-Agent that was sent"),
    _column("resolved_ip", STRING, "address that answered"),
    _column("attempts", pa.int32(), "requests made for these bytes"),
    _column("raw_json", STRING, "the source's own record, secrets removed"),
)
UNFETCHED = _table(
    "unfetched",
    "global",
    "crawl",
    "One row an observation without bytes: what was listed but not got, and why.",
    *_OBSERVATION,
    _column("state", STRING, "gone, refused, retry_at or failed"),
    _column("error_class", STRING, "not_media, too_large, http_404, robots, unreadable, ..."),
    _column("error", STRING, "the same for people"),
    _column("attempts", pa.int32(), "requests made"),
    _column("http_status", pa.int32(), "status of the last response; null without one"),
    _column("fetched_at", STRING, "UTC time of the last try, ISO 8601; null where none was made"),
    *_PREFERENCES,
)
QUERIES = _table(
    "queries",
    "global",
    "crawl",
    "One row a query of a source: how far it was listed, and what became of what it found.",
    _column("source", STRING, "name of the source plugin", nullable=False),
    _column("query", STRING, "the query; null where the source lists all that it has"),
    _column("scope", STRING, "settings of the source that decide what a query finds"),
    _column("state", STRING, "open, done or failed"),
    _column("pass", pa.int64(), "how often it was begun, from 1"),
    _column("pages", pa.int64(), "pages listed in this pass"),
    _column("listed", pa.int64(), "items listed under this query so far"),
    _column("total", pa.int64(), "items that there are, as the source says"),
    _column("fetched", pa.int64(), "observations under this query with bytes"),
    _column("gone", pa.int64(), "observations whose file is no longer there"),
    _column("refused", pa.int64(), "observations that the host or a preference refused"),
    _column("to_retry", pa.int64(), "observations to be tried again"),
    _column("failed", pa.int64(), "observations that failed for good"),
    _column("last_listed", STRING, "UTC time of the last page, ISO 8601"),
    _column("left", STRING, "where its listing goes on, as JSON; null when nothing is left"),
    _column("error_class", STRING, "why it failed, or is to be tried again"),
    _column("error", STRING, "the same for people"),
)
OPT_OUTS = (
    "x_robots_tag", "tdm_reservation", "tdm_policy", "content_usage", "robots_content_usage",
    "tdmrep", "preference",
)  # fmt: skip
"""Columns of observations that hold what a host says of its files' use, machine-readable."""

HOSTS = _table(
    "hosts",
    "global",
    "crawl",
    "One row a source and a host of its files: what came from there, and on what terms.",
    _column("source", STRING, "name of the source plugin", nullable=False),
    _column("host", STRING, "host that gave the bytes; null for files of this machine"),
    _column("files", pa.int64(), "files with bytes, however many queries found them"),
    _column("stickers", pa.int64(), "distinct bytes among them"),
    _column("nbytes", pa.int64(), "size of those in bytes"),
    _column("redistributable", pa.int64(), "files that a release may carry"),
    _column("refused", pa.int64(), "observations that the host or a preference refused"),
    _column("by_preference", pa.int64(), "those of them that robots.txt or an opt-out refused"),
    _column("first_fetched", STRING, "UTC time of the first fetch, ISO 8601"),
    _column("last_fetched", STRING, "UTC time of the last fetch"),
    _column("licences", FILE_COUNTS, "licences as stated, most files first"),
    _column("licence_bases", FILE_COUNTS, "item, site or none: what they were stated for"),
    _column("signals", FILE_COUNTS, "preferences stated for files that were fetched"),
    _column("user_agents", FILE_COUNTS, "User-Agents that were sent"),
)
STICKERS = _table(
    "stickers",
    "sticker",
    "crawl",
    "One row a sticker: its identity and the format found in its first bytes.",
    ID,
    _column("format", STRING, "gif, png, apng, jpeg, webp, ... by its first bytes"),
    _column("extension", STRING, "extension that its name claimed, lower case, no dot"),
    _column("nbytes", pa.int64(), "size in bytes"),
    _column("c2pa", pa.bool_(), "carries a C2PA manifest; null where nobody has looked yet"),
)
MEDIA = _table(
    "media",
    "sticker",
    "crawl",
    "Where each sticker's bytes lie.",
    ID,
    _column("path", STRING, "file; absolute for local folders; null where packed"),
    _column("pack", STRING, "file with the bytes of many; no path and no pack: no source shows it"),
    _column("offset", pa.int64(), "place of the first byte in the pack"),
    _column("nbytes", pa.int64(), "bytes in the pack"),
)
IMPORTED = _table(
    "imported",
    "detail",
    "filter",
    "What published data sets say of their stickers: a row a sticker and name in a data set.",
    ID,
    _column("dataset", STRING, "name that it was imported under", nullable=False),
    _column("name", STRING, "the sticker's name in the data set", nullable=False),
    _column("split", STRING, "the data set's own split; null where it has none"),
    _column("tags", STRINGS, "its labels, sorted"),
    _column("simulated", pa.bool_(), "no person gave them"),
    _column("domain", STRING, "real or cartoon"),
    _column("ocr_text", STRING, "text on the sticker"),
    *(_column(name, STRING, doc) for name, doc in DESCRIPTION_FIELDS),
    _column("test_sets", STRINGS, "named test sets that the data set has it in, sorted"),
    _column("record", STRING, "what the data set says in its own words, as a JSON object"),
    in_blocks=True,
)
SIGNALS = _table(
    "signals",
    "sticker",
    "filter",
    "What one pass over the pixels measures.",
    ID,
    _column("width", pa.int32(), "pixels"),
    _column("height", pa.int32(), "pixels"),
    _column("min_side", pa.int32(), "pixels"),
    _column("aspect", pa.float64(), "longer side / shorter side, at least 1"),
    _column("frames", pa.int32(), "frames that decoded"),
    _column("declared_frames", pa.int32(), "frames that the file declares"),
    _column("duration_ms", pa.int32(), "total play time of one loop; 0 for a still"),
    _column("animated", pa.bool_(), "more than one frame decoded"),
    _column("transparent", pa.bool_(), "any pixel with alpha below 255"),
    _column("entropy", pa.float64(), "bits; maximum over key frames, composited grey"),
    _column("pixel_sha256", STRING, "sha256 of the decoded frames, size and durations"),
    _column("phash", pa.binary(8), "perceptual hash of the first key frame"),
    _column("grey64", pa.binary(4096), "first key frame as 64x64 grey levels, row by row"),
    _column("mean64", pa.binary(4096), "mean of an animation's different frames, as grey64"),
    _column("motion", pa.list_(pa.binary(256)), "its different frames as 16x16 grey levels"),
    _column(
        "frame_hashes",
        pa.list_(pa.binary(8)),
        "their perceptual hashes, those but for 2 bits equal to an earlier one left out",
    ),
    _column("extension_lies", pa.bool_(), "the claimed extension is of another format"),
    _column("flags", STRINGS, "truncated, refused, clamped_durations, dark_background"),
    ERROR,
)
FRAMES = _table(
    "frames",
    "sticker",
    "filter",
    "Key frames as JPEG, so that media is decoded once.",
    ID,
    _column("key_frames", pa.list_(KEY_FRAME), "at most filter.key_frames, in play order"),
    ERROR,
)
SCREENING = _table(
    "screening",
    "sticker",
    "filter",
    "Verdict of the cheap rules: what is worth an expensive measurement.",
    ID,
    _column("kept", pa.bool_(), "true when no cheap rule drops it", nullable=False),
    _column("reasons", REASONS, "every cheap rule that drops it"),
    in_blocks=True,
)
_MEASURED_VALUES = (
    ID,
    _column("name", STRING, "the measure's name; null where the whole sticker was given up"),
    _column("version", pa.int32(), "the measure's version"),
    _column("value", pa.float64(), "its value; null where it doesn't apply, or failed"),
    _column("error", STRING, "why it failed"),
)
MEASURES = _table(
    "measures",
    "detail",
    "filter",
    "A row a measure of each decoded sticker, by the pass that decodes it.",
    *_MEASURED_VALUES,
)
EXPENSIVE_MEASURES = _table(
    "expensive_measures",
    "detail",
    "filter",
    "The same for measures that take a model, of the stickers that the cheap rules keep.",
    *_MEASURED_VALUES,
    _column("made_by", STRING, "digest of the measure's options and models, if it has options"),
)
OCR = _table(
    "ocr",
    "sticker",
    "filter",
    "Text read in the key frames.",
    ID,
    MEASURED,
    _column("lines", pa.list_(TEXT_LINE), "lines with frame, text, score and box (x, y pairs)"),
    _column("text", STRING, "distinct lines joined by a newline"),
    _column("longest", pa.int32(), "characters in the frame that has most, spaces left out"),
    _column("model", STRING, "OCR engine and models"),
    ERROR,
)
EMBEDDINGS = _table(
    "embeddings",
    "sticker",
    "filter",
    "What a pretrained network makes of the key frames, where filter.duplicates.embeddings is set.",
    ID,
    MEASURED,
    _column("own", pa.binary(320), "mean of the key frames' features: 320 signed bytes"),
    _column("mirror", pa.binary(320), "the same of their mirror images"),
    ERROR,
)
DUPLICATES = _table(
    "duplicates",
    "sticker",
    "filter",
    "Near-duplicate group and template of each sticker.",
    ID,
    _column("group", STRING, "id of the group's first crawled sticker", nullable=False),
    _column("representative", pa.bool_(), "true for the member that is kept", nullable=False),
    _column("same_as", STRING, "id of the group's representative, for its other members"),
    _column(
        "kind",
        STRING,
        "how it equals that: pixels, perceptual, mirror, crop (or border), watermark or motion",
    ),
    _column("distance", pa.int32(), "how far it differs from that, grey levels"),
    _column("template_id", STRING, "first crawled of its template, never separated by a split"),
    _column("still_of", STRING, "first crawled animation that shows this still"),
    in_blocks=True,
)
GROUP_JOINS = _table(
    "group_joins",
    "global",
    "filter",
    "Stickers that joined two groups, or two templates, which were apart before them.",
    _column("id", STRING, "the sticker", nullable=False),
    _column("what", STRING, "group or template", nullable=False),
    _column("first", STRING, "its group, or the template's id from then on", nullable=False),
    _column(
        "second",
        STRING,
        "the other group, which stays, or the other template's id until then",
        nullable=False,
    ),
    _column("distance", pa.int32(), "to the first of the other group, grey levels"),
)
REVIEWS = _table(
    "reviews",
    "sticker",
    "filter",
    "Whether people found that a sticker must not be published.",
    ID,
    _column("flagged", pa.bool_(), "true when it must go", nullable=False),
    _column("flags", STRINGS, "what was found"),
    _column("provenance", STRING, "who found it, in which annotation"),
    in_blocks=True,
)
DECISIONS = _table(
    "decisions",
    "sticker",
    "filter",
    "Kept, dropped or failed, with every reason.",
    ID,
    _column("kept", pa.bool_(), "true when outcome is kept", nullable=False),
    _column("outcome", STRING, "kept, dropped or failed", nullable=False),
    _column("reasons", REASONS, "every rule that drops it, with value and threshold"),
    in_blocks=True,
)
KEYWORDS = _table(
    "keywords",
    "global",
    "tags",
    "Distinct keywords of the kept stickers, segmented.",
    _column("keyword", STRING, "as observed, trimmed and normalised (NFKC)", nullable=False),
    _column("tokens", STRINGS, "words after segmentation and stop words"),
    _column("stickers", pa.int64(), "kept stickers that carry it"),
)
_CURVE = (
    _column("k", pa.int32(), "number of clusters", nullable=False),
    _column("inertia", pa.float64(), "sum of squared distances in TF-IDF space"),
    _column("height", pa.float64(), "distance below the chord of the curve, both axes 0 to 1"),
    _column("chosen", pa.bool_(), "the k in use"),
    _column("clear", pa.bool_(), "whether the chosen elbow is a clear one"),
    _column("stability", pa.float64(), "mean adjusted Rand index between seeds; of the chosen k"),
    _column("seeds", pa.int32(), "seeds whose own curve has its elbow here"),
)
ELBOW = _table(
    "elbow",
    "global",
    "tags",
    "Inertia for each number of clusters that was tried; behind a frozen tag set that of its "
    "clusters.",
    *_CURVE,
)
NAMED_ELBOW = _table(
    "named_elbow",
    "global",
    "tags apply",
    "The curve behind the number of clusters that people first named.",
    *_CURVE,
)
CLUSTERS = _table(
    "clusters",
    "global",
    "tags",
    "Where each keyword belongs: its cluster, or the frozen tag that it was assigned to.",
    _column("keyword", STRING, "as in keywords", nullable=False),
    _column("cluster", pa.int32(), "its cluster; null where no cluster holds it"),
    _column("distance", pa.float64(), "distance to the centre in TF-IDF space"),
    _column(
        "state",
        STRING,
        "clustered (waits for a name), named (settled when the tag set was frozen), fitted "
        "(assigned to a frozen tag since), unclustered (no word is left)",
    ),
    _column("tag", STRING, "id of its tag in the frozen set; null where it has none"),
    _column("key", STRING, "its row in proposals; null where nothing is proposed for it"),
)
PROPOSALS = _table(
    "proposals",
    "global",
    "tags",
    "What people name: a row for each frozen tag, and one for each cluster that has no name yet.",
    _column("key", STRING, "c17 for cluster 17, t012 for the tag of that id", nullable=False),
    _column("tag", STRING, "id of the frozen tag; null for a cluster"),
    _column("name", STRING, "the tag's name, or a suggestion; null where most of it is blocked"),
    _column("english", STRING, "the same in English; null where nothing suggests itself"),
    _column("group", STRING, "group of a frozen tag"),
    _column("aliases", STRINGS, "other names of a frozen tag"),
    _column("clusters", pa.list_(pa.int32()), "clusters that it is made of"),
    _column("terms", STRINGS, "class-based TF-IDF terms, best first"),
    _column("exemplars", STRINGS, "keywords nearest to the centre"),
    _column("keywords", pa.int64(), "keywords in it"),
    _column("stickers", pa.int64(), "kept stickers that carry one of them"),
    _column("flags", STRINGS, "oversized, singleton (one keyword, few stickers), blocked"),
    _column("version", STRING, "hash of the rows' keys and keywords; sheets and pages carry it"),
)
NAME_SUGGESTIONS = _table(
    "name_suggestions",
    "global",
    "tags sheet",
    "What a served model called clusters, so that nothing is asked twice.",
    _column("digest", STRING, "hash of words, keywords, model and prompt", nullable=False),
    _column("name", STRING, "in Chinese, as it was said; null where nothing was"),
    _column("english", STRING, "in English, as it was said; null where nothing was"),
    _column("model", STRING, "model and its revision"),
    _column("prompt", STRING, "version of what was asked"),
    _column("asked_at", STRING, "UTC time, ISO 8601"),
)
NAMING = _table(
    "naming",
    "global",
    "tags apply",
    "What people decided about each proposal, every time that a naming was applied.",
    _column("number", pa.int32(), "number of the tag set that it made, from 1", nullable=False),
    _column("key", STRING, "the proposal's key; null for a tag added by hand"),
    _column("decision", STRING, "keep, merge, drop, block, add", nullable=False),
    _column("name", STRING, "name that was given"),
    _column("english", STRING, "English name"),
    _column("group", STRING, "group"),
    _column("aliases", STRINGS, "other names"),
    _column("into", STRING, "what it was merged into: a name or a key"),
    _column("keywords", STRINGS, "keywords of a tag added by hand"),
    _column("words", STRINGS, "words of a tag added by hand: it takes all keywords that have one"),
    _column("note", STRING, "note"),
)
NAMED_TAGS = _table(
    "named_tags",
    "global",
    "tags apply",
    "The frozen tag sets, every version of them; the one with the greatest number is in use.",
    _column("number", pa.int32(), "number of the tag set, from 1", nullable=False),
    _column("parent", pa.int32(), "number of the tag set that it was made from; 0 for none"),
    _column("basis", STRING, "version of the proposals that people decided about"),
    _column("version", STRING, "hash of the set's tags and keywords", nullable=False),
    _column("id", STRING, "t001, t002, ...: a tag keeps it whatever it is called", nullable=False),
    _column("tag", STRING, "name, unique in its set", nullable=False),
    _column("english", STRING, "English name"),
    _column("group", STRING, "group"),
    _column("aliases", STRINGS, "other names: English and earlier ones, names of what was merged"),
    _column("clusters", pa.list_(pa.int32()), "parent clusters"),
    _column("keys", STRINGS, "proposals that it was made of, the one that it was kept from first"),
    _column("named_at", STRING, "UTC time when it was applied, ISO 8601"),
    _column("named_by", STRING, "who named it, as far as it was said"),
)
NAMED_KEYWORDS = _table(
    "named_keywords",
    "global",
    "tags apply",
    "Keywords that the newest frozen tag set settled.",
    _column("number", pa.int32(), "number of the tag set", nullable=False),
    _column("keyword", STRING, "as in keywords", nullable=False),
    _column("tokens", STRINGS, "its words"),
    _column("cluster", pa.int32(), "its cluster"),
    _column("distance", pa.float64(), "distance to that cluster's centre"),
    _column("key", STRING, "the proposal that held it; null where it was named by hand alone"),
    _column("decision", STRING, "keep, merge, drop, block, add"),
    _column("tag", STRING, "id of its tag; null where it was dropped or blocked"),
)
TAGSET = _table(
    "tagset",
    "global",
    "tags",
    "The tag set in use: the frozen one, or what clusters suggest while nobody has named them.",
    _column("tag", STRING, "name, unique", nullable=False),
    _column("id", STRING, "t001, ... in a frozen set; null while nobody has named it"),
    _column("english", STRING, "English name"),
    _column("group", STRING, "group"),
    _column("aliases", STRINGS, "other names"),
    _column("clusters", pa.list_(pa.int32()), "parent clusters"),
    _column("terms", STRINGS, "class-based TF-IDF terms, best first"),
    _column("exemplars", STRINGS, "keywords nearest to the centre"),
    _column("keywords", pa.int64(), "its keywords"),
    _column("stickers", pa.int64(), "kept stickers that carry one of them"),
    _column("flags", STRINGS, "oversized, singleton; none in a frozen set"),
    _column("named", pa.bool_(), "whether people named it"),
    _column("version", STRING, "version of the tag set: hash of its tags and assignments"),
)
SUGGESTION = pa.struct(
    [
        pa.field("tag", STRING),
        pa.field("score", pa.float64()),
        pa.field("sources", STRINGS),
    ]
)
SUGGESTIONS = _table(
    "suggestions",
    "sticker",
    "tags",
    "Tags that a sticker's keywords, its text and its clusters suggest, before any vote.",
    ID,
    _column("tags", STRINGS, "sorted; empty when nothing suggests any"),
    _column(
        "scored",
        pa.list_(SUGGESTION),
        "the same tags, the likeliest first, with scores from 0 to 1 and what they come from: "
        "keyword, ocr, cluster",
    ),
    _column("tagset", STRING, "version of the tag set"),
    in_blocks=True,
)
DOMAIN = _table(
    "domain",
    "sticker",
    "annotate",
    "Real or cartoon.",
    ID,
    MEASURED,
    _column("domain", STRING, "real or cartoon"),
    _column("probability", pa.float64(), "probability of real"),
    _column("model", STRING, "classifier and its version"),
    ERROR,
)
CLIPS = _table(
    "clips",
    "sticker",
    "annotate",
    "Frames of animations as captioning models see them; made only for captioners that are models.",
    ID,
    MEASURED,
    _column("frames", pa.list_(KEY_FRAME), "in play order; empty for a still"),
    ERROR,
)
CAPTIONS = _table(
    "captions",
    "detail",
    "annotate",
    "What every captioner ever said: one row a sticker, captioner, prompt set, field and language.",
    ID,
    _column("captioner", STRING, "plugin that wrote it; template is no model"),
    _column("model", STRING, "name of the model; null for the template"),
    _column("revision", STRING, "revision or digest of the model, as far as it is known"),
    _column("prompt", STRING, "prompt set and its version"),
    _column("turn", STRING, "request of the prompt set; its fields share tokens and seconds"),
    _column("field", STRING, "description, caption, style, ..."),
    _column("language", STRING, "en, zh"),
    _column("text", STRING, "the text, or the class"),
    _column("flags", STRINGS, "refusal, chatter, cut_off, ...; trimmed says nothing against it"),
    _column("attempt", pa.int32(), "how often it was asked again, from 0"),
    _column("tokens_in", pa.int64(), "tokens that the model read"),
    _column("tokens_out", pa.int64(), "tokens that it wrote"),
    _column("seconds", pa.float64(), "from question to answer"),
    _column("asked_at", STRING, "UTC time of the answer, ISO 8601; null for the template"),
    ERROR,
)
DESCRIPTIONS = _table(
    "descriptions",
    "sticker",
    "annotate",
    "The preferred text of each field, of all that captioners said: what releases carry.",
    ID,
    *(_column(name, STRING, doc) for name, doc in DESCRIPTION_FIELDS),
    _column(
        "captioner",
        STRING,
        "plugin that wrote the captions; template is no model; imported; people who corrected one",
    ),
    _column(
        "written_by",
        STRINGS,
        "models and prompt sets of the texts, and people who corrected one, each once",
    ),
    in_blocks=True,
)
BALLOT = _table(
    "ballot",
    "global",
    "label export",
    "The tags that annotators choose from, frozen when they are first exported.",
    _column("version", STRING, "version of the tag set that it was taken from", nullable=False),
    _column("tag", STRING, "the tag", nullable=False),
)
TAG_CHANGES = _table(
    "tag_changes",
    "global",
    "label migrate",
    "What became of tags from one version of the ballot to the next; applied to older votes.",
    _column("from_version", STRING, "version of the ballot that had the tag", nullable=False),
    _column("to_version", STRING, "the version that followed it", nullable=False),
    _column("tag", STRING, "the tag as it was voted for", nullable=False),
    _column("becomes", STRINGS, "what it is now; empty when it was dropped"),
)
TASKS = _table(
    "tasks",
    "global",
    "label export",
    "One row a task on the annotation server.",
    ID,
    _column("purpose", STRING, "labelling, adjudication or screening", nullable=False),
    _column("project", pa.int64(), "project on the server", nullable=False),
    _column("task", pa.int64(), "task on the server", nullable=False),
    _column("batch", STRING, "batch that it was exported with"),
    _column("person", STRING, "account that is asked; null where anybody may answer"),
    _column("withdrawn", STRING, "UTC time at which it was taken from them, ISO 8601; null if not"),
    _column("gold", pa.bool_(), "its true label is known to the lead"),
    _column("blind", pa.bool_(), "shown without hints and pre-annotations"),
    _column("exported_at", STRING, "UTC time, ISO 8601"),
)
GOLD = _table(
    "gold",
    "global",
    "label import",
    "True labels that the lead knows, never shown to the server.",
    ID,
    _column("tags", STRINGS, "the true tags"),
    _column("domain", STRING, "real or cartoon; null when not said"),
)
ANSWER = pa.struct([("question", STRING), ("values", STRINGS)])
"""What a vote says to a question: one value, several, a text, or a point of a scale."""
MERGED_ANSWER = pa.struct(
    [
        ("question", STRING),
        ("values", STRINGS),
        ("status", STRING),
        ("votes", pa.int32()),
        ("agreed", pa.int32()),
        ("mean", pa.float64()),
    ]
)
"""What the votes say to a question: ``values`` are what enough gave; ``status`` is effective,
adjudicate, insufficient, unanswered, or review where somebody changed it afterwards; of ``votes``
that answer it ``agreed`` gave the value (of several the least given one) that stands, or else most
given; ``mean`` is that of all points given on a scale."""
QUESTIONS = _table(
    "questions",
    "global",
    "label export",
    "The questions that people are asked beside tags and domain, frozen once exported.",
    _column("version", STRING, "version of the set of questions", nullable=False),
    _column("name", STRING, "the question's name", nullable=False),
    _column("kind", STRING, "single, several, text or scale", nullable=False),
    _column("title_en", STRING, "the question in English"),
    _column("title_zh", STRING, "the question in Chinese"),
    _column("values", STRINGS, "answers that may be given; empty for a text"),
    _column("required", pa.bool_(), "whether a vote must answer it"),
)
_CAST = (
    _column("sequence", pa.int64(), "order of time: microseconds since 1970, or a count"),
    _column("annotation", STRING, "annotation id at its origin; a later row of it replaces"),
    _column("task", pa.int64(), "task on the annotation server"),
    _column("created_at", STRING, "UTC time of the annotation, ISO 8601"),
    _column("lead_time_s", pa.float64(), "seconds spent"),
    _column("deleted", pa.bool_(), "seen to be gone from the server; what was said still counts"),
    _column("quarantined", STRING, "why it does not count; null when it does"),
)
VOTES = _table(
    "votes",
    "global",
    "label import",
    "Raw votes, append-only: every version of every annotation that was ever seen.",
    ID,
    _column("annotator", STRING, "who voted", nullable=False),
    _column("origin", STRING, "label_studio or simulated", nullable=False),
    _column("simulated", pa.bool_(), "true when no person voted", nullable=False),
    _column("skipped", pa.bool_(), "the annotator declined; not the same as no tags"),
    _column("tags", STRINGS, "tags chosen"),
    _column("domain", STRING, "real or cartoon"),
    _column("caption", STRING, "text written"),
    _column("ocr", STRING, "text of the sticker as corrected"),
    _column("answers", pa.list_(ANSWER), "what was said to the questions, by question"),
    _column("tagset", STRING, "version of the tag set voted with"),
    *_CAST,
    _column("batch", STRING, "batch that the task was exported with"),
    _column("suggested", STRINGS, "tags of the pre-annotation shown; null when none was"),
    _column("unedited", pa.bool_(), "the pre-annotation's tags were left as they were"),
)
ADJUDICATIONS = _table(
    "adjudications",
    "global",
    "label import",
    "Decisions on stickers whose annotators disagreed; kept apart from the votes.",
    ID,
    _column("adjudicator", STRING, "who decided", nullable=False),
    _column("skipped", pa.bool_(), "nothing was decided"),
    _column("tags", STRINGS, "tags decided on; with none the sticker is rejected"),
    _column("domain", STRING, "real or cartoon"),
    _column("answers", pa.list_(ANSWER), "what was decided on the questions"),
    _column("tagset", STRING, "version of the tag set decided with"),
    *_CAST,
)
FLAGS = _table(
    "flags",
    "global",
    "label import",
    "What reviewers found: content that must not be published, or nothing wrong.",
    ID,
    _column("reviewer", STRING, "who looked", nullable=False),
    _column("skipped", pa.bool_(), "the reviewer declined"),
    _column(
        "flags", STRINGS, "inappropriate, offensive, insulting, personal_data; empty when fine"
    ),
    _column("note", STRING, "the reviewer's words"),
    _column("by_lead", pa.bool_(), "the lead's word, which overrules the others'"),
    *_CAST,
)
LABELS = _table(
    "labels",
    "sticker",
    "merge",
    "What the votes say of each sticker (StickerTAG section 3.2).",
    ID,
    _column("tags", STRINGS, "effective tags: at least merge.agree annotators gave them"),
    _column(
        "status",
        STRING,
        "effective, adjudicate, insufficient, rejected, unlabelled, or dropped by the filter",
    ),
    _column("domain", STRING, "majority of the votes, null on a tie; as imported without any"),
    _column("domain_reviewed", pa.bool_(), "people chose the domain in a review"),
    _column("votes", pa.int32(), "valid votes"),
    _column("skips", pa.int32(), "skips"),
    _column("counts", pa.list_(TAG_COUNT), "votes of each tag that was given"),
    _column("unknown_tags", STRINGS, "tags outside the tag set, left out"),
    _column("answers", pa.list_(MERGED_ANSWER), "what the votes say to each question"),
    _column("provenance", STRING, "votes, adjudication, review or imported; null when unlabelled"),
    _column("simulated", pa.bool_(), "any counted vote is simulated"),
    in_blocks=True,
)
CORRECTIONS = _table(
    "corrections",
    "global",
    "label review",
    "What people changed in labels afterwards, and why; append-only, the last of a field counts.",
    ID,
    _column("number", pa.int64(), "order in which they were made", nullable=False),
    _column("field", STRING, "tags, domain, or the name of a question", nullable=False),
    _column("before", STRINGS, "what the labels said then"),
    _column("after", STRINGS, "what it is now; null takes the correction before back"),
    _column("why", STRING, "the reason, in their words", nullable=False),
    _column("who", STRING, "who says so", nullable=False),
    _column("at", STRING, "UTC time, ISO 8601", nullable=False),
    _column("tagset", STRING, "version of the ballot that the tags are of"),
)
TEXT_CHECKS = _table(
    "text_checks",
    "global",
    "label texts",
    "What people said of texts that machines wrote; append-only, the last one of a text counts.",
    ID,
    _column("number", pa.int64(), "order in which they were made", nullable=False),
    _column("field", STRING, "field of the table captions", nullable=False),
    _column("language", STRING, "language of the text", nullable=False),
    _column("captioner", STRING, "who wrote the original"),
    _column("model", STRING, "the model that wrote it"),
    _column("revision", STRING, "its revision"),
    _column("prompt", STRING, "prompt set and version that asked for it"),
    _column("original", STRING, "the machine's text as it was shown", nullable=False),
    _column("verdict", STRING, "right, corrected or wrong", nullable=False),
    _column("corrected", STRING, "the text as people wrote it; null unless corrected"),
    _column("who", STRING, "who says so", nullable=False),
    _column("at", STRING, "UTC time, ISO 8601", nullable=False),
)
AGREEMENT = _table(
    "agreement",
    "global",
    "merge",
    "How far the annotators agree: over all tag sets, on the domain, on each tag, in each pair.",
    _column("measure", STRING, "tag_sets, domain, question, tag or pair", nullable=False),
    _column("tag", STRING, "the tag, for the measure tag"),
    _column("question", STRING, "the question, for the measure question"),
    _column("annotators", STRINGS, "the two annotators, for the measure pair"),
    _column("stickers", pa.int64(), "stickers behind it; for a tag, those that anyone gave it"),
    _column("agreed", pa.int64(), "for a tag: stickers given it by at least two"),
    _column(
        "alpha",
        pa.float64(),
        "Krippendorff's alpha: MASI distance for tag sets and several, squared for a scale, none "
        "for a text",
    ),
    _column(
        "kappa",
        pa.float64(),
        "for the domain and single choices: Fleiss' kappa of stickers with as many votes as most",
    ),
    _column("low", pa.float64(), "lower end of alpha's 95% bootstrap interval over stickers"),
    _column("high", pa.float64(), "upper end"),
    _column("masi", pa.float64(), "for a pair: mean MASI similarity"),
    _column("equal", pa.float64(), "for a pair or a question: share of equal answers by two"),
)
RESERVED = _table(
    "reserved",
    "global",
    "split reserve",
    "Stickers that people picked for named test sets: their groups go to test before all others.",
    ID,
    _column("test_set", STRING, "name of the set, such as vsd_r", nullable=False),
    _column("trigger_word", STRING, "the query that it was picked for; null for none"),
    _column("domain", STRING, "real or cartoon, when it was picked; null where nobody said"),
    _column("picked_by", STRING, "who picked it", nullable=False),
    _column("picked_at", STRING, "UTC time, ISO 8601", nullable=False),
)
SPLITS = _table(
    "splits",
    "sticker",
    "split",
    "Split of each kept sticker.",
    ID,
    _column("split", STRING, "train, validation or test; null when not in the release"),
    _column("group", STRING, "connected stickers, never separated"),
    _column("test_sets", STRINGS, "named test sets that it is in, sorted; empty for most"),
    in_blocks=True,
)
LEAKAGE = _table(
    "leakage",
    "global",
    "split",
    "Related stickers that lie in more than one split, by what relates them.",
    _column(
        "kind",
        STRING,
        "pixels, template, pack, page_url, media_url, author, or earlier_release: the same "
        "sticker then and now",
        nullable=False,
    ),
    _column("shared", pa.int64(), "keys that relate at least two stickers of the release"),
    _column("leaking", pa.int64(), "keys among them whose stickers lie in several splits"),
    _column("rows", pa.int64(), "stickers of those keys"),
    _column("examples", STRINGS, "the worst of those keys"),
)
MOVED = _table(
    "moved",
    "global",
    "split",
    "Stickers in another split than an earlier release, or the data set that they were imported "
    "from, had them in: their group joined another.",
    ID,
    _column("from", STRING, "split in earlier releases", nullable=False),
    _column("to", STRING, "split now", nullable=False),
    _column(
        "release",
        STRING,
        "the first release that had it in the split before, or import and the data set's name",
    ),
    _column("joined", STRING, "a sticker of the group that it joined, which was in the split now"),
)
RELEASED_SPLITS = _table(
    "released_splits",
    "detail",
    "release",
    "Splits that stickers had in releases: a row for the first, and for each later one that moved "
    "them.",
    ID,
    _column("split", STRING, "train, validation or test", nullable=False),
    _column("release", STRING, "name and version of the first release with it", nullable=False),
    _column("number", pa.int32(), "which release of this workspace, from 1", nullable=False),
    in_blocks=True,
)
RELEASED = _table(
    "released",
    "global",
    "release",
    "Releases of this workspace in the order in which they were made, those that moved no sticker "
    "as well.",
    _column("release", STRING, "name and version", nullable=False),
    _column("number", pa.int32(), "which release of this workspace, from 1", nullable=False),
)

TOMBSTONES = _table(
    "tombstones",
    "global",
    "release takedown",
    "What was taken down, without its content: nothing of it is crawled or released again.",
    _column("request", pa.int32(), "number of the request, from 1", nullable=False),
    _column("id", STRING, "sha256 of the bytes; null where a row blocks a name or an address"),
    _column("phash", pa.binary(8), "how it looked, as in signals; null for plain pictures"),
    _column("pictures", STRINGS, "sha256 of its key frames"),
    _column(
        "kind",
        STRING,
        "sha256, picture, url, pack or author; copy: looks like what these named; address: one "
        "as releases show it; looks: how one looked, twice hashed",
    ),
    _column(
        "blocked",
        STRING,
        "sha256 of the kind and the address, pack or author; of looks, 256 signs in hex",
    ),
    _column("length", pa.int32(), "characters of an address that is a prefix; else null"),
    _column("reason", STRING, "why, as it was given"),
    _column("date", STRING, "UTC day, ISO 8601"),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        OBSERVATIONS,
        UNFETCHED,
        QUERIES,
        HOSTS,
        STICKERS,
        MEDIA,
        IMPORTED,
        SIGNALS,
        FRAMES,
        MEASURES,
        SCREENING,
        EXPENSIVE_MEASURES,
        OCR,
        EMBEDDINGS,
        DUPLICATES,
        GROUP_JOINS,
        REVIEWS,
        DECISIONS,
        KEYWORDS,
        ELBOW,
        CLUSTERS,
        NAME_SUGGESTIONS,
        NAMING,
        NAMED_TAGS,
        NAMED_KEYWORDS,
        NAMED_ELBOW,
        PROPOSALS,
        TAGSET,
        SUGGESTIONS,
        DOMAIN,
        CLIPS,
        CAPTIONS,
        DESCRIPTIONS,
        BALLOT,
        TAG_CHANGES,
        TASKS,
        GOLD,
        QUESTIONS,
        VOTES,
        ADJUDICATIONS,
        FLAGS,
        LABELS,
        CORRECTIONS,
        TEXT_CHECKS,
        AGREEMENT,
        RESERVED,
        SPLITS,
        LEAKAGE,
        MOVED,
        RELEASED_SPLITS,
        RELEASED,
        TOMBSTONES,
    )
}

LATER: dict[str, frozenset[str]] = {
    "tasks": frozenset(("person", "withdrawn")),
    "votes": frozenset(("answers",)),
    "adjudications": frozenset(("answers",)),
    "labels": frozenset(("answers", "domain_reviewed")),
    "agreement": frozenset(("question",)),
}
"""Columns that files of earlier versions lack; null there. What people gave can't be made anew."""
