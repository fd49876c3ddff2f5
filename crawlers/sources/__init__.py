"""One module a source; nothing here imports Scrapy but the modules named ``*_spider``."""
