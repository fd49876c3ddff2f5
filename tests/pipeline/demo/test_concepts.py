from __future__ import annotations

import logging

import jieba
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import adjusted_rand_score
from stopwordsiso import stopwords

from pipeline.demo.concepts import CONCEPTS, PACKS, fold_phrase


def test_clustering_the_keywords_finds_the_concepts_again(tmp_path):
    jieba.setLogLevel(logging.ERROR)
    jieba.dt.tmp_dir = str(tmp_path)
    stop = stopwords(["zh", "en"])
    phrases = {phrase: concept.name for concept in CONCEPTS for phrase in concept.keywords}
    phrases |= {pack.theme: pack.concept for pack in PACKS}
    tokens = [
        [word for word in jieba.lcut(phrase) if word.strip() and word not in stop]
        for phrase in phrases
    ]
    assert all(tokens)
    matrix = TfidfVectorizer(analyzer=lambda words: words).fit_transform(tokens)
    found = KMeans(len(CONCEPTS), n_init=10, random_state=0).fit_predict(matrix)
    assert adjusted_rand_score(list(phrases.values()), found) > 0.9


def test_no_keyword_belongs_to_two_concepts():
    folded = [fold_phrase(phrase) for concept in CONCEPTS for phrase in concept.keywords]
    assert len(set(folded)) == len(folded)


def test_phrases_are_compared_without_width_case_and_spacing():
    assert fold_phrase("  So\u3000ＨＡＰＰＹ  开心\n") == "so happy 开心"
