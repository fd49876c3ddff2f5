import pyarrow.compute as pc

from stickerworks.plugins import Rule


def _rate(tables):
    frames, ms = (tables["signals"][name] for name in ("frames", "duration_ms"))
    return pc.if_else(pc.equal(ms, 0), None, pc.divide(pc.multiply(frames, 1000.0), ms))


RULE = Rule("frame_rate", ("signals",), _rate, unit="frames/s", doc="Null for stills.")
