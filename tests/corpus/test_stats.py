from __future__ import annotations

from collections.abc import Callable

import pytest

from fairprune.corpus.check import check
from fairprune.corpus.query import sql
from fairprune.corpus.stats import Spread, Stats, combination_counts, compares_with, points, stats
from fairprune.corpus.tables import SHIPPED, Corpus, load, nothing, of_origin
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


# What Blalock et al. 2020 report; but they say 79 papers since 2010 and 2 older ones, and the files have 78 and 3.
PAPER = {
    "papers": 81,
    "papers_since_2010": 78,
    "datasets": 49,
    "architectures": 132,
    "combinations": 195,
    "compares_to_none": 21,
    "compares_to_one": 22,
    "never_compared_to": 33,
    "papers_with_deviation": 1,
}
MOST_COMMON = [
    ("VGG-16/ImageNet", 22),
    ("ResNet-50/ImageNet", 15),
    ("LeNet-5-Caffe/MNIST", 14),
    ("ResNet-56/CIFAR-10", 14),
    ("LeNet-300-100/MNIST", 12),
    ("LeNet-5/MNIST", 11),
    ("CaffeNet/ImageNet", 10),
    ("AlexNet/ImageNet", 8),
    ("VGG (Torch)/CIFAR-10", 8),
    ("ResNet-18/ImageNet", 6),
    ("ResNet-34/ImageNet", 6),
    ("ResNet-110/CIFAR-10", 5),
]
COUNTED = """
    FROM results AS r JOIN papers AS p ON r.paper = p.key
    WHERE p.pruning AND r.network IS NOT NULL AND r.dataset IS NOT NULL
"""
SURVEY = " AND p.origin = 'blalock-2020' AND r.origin = 'blalock-2020'"
REACH = """
    SELECT p.key AS paper, COUNT(DISTINCT c.compared_to) AS others
    FROM papers AS p
    LEFT JOIN (
        SELECT c.paper AS paper, c.compared_to AS compared_to FROM comparisons AS c
        JOIN papers AS q ON c.compared_to = q.key WHERE c.paper <> c.compared_to{within}
    ) AS c ON p.key = c.paper{where}
    GROUP BY p.key
"""


@pytest.fixture(scope="module")
def shipped() -> Corpus:
    return load(SHIPPED)


def test_the_numbers_of_the_paper(shipped: Corpus) -> None:
    found = stats(of_origin(shipped, "blalock-2020"))
    assert {name: getattr(found, name) for name in PAPER} == PAPER
    assert list(found.combination_counts.items())[:12] == MOST_COMMON


@pytest.mark.parametrize("all_", [False, True], ids=["survey", "all"])
def test_sql_gives_the_same(shipped: Corpus, all_: bool) -> None:
    found = stats(shipped if all_ else of_origin(shipped, "blalock-2020"))
    rows = COUNTED + ("" if all_ else SURVEY)
    said = sql(SHIPPED, f"SELECT COUNT(*) AS n, COUNT(DISTINCT r.dataset) AS d, COUNT(DISTINCT r.network) AS a {rows}")
    assert said.row(0) == (found.results, found.datasets, found.architectures)
    used = sql(
        SHIPPED, f"SELECT r.network, r.dataset, COUNT(DISTINCT r.paper) AS papers {rows} GROUP BY r.network, r.dataset"
    )
    assert used.height == found.combinations
    assert sorted(used["papers"], reverse=True) == list(found.combination_counts.values())
    within, where = (
        ("", "")
        if all_
        else (" AND c.origin = 'blalock-2020' AND q.origin = 'blalock-2020'", " WHERE p.origin = 'blalock-2020'")
    )
    reach = sql(SHIPPED, REACH.format(within=within, where=where))
    others = reach["others"].to_list()
    assert len(others) == found.papers
    assert (others.count(0), others.count(1), sum(n <= 3 for n in others)) == (
        found.compares_to_none,
        found.compares_to_one,
        found.compares_to_three_or_fewer,
    )
    reported = sql(
        SHIPPED,
        f"SELECT COUNT(DISTINCT r.paper) AS papers {rows} AND (r.top1 IS NOT NULL OR r.top1_change IS NOT NULL)",
    )
    papers = sum(found.metrics_per_paper.values())
    assert reported.item() / papers == pytest.approx(found.reporting["top1"])
