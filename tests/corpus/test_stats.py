from __future__ import annotations

from collections.abc import Callable

import pytest

from fairprune.corpus.check import check
from fairprune.corpus.stats import Spread, Stats, combination_counts, compares_with, points, stats
from fairprune.corpus.tables import Corpus, nothing, of_origin
from fairprune.errors import CorpusError


@pytest.fixture
def counts(literature: Corpus) -> Stats:
    return stats(of_origin(literature, "survey"))


def test_the_literature_of_these_tests_is_sound(literature: Corpus) -> None:
    check(literature)


def test_counts_by_hand(counts: Stats) -> None:
    assert (counts.papers, counts.papers_since_2010) == (5, 4)
    assert counts.papers_by_year == {2009: 1, 2015: 1, 2016: 2, 2017: 1}
    assert counts.results == 9  # not the one without data set, not the talk's
    assert (counts.datasets, counts.architectures, counts.combinations) == (2, 3, 4)
    assert counts.combination_counts == {
        "LeNet/MNIST": 2,
        "ResNet-50/ImageNet": 2,
        "ResNet-50/MNIST": 1,
        "VGG/ImageNet": 1,
    }
    assert list(counts.combination_counts.values()) == [2, 2, 1, 1]
    assert counts.combinations_of_one_paper == 2
    assert counts.combinations_per_paper == {1: 2, 2: 2}
    assert (counts.papers_without_imagenet, counts.papers_without_resnet_on_imagenet) == (1, 2)


def test_comparisons_with_oneself_and_with_outsiders_do_not_count(counts: Stats, literature: Corpus) -> None:
    assert compares_with(of_origin(literature, "survey")) == {"a": 0, "b": 1, "c": 2, "d": 0, "talk": 1}
    assert (counts.compares_to_none, counts.compares_to_one, counts.compares_to_three_or_fewer) == (2, 2, 5)
    assert counts.median_compared_to == 1
    assert counts.never_compared_to == 3  # c, d and talk


def test_what_papers_report(counts: Stats) -> None:
    assert counts.reporting == {"top1": 1.0, "top5": 0.25, "params": 0.75, "flops": 0.5}
    assert counts.metrics_per_paper == {2: 3, 4: 1}
    assert counts.papers_with_deviation == 1


def test_points(counts: Stats, literature: Corpus) -> None:
    found = points(literature["results"])["key"].to_list()
    assert sorted(found) == ["a/1", "a/2", "b/4", "b/5", "c/8", "d/11", "e/12"]  # c/9 is another run of c/8
    assert counts.points_per_curve == {1: 4, 2: 1}


def test_spreads_need_two_papers(counts: Stats) -> None:
    assert counts.base_top1 == (Spread("LeNet/MNIST", 2, 99.0, 99.5),)
    assert counts.base_flops == ()


def test_all_of_a_corpus_and_one_origin(literature: Corpus) -> None:
    assert combination_counts(literature)["VGG/MNIST"] == 1
    assert stats(literature).papers == 6
    with pytest.raises(CorpusError, match="unknown origin 'surveys'; did you mean 'survey'"):
        of_origin(literature, "surveys")


def test_an_empty_corpus() -> None:
    found = stats(nothing())
    assert (found.papers, found.combinations, found.median_compared_to, found.never_compared_to) == (0, 0, 0, 0)
    assert found.reporting == dict.fromkeys(("top1", "top5", "params", "flops"), 0)


def test_the_widest_spread_comes_first(corpus_of: Callable[..., Corpus]) -> None:
    papers = [{"key": k, "title": k, "first_author": k, "year": 2020, "pruning": True} for k in "pq"]
    values = {"m": (93.0, 93.5), "n": (92.0, 94.0)}
    rows = [
        {"key": f"{p}{n}", "paper": p, "network": n, "dataset": "d", "base_top1": top1, "base_flops_g": top1 / 10}
        for n, both in values.items()
        for p, top1 in zip("pq", both, strict=True)
    ]
    found = stats(corpus_of(papers=papers, results=rows))
    assert found.base_top1 == (Spread("n/d", 2, 92.0, 94.0), Spread("m/d", 2, 93.0, 93.5))
    assert [spread.place for spread in found.base_flops] == ["n/d", "m/d"]
