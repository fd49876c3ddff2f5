"""PP-OCRv6 small, with the models inside RapidOCR's wheel, on the engine that suits each; works
offline."""
