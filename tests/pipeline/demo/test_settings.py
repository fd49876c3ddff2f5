from __future__ import annotations

from pipeline.demo.collection import INDEX_NAME
from pipeline.demo.concepts import CONCEPTS
from pipeline.demo.settings import demo_settings
from schemas.config import Config


def test_settings_are_a_valid_configuration_that_points_at_the_site():
    config = Config.model_validate(demo_settings("http://127.0.0.1:8765"))
    (source,) = config.crawl.sources
    assert source.source == "chinesebqb"
    assert source.options == {
        "index_url": f"http://127.0.0.1:8765/zhaoolee/ChineseBQB/master/{INDEX_NAME}"
    }
    assert config.crawl.allow_hosts == ["127.0.0.1:8765"]
    assert config.tags.min_clusters <= len(CONCEPTS) <= config.tags.max_clusters
    assert config.release.name == "demo"
