from importlib.metadata import version

from rapidocr import RapidOCR

from stickerworks.plugins import Line, OcrBackend, Options


class _OneLine:
    """Takes each picture for one line of text and recognises that: there is no detection."""

    def __init__(self) -> None:
        self._engine = RapidOCR(params={"Global.log_level": "critical"})

    def read(self, images):
        return [self._read(image) for image in images]

    def _read(self, image):
        found = self._engine(image, use_det=False, use_cls=False)
        height, width = image.shape[:2]
        box = (0, 0, width, 0, width, height, 0, height)
        return [
            Line(text, float(score), box)
            for text, score in zip(found.txts, found.scores, strict=True)
        ]


def _open(options: Options) -> _OneLine:
    return _OneLine()


def _models(options: Options) -> dict[str, str]:
    return {"rapidocr": version("rapidocr")}


BACKEND = OcrBackend(name="one_line", open=_open, models=_models)
