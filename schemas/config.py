"""The whole configuration of a workspace; every default is documented where it is defined."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from schemas.labelling import LabelConfig
from schemas.section import Fraction, Positive, Section
from schemas.storage import StorageConfig

_SPLITS = ("train", "validation", "test")


class RayConfig(Section):
    """Where Ray runs, and how much of it is taken; no result depends on it."""

    address: str | None = Field(
        None,
        pattern=r"^(auto|[^\s:/]+:\d+)$",
        description="host:port of a running cluster, or auto for the one that this machine is a "
        "node of; null starts Ray on this machine alone",
    )
    workers: int = Field(0, ge=0, description="workers at most; 0 means all that there is room for")
    gpus_per_worker: float | None = Field(
        None,
        ge=0,
        description="GPUs, or the share of one, that a worker of a stage with a model takes where "
        "the cluster has any; null means what the stage says, 0 the CPU",
    )

    @field_validator("gpus_per_worker")
    @classmethod
    def _is_a_share_or_whole(cls, value: float | None) -> float | None:
        if value is not None and value > 1 and value != int(value):
            raise ValueError("this is a share of one GPU, such as 0.25, or a whole number of them")
        return value


class EngineConfig(Section):
    """How work is run; its limits decide just which rows are quarantined."""

    executor: Literal["local", "ray"] = Field(
        "local", description="who runs the workers: this machine, or Ray on a machine or a cluster"
    )
    ray: RayConfig = RayConfig()
    workers: int = Field(
        0, ge=0, description="worker processes on this machine; 0 means one a core"
    )
    row_timeout_s: float = Field(60, gt=0, description="seconds one row may take")
    memory_mb: Positive = Field(4096, description="memory one worker may hold")
    max_quarantined: Fraction = Field(
        0.01,
        description="share of a stage's rows that may crash, hang or raise before the run stops",
    )
    quarantine_floor: int = Field(
        50,
        ge=0,
        description="rows that may do so whatever their share; beyond them, a run also stops when "
        "it is most of the rows tried so far",
    )
    min_free_mb: int = Field(
        500, ge=0, description="megabytes of the workspace's disk that every command leaves free"
    )

    @field_validator("max_quarantined", mode="before")
    @classmethod
    def _is_a_share(cls, value: Any) -> Any:
        if isinstance(value, int) and value >= 1:
            raise ValueError(
                "this is a share of a stage's rows, such as 0.01; "
                "a number of rows goes into engine.quarantine_floor"
            )
        return value


def _as_text(value: Any) -> Any:
    """A number that YAML read, such as 520, as the query that it is."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class SourceConfig(Section):
    """One crawl source: a plugin's name, what to ask it for, limits of ours and its own options."""

    source: str = Field(description="name of a plugin in the group stickerworks.sources")
    queries: tuple[Annotated[str, BeforeValidator(_as_text)], ...] = Field(
        (), description="what to search the source for, as in [happy cat, 开心]"
    )
    query_file: str | None = Field(None, description="text file with a query on each line")
    query_table: Literal["keywords", "tagset"] | None = Field(
        None,
        description="table of the workspace whose keywords (VSD2M) or tag names (StickerTAG) are "
        "queries; those of the three keys are asked together, each once",
    )
    limit: int | None = Field(None, gt=0, description="stickers at most; null means all")
    per_query: int | None = Field(
        None, gt=0, description="items listed for one query at most; null means all"
    )
    per_day: int | None = Field(
        None,
        gt=0,
        description="requests for listings a day (UTC) at most, retries included; the next day's "
        "crawl goes on",
    )
    redistribute: bool | None = Field(
        None, description="whether a release may carry the bytes; null takes the source's default"
    )
    accept_terms: bool = Field(
        False, description="that you read and accept the terms of a source that asks for it"
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="the plugin's own options, checked by the plugin"
    )


class HostConfig(Section):
    """How one host is fetched from; what is null is as for all others."""

    concurrency: Positive | None = Field(None, description="requests in flight")
    delay_s: float | None = Field(None, ge=0, description="seconds between requests")


class CrawlConfig(Section):
    """Where stickers come from and how politely they are fetched."""

    sources: list[SourceConfig] = Field(
        default_factory=lambda: [SourceConfig(source="chinesebqb", limit=500)],
        min_length=1,
        description="sources, in the order in which they are crawled",
    )
    user_agent: str = Field(
        "stickerworks/0.1", pattern=r"^[!-~]+/[!-~]+$", description="sent as User-Agent"
    )
    contact: str = Field(
        "",
        pattern=r"^[ -~]*$",
        description="e-mail or page added to the User-Agent; sites ask crawlers for one",
    )
    shard_rows: int = Field(
        1000, gt=0, le=5000, description="stickers a shard; full shards never change"
    )
    pack_media: bool | None = Field(
        None,
        description="whether bytes of stickers are copied into a few large files; null means in "
        "a workspace on an object store",
    )
    max_bytes: Positive = Field(20_000_000, description="largest file that is fetched, in bytes")
    concurrency: Positive = Field(8, description="requests in flight for one host")
    delay_s: float = Field(0.0, ge=0, description="seconds between requests to one host")
    timeout_s: float = Field(30.0, gt=0, description="seconds one response may take")
    attempts: Positive = Field(3, description="requests made for one file before giving up")
    memory_mb: Positive = Field(2048, description="memory one source's process may hold")
    hosts: dict[str, HostConfig] = Field(
        default_factory=dict, description="hosts (host or host:port) with limits of their own"
    )
    recheck_days: float | None = Field(
        None,
        gt=0,
        description="days after which known media is asked for again, if it changed; null never",
    )
    obey_robots: bool = Field(True, description="refuse what robots.txt disallows")
    obey_preferences: bool = Field(
        True,
        description="refuse what X-Robots-Tag, TDM-Reservation, tdmrep.json or Content-Usage keep "
        "from training; false only records what they say",
    )
    takedown: str | None = Field(
        None, description="CSV or JSON lines of what must not be fetched: kind and value"
    )
    allow_hosts: list[str] = Field(
        default_factory=list,
        description="private or loopback hosts (host or host:port) that may be fetched",
    )


class RuleConfig(Section):
    """Bounds of one rule; a row is dropped when its value lies outside of them."""

    min: float | None = Field(None, description="smallest value that is kept")
    max: float | None = Field(None, description="largest value that is kept")

    @model_validator(mode="after")
    def _ordered(self) -> RuleConfig:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}: nothing would be kept")
        return self


Profile = Literal["default", "vsd2m", "strict"]


def profile_rules(profile: Profile = "default") -> dict[str, RuleConfig]:
    """The bounds of a profile, by rule; docs/filtering.md says what each drops."""
    side, aspect, entropy, characters = {
        "default": (32, 2.5, 0.3, 30),
        "vsd2m": (32, 2.0, 2.0, 20),
        "strict": (64, 1.65, 2.2, 16),
    }[profile]
    return {
        "min_side": RuleConfig(min=side),
        "aspect": RuleConfig(max=aspect),
        "entropy": RuleConfig(min=entropy),
        "ocr_length": RuleConfig(max=characters),
    }


def _rules_of(given: dict[str, Any]) -> dict[str, RuleConfig]:
    # A profile that doesn't exist is told of by itself.
    return profile_rules(given.get("profile", "default"))


class DecodeConfig(Section):
    """Caps that are checked from the header, before anything is decoded."""

    max_pixels: Positive = Field(40_000_000, description="width x height")
    max_total_pixels: Positive = Field(200_000_000, description="width x height x frames")
    max_frames: Positive = Field(512, description="frames")
    key_frames: Positive = Field(3, description="key frames at most")
    key_frame_side: Positive = Field(512, description="longest side of a key frame, in pixels")


class OcrConfig(Section):
    """Text recognition."""

    backend: str = Field("rapid", description="name of a plugin in the group stickerworks.ocr")
    min_score: Fraction = Field(0.5, description="lines below this score are left out")
    options: dict[str, Any] = Field(default_factory=dict, description="the backend's own options")


class DuplicatesConfig(Section):
    """Near-duplicates: one is kept, the others are dropped as duplicates."""

    max_phash_distance: int = Field(6, ge=0, le=64, description="bits, for candidates")
    max_difference: float = Field(
        9.5,
        ge=0,
        description="grey levels by which the worst spot (a twelfth of the side) of two pictures "
        "may differ beyond what copying explains: the same sticker below, the same template above",
    )
    max_difference_same_text: float = Field(
        12, ge=0, description="the same where both carry the same, non-empty text"
    )
    max_frame_difference: float = Field(
        12,
        ge=0,
        description="the same for frames of animations, and for a still taken from one, at 16x16",
    )
    embeddings: bool = Field(
        False,
        description="also compare what a pretrained network takes for alike: some more copies are "
        "found, at several times the cost; `make embeddings` installs what it needs",
    )


class FilterConfig(Section):
    """Measurements and the rules applied to them."""

    decode: DecodeConfig = DecodeConfig()
    profile: Profile = Field(
        "default",
        description="bounds that hold unless filter.rules names others: default drops what is "
        "hardly a sticker, vsd2m about what that paper dropped, strict more than either",
    )
    rules: dict[str, RuleConfig] = Field(
        default_factory=_rules_of,
        description="bounds of each rule, or of any measure, by its name in the groups "
        "stickerworks.rules and stickerworks.measures; bounds that are not named are the "
        "profile's, null switches one off",
    )
    measures: tuple[str, ...] = Field(
        ("transparency",),
        description="measures to store, by their names in the group stickerworks.measures, "
        "whether or not filter.rules bounds them; those that it bounds are always stored",
    )
    measure_options: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="options of measures that have some, by the measure's name, checked by the "
        "measure",
    )
    keep_truncated: bool = Field(
        False,
        description="keep animations that break off but open as they are: loading a frame beyond "
        "`frames` fails; false drops them, as those that Pillow refuses are always dropped",
    )
    ocr: OcrConfig = OcrConfig()
    duplicates: DuplicatesConfig = DuplicatesConfig()

    @field_validator("rules")
    @classmethod
    def _keep_unnamed(
        cls, rules: dict[str, RuleConfig], info: ValidationInfo
    ) -> dict[str, RuleConfig]:
        merged = _rules_of(info.data)
        for name, rule in rules.items():
            given = {bound: getattr(rule, bound) for bound in rule.model_fields_set}
            before = merged.get(name, RuleConfig()).model_dump()
            merged[name] = RuleConfig.model_validate({**before, **given})
        return merged

    @field_serializer("rules", mode="wrap")
    def _tell_named(
        self,
        rules: dict[str, RuleConfig],
        whole: SerializerFunctionWrapHandler,
        info: SerializationInfo,
    ) -> dict[str, Any]:
        """Where defaults are left out, so are the profile's bounds; null stays where it counts."""
        if not info.exclude_defaults:
            told: dict[str, Any] = whole(rules)
            return told
        own = profile_rules(self.profile)
        differing: dict[str, Any] = {}
        for name, rule in rules.items():
            usual = own.get(name, RuleConfig())
            for bound in ("min", "max"):
                if getattr(rule, bound) != getattr(usual, bound):
                    differing.setdefault(name, {})[bound] = getattr(rule, bound)
        return differing


class TagsConfig(Section):
    """Keywords to tag set: TF-IDF, K-means, elbow."""

    clusters: int | None = Field(None, gt=1, description="fixed number; null asks the elbow")
    min_clusters: int = Field(2, gt=1, description="smallest number tried")
    max_clusters: int = Field(1000, gt=1, description="largest number tried")
    coarse_step: Positive = Field(
        100, description="distance between numbers of the coarse sweep, over the whole range"
    )
    step: Positive = Field(
        1, description="distance between numbers of the fine sweep, around the coarse one's knee"
    )
    seeds: Positive = Field(3, description="runs with other seeds, for the spread of the elbow")
    clear_elbow: Fraction = Field(
        0.3, description="height from which an elbow is a clear one, if the curve bends there"
    )
    min_df: int | None = Field(
        None,
        gt=0,
        description="keywords that a word must stand in; null: 1, and 2 from 100,000 keywords on, "
        "where words that a single keyword has bring none together but fill the memory",
    )
    user_dictionary: str | None = Field(
        None, description="file of words for the segmenter, added to ours"
    )
    seed: int = Field(0, ge=0, description="seed of the clustering")
    blocked_words: str | None = Field(
        None, description="file of words that never become names, added to ours"
    )
    suggest_from: tuple[Literal["keyword", "ocr", "cluster"], ...] = Field(
        ("keyword", "ocr", "cluster"), description="what suggests tags to annotators"
    )
    min_score: Fraction = Field(0.3, description="score from which a tag is suggested")

    @model_validator(mode="after")
    def _ordered(self) -> TagsConfig:
        if self.min_clusters > self.max_clusters:
            raise ValueError("min_clusters is above max_clusters")
        return self


class AnnotateConfig(Section):
    """Machine annotation."""

    domain_model: str | None = Field(
        None,
        description="a trained domain classifier (JSON file or folder); null means the one we ship",
    )
    captioner: str = Field(
        "template", description="name of a plugin in the group stickerworks.captioners"
    )
    languages: tuple[Literal["en", "zh"], ...] = Field(
        ("en", "zh"), min_length=1, description="languages of captions"
    )
    options: dict[str, Any] = Field(default_factory=dict, description="the captioner's own options")
    prompts: tuple[str, ...] = Field(
        ("vsd2m", "stickertag", "mghft", "sticker820k"),
        min_length=1,
        description="prompt sets that a model is asked: names of ours, or paths of YAML files",
    )
    hints: tuple[Literal["ocr", "keywords"], ...] = Field(
        (),
        description="what a model is told of a sticker beside its pictures: text that was read on "
        "it, and words that it was found under",
    )
    frames: int = Field(8, ge=4, le=16, description="frames of an animation that a model sees")
    frame_side: Positive = Field(512, description="longest side of such a frame, in pixels")
    prefer: tuple[str, ...] = Field(
        (),
        description="captioners or models whose texts are preferred, the best first; then come "
        "what is configured now, the newest, and the template",
    )
    accept_flags: tuple[str, ...] = Field(
        (), description="flags that a text may carry and still be released, such as unread_quote"
    )


class MergeConfig(Section):
    """When votes become labels (StickerTAG section 3.2)."""

    annotators: Positive = Field(3, description="valid votes that a sticker needs")
    agree: Positive = Field(
        2,
        description="annotators who must give a tag, or an answer; of more votes than annotators "
        "more than (agree - 1/2) / annotators of them must: with 2 of 3, more than half",
    )

    @model_validator(mode="after")
    def _possible(self) -> MergeConfig:
        if self.agree > self.annotators:
            raise ValueError("agree is above annotators: no tag could ever be effective")
        return self


def _shares(ratio: str) -> dict[str, float]:
    parts = [int(part) for part in ratio.split(":") if part]
    return {name: part / sum(parts) for name, part in zip(_SPLITS, parts, strict=False)}


class SplitConfig(Section):
    """Shares of each split; near-duplicates, templates and packs stay together."""

    ratio: str | None = Field(
        None,
        description="train, validation and test in a word: 8:1:1, 7:1:2, 6:2:2 or another; null "
        "means what the three shares say, 8:1:1 where these say nothing",
    )
    train: Fraction | None = Field(None, description="share of train, such as 0.8")
    validation: Fraction | None = Field(None, description="share of validation")
    test: Fraction | None = Field(None, description="share of test")
    keep_packs_together: bool = Field(
        False, description="never separate stickers of one pack (fewer, larger groups)"
    )
    seed: int = Field(0, ge=0, description="breaks ties between groups")

    @property
    def shares(self) -> dict[str, float]:
        """The share of each split, by its name, adding up to 1."""
        given = {name: getattr(self, name) for name in _SPLITS}
        said = {name: share for name, share in given.items() if share is not None}
        return _shares(self.ratio or "8:1:1") | said

    @field_validator("ratio")
    @classmethod
    def _is_a_ratio(cls, ratio: str | None) -> str | None:
        if ratio is not None and (
            re.fullmatch(r"[0-9]{1,6}(:[0-9]{1,6}){2}", ratio) is None or not ratio.strip("0:")
        ):
            raise ValueError("this takes three whole numbers, not all of them 0, such as 8:1:1")
        return ratio

    @model_validator(mode="after")
    def _whole(self) -> SplitConfig:
        for name, share in _shares(self.ratio or "").items():
            given = getattr(self, name)
            if given is not None and abs(given - share) > 1e-9:
                raise ValueError(
                    f"ratio {self.ratio} makes {name} {share:.4g}, but {name} says {given:.4g}: "
                    "give the ratio or the shares"
                )
        if abs(sum(self.shares.values()) - 1) > 1e-9:
            raise ValueError("train, validation and test must add up to 1")
        return self


ReleaseProfile = Literal[
    "full", "stickertag", "vsd2m", "sticker820k", "sticker820k-lmdb", "ser30k", "met-meme"
]


class ReleaseConfig(Section):
    """What a release is called and how it is cut."""

    name: str = Field(
        "stickers", max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._]*$", description="name"
    )
    version: str = Field(
        "0.1.0",
        pattern=r"^[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}$",
        description="MAJOR.MINOR.PATCH",
    )
    licence: str = Field("other", description="licence of the annotations, for the card")
    description: str = Field("", description="a paragraph for the card, shown as plain text")
    rows_per_file: Positive = Field(5000, description="rows of one Parquet file")
    labelled_only: bool = Field(
        False, description="leave out stickers whose votes gave no effective tag"
    )
    profiles: tuple[ReleaseProfile, ...] = Field(
        ("full",),
        description="shapes that it is written in, such as [full, stickertag, vsd2m]: full is "
        "always there, and the others are made from its files",
    )
    publisher: str = Field(
        "", max_length=300, description="who publishes it, for its legal part [not stated]"
    )
    contact: str = Field(
        "",
        max_length=300,
        description="where people ask for the removal of a file: an address or a page [not stated]",
    )
    datasheet: dict[str, Annotated[str, Field(max_length=5000)]] = Field(
        {}, description="answers to questions of the datasheet that only people know, by name"
    )
    sign_key: str | None = Field(
        None,
        description="SSH key that signs the checksums, private or, with an agent, public; from "
        "the command line or a file given there alone [unsigned]",
    )


class ValidateConfig(Section):
    """The gate: a baseline must beat its own label-shuffled control."""

    baseline: str = Field(
        "tiny", description="name of a plugin in the group stickerworks.baselines"
    )
    preset: str = Field("tiny", description="preset of that baseline")
    epochs: Positive | None = Field(None, description="passes over the train split [the preset's]")
    image_side: Positive | None = Field(
        None, description="pixels that the baseline sees [the preset's]"
    )
    domain: str | None = Field(
        None, description="train and judge on rows of that domain alone, real or cartoon [all]"
    )
    target: str | None = Field(
        None,
        description="a question of the release, such as emotion, whose answers are learnt instead "
        "of its tags [tags]",
    )
    margin: Fraction = Field(0.05, description="by how much the figure of the real run must win")
    significance: float = Field(
        0.01,
        ge=0.002,
        le=1,
        description="share of permuted truths that may do as well",
    )
    max_unreadable: Fraction = Field(
        0.01, description="share of the images that the release carries that may be undecodable"
    )
    max_cut_short: Fraction = Field(
        0.05, description="share of the images that may break off after their first frames"
    )
    max_blank: Fraction = Field(
        0.02, description="share of the images that may show one colour and nothing else"
    )
    max_repeated: Fraction = Field(
        0.02, description="share of the images that may show the very pixels of another row"
    )
    max_copies: int = Field(
        0, ge=0, description="pairs of different splits that may show the same picture"
    )
    max_label_noise: Fraction = Field(
        0.2,
        description="share of the tags that may belong to other rows, by an estimate whose 95% "
        "interval must not lie above it; 1 leaves the estimate out",
    )
    max_suggested_noise: Fraction = Field(
        0.4,
        description="the same for a split most of whose tags are suggested, which nobody vouches "
        "for; above max_label_noise it is warned of",
    )
    max_loss: Fraction = Field(
        0.1,
        description="share of the rows, and of the tags, of the release before that may be gone",
    )
    seed: int = Field(0, ge=0, description="seed of both runs")
    device: str | None = Field(
        None, description="what computes, such as cpu or cuda [a GPU where there is one]"
    )


class Config(Section):
    """The whole configuration."""

    workspace: str = Field(
        "workspace",
        description="folder that holds every table and release, or an address such as "
        "s3://bucket/folder",
    )
    storage: StorageConfig = StorageConfig()
    engine: EngineConfig = EngineConfig()
    crawl: CrawlConfig = CrawlConfig()
    filter: FilterConfig = FilterConfig()
    tags: TagsConfig = TagsConfig()
    annotate: AnnotateConfig = AnnotateConfig()
    label: LabelConfig = LabelConfig()
    merge: MergeConfig = MergeConfig()
    split: SplitConfig = SplitConfig()
    release: ReleaseConfig = ReleaseConfig()
    # "validate" is a method of pydantic's models, hence the alias.
    validation: ValidateConfig = ValidateConfig()
