"""Parameter names of released checkpoints and of transformers' PVT, mapped to ours."""

from __future__ import annotations

import re

UNUSED = re.compile(
    r"text_model\..*|vision_model\.(tau|norm_t\.(weight|bias)|head(_dist)?\.(weight|bias))"
)
"""Released tensors that take no part in MGHFT's forward pass, or belong to the text encoder."""

_WHOLE = {
    "pos_embed": "position",
    "vision_model.cls_token": "backbone.stages.3.cls",
}
_STARTS = {
    "vision_model.norm.": "norm.",
    "v_proj.": "vision_out.",
    "vl_proj.": "text_out.",
    "l_proj.": "text_in.",
    "head.": "head.",
    "fusion_model.attention_norm.": "fusion.attention_norm.",
    "fusion_model.ffn_norm.": "fusion.mlp_norm.",
    "fusion_model.ffn.fc1.": "fusion.expand.",
    "fusion_model.ffn.fc2.": "fusion.contract.",
    "fusion_model.attn.query.": "fusion.query.",
    "fusion_model.attn.key.": "fusion.key.",
    "fusion_model.attn.value.": "fusion.value.",
    "fusion_model.attn.out.": "fusion.output.",
}
_STAGE = re.compile(
    r"vision_model\.(cls_token|pos_embed|cross_proj|local_proj|global_proj|patch_embed|block)"
    r"([1-4])(?:\.(.+))?"
)
_IN_STAGE = {
    "cls_token": ("backbone.stages", "cls"),
    "pos_embed": ("backbone.stages", "position"),
    "patch_embed": ("backbone.stages", ""),
    "block": ("backbone.stages", "blocks"),
    "cross_proj": ("bridges", "text"),
    "local_proj": ("bridges", "widen_local"),
    "global_proj": ("bridges", "widen_global"),
}
_PARTS = {
    "attn.q.": "attention.query.",
    "attn.kv.": "attention.key_value.",
    "attn.proj.": "attention.output.",
    "attn.sr.": "attention.reduce.",
    "attn.norm.": "attention.reduce_norm.",
    "mlp.fc1.": "expand.",
    "mlp.fc2.": "contract.",
}

_PVT = re.compile(r"(?:pvt\.)?encoder\.(patch_embeddings|block|layer_norm)\.(?:([0-3])\.)?(.+)")
_PVT_EMBEDDING = {
    "position_embeddings": "position",
    "cls_token": "cls",
    "projection.": "patches.",
    "layer_norm.": "patch_norm.",
}
_PVT_BLOCK = {
    "layer_norm_1.": "norm1.",
    "layer_norm_2.": "norm2.",
    "attention.self.query.": "attention.query.",
    "attention.self.sequence_reduction.": "attention.reduce.",
    "attention.self.layer_norm.": "attention.reduce_norm.",
    "attention.output.dense.": "attention.output.",
    "mlp.dense1.": "expand.",
    "mlp.dense2.": "contract.",
}
_HALF = re.compile(r"attention\.self\.(key|value)\.(weight|bias)")


def our_name(released: str) -> str | None:
    """Our parameter's name for a released one; None for a name that MGHFT doesn't have."""
    if released in _WHOLE:
        return _WHOLE[released]
    for start, ours in _STARTS.items():
        if released.startswith(start):
            return ours + released.removeprefix(start)
    match = _STAGE.fullmatch(released)
    if match is None:
        return None
    kind, stage, rest = match.groups()
    room, place = _IN_STAGE[kind]
    parts = (room, str(int(stage) - 1), place, _renamed(kind, rest or ""))
    return ".".join(part for part in parts if part)


def our_name_of_pvt(name: str) -> tuple[str, int] | None:
    """Our parameter for one of transformers' ``PvtModel``, and which part of it that one is.

    Keys are part 0 and values part 1 of what we keep in one matrix; all others are part 0. None
    for a name that the backbone doesn't have (the classifier's, say).
    """
    match = _PVT.fullmatch(name)
    if match is None:
        return None
    kind, stage, rest = match.groups()
    if kind == "layer_norm":
        return f"norm.{rest}", 0
    if kind == "patch_embeddings":
        return _under(f"backbone.stages.{stage}", rest, _PVT_EMBEDDING)
    number, _, rest = rest.partition(".")
    place = f"backbone.stages.{stage}.blocks.{number}"
    half = _HALF.fullmatch(rest)
    if half is not None:
        return f"{place}.attention.key_value.{half[2]}", int(half[1] == "value")
    return _under(place, rest, _PVT_BLOCK)


def _under(place: str, rest: str, names: dict[str, str]) -> tuple[str, int] | None:
    for theirs, ours in names.items():
        if rest.startswith(theirs):
            return f"{place}.{ours}{rest.removeprefix(theirs)}", 0
    return None


def _renamed(kind: str, rest: str) -> str:
    if kind == "patch_embed":
        return rest.replace("proj.", "patches.").replace("norm.", "patch_norm.")
    if kind == "block":
        for theirs, ours in _PARTS.items():
            rest = rest.replace(f".{theirs}", f".{ours}")
    return rest
