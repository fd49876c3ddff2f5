"""How unsafe a sticker is, by a classifier of the user: an ONNX file or a transformers folder."""
