from stickerworks.plugins import Caption, Captioner, Options


class KeywordOptions(Options):
    mark: str = "!"


def _open(languages, options: KeywordOptions):
    def write(stickers):
        texts = [" ".join(one.keywords) + options.mark for one in stickers]
        return [[Caption("caption", name, text) for name in languages] for text in texts]

    return write


CAPTIONER = Captioner("keywords", "keywords/1", _open, options=KeywordOptions)
