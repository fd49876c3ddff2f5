import numpy as np

from stickerworks.plugins import Measure, StickerFrames

DOC = "How much neighbouring pixels differ on average, in the sharpest frame."


def _sharpness(frames: StickerFrames) -> float:
    grey = (frame.pixels[..., :3].mean(axis=2) for frame in frames)
    return max(float(np.abs(np.diff(picture)).mean()) for picture in grey)


MEASURE = Measure(name="sharpness", unit="grey levels", doc=DOC, measure=_sharpness)
