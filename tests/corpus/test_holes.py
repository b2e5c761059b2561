from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fairprune.corpus.holes import Hole, Literature, Place, first, holes, together
from fairprune.corpus.holes import literature as used
from fairprune.corpus.tables import Corpus, save

Command = Callable[..., tuple[int, str, str]]
PLACES: list[Place] = [("n1", "d"), ("n2", "d"), ("n1", "e")]


def pairs(at: Mapping[Place, frozenset[str]]) -> set[frozenset[str]]:
    """The pairs of methods that share a place, by looking at every two."""
    return {frozenset(two) for there in at.values() for two in itertools.combinations(there, 2)}


@st.composite
def tables(draw: st.DrawFn) -> Literature:
    methods = draw(st.sets(st.sampled_from("abcdef")))
    at = {
        place: frozenset(draw(st.sets(st.sampled_from(sorted(methods))))) if methods else frozenset()
        for place in PLACES
    }
    popular = st.integers(1, 3)
    return Literature({m: draw(popular) for m in sorted(methods)}, {p: draw(popular) for p in at}, at)


@settings(max_examples=150)
@given(tables())
def test_against_brute_force(known: Literature) -> None:
    found = list(holes(known))
    comparable = pairs(known.at)
    assert known.comparable == len(comparable)
    empty = {place for place, there in known.at.items() if not there}
    assert {(h.method, (h.network, h.dataset)) for h in found} == {
        (m, place) for m in known.methods for place in known.at if place not in empty and m not in known.at[place]
    }
    covered = set(comparable)
    for number, hole in enumerate(found):
        after = [_gain(known, later, covered) for later in found[number:]]
        assert len(after[0]) == len(hole.joins) == max(map(len, after))  # no other hole would join more
        assert after[0] == {frozenset((hole.method, other)) for other in hole.joins}
        place = (hole.network, hole.dataset)
        alone = pairs({**known.at, place: known.at[place] | {hole.method}}) - comparable
        assert hole.alone == len(alone)
        covered |= after[0]
    filled = dict(known.at)
    for hole in found[:4]:
        filled[hole.network, hole.dataset] |= {hole.method}
    assert together(known, found[:4]) == len(pairs(filled)) - len(comparable)


def _gain(known: Literature, hole: Hole, covered: set[frozenset[str]]) -> set[frozenset[str]]:
    return {frozenset((hole.method, other)) for other in known.at[hole.network, hole.dataset]} - covered


@settings(max_examples=60)
@given(tables(), st.integers(1, 4))
def test_the_first_holes_are_nearly_the_best(known: Literature, number: int) -> None:
    found = list(holes(known))
    assume(len(found) < 9)
    comparable = pairs(known.at)

    def covers(some: tuple[Hole, ...]) -> int:
        return len({pair for hole in some for pair in _gain(known, hole, comparable)})

    best = max(map(covers, itertools.combinations(found, min(number, len(found)))))
    assert covers(tuple(found[:number])) >= (1 - 1 / 2.7183) * best
    assert sum(len(hole.joins) for hole in found[:number]) == covers(tuple(found[:number]))


def test_ties_go_to_what_more_papers_use() -> None:
    at = {("n", "d"): frozenset("a"), ("m", "d"): frozenset("b")}
    known = Literature({"a": 1, "b": 1, "c": 2, "d": 1}, {("n", "d"): 2, ("m", "d"): 3}, at)
    said = [(h.method, h.network, len(h.joins), h.alone) for h in holes(known)]
    assert said == [
        ("c", "m", 1, 1),
        ("a", "m", 1, 1),
        ("d", "m", 1, 1),
        ("c", "n", 1, 1),
        ("d", "n", 1, 1),
        ("b", "n", 0, 1),
    ]
    assert [h.method for h in first(holes(known, lambda method, _: method == "d"), 1)] == ["d"]


def test_counts_by_hand(literature: Corpus) -> None:
    known = used(literature)
    # a: its own paper, b, c and talk compare with it, e has a result of it; b: its own and c; c and d: their own
    assert known.methods == {"a": 5, "b": 2, "c": 1, "d": 1}
    assert known.at == {
        ("lenet", "mnist"): frozenset("ab"),
        ("resnet", "imagenet"): frozenset("bc"),
        ("resnet", "mnist"): frozenset("c"),
        ("vgg", "imagenet"): frozenset("d"),
        ("vgg", "mnist"): frozenset("a"),
        ("vgg", "speech"): frozenset(),
    }
    assert known.places["lenet", "mnist"] == 2
    assert (known.measured, known.pairs, known.comparable) == (7, 6, 2)
    often = used(literature, 2)
    assert often.methods == {"a": 5, "b": 2}
    assert set(often.places) == {(n, d) for n in ("lenet", "resnet", "vgg") for d in ("mnist", "imagenet")} & set(
        known.at
    )


def test_networks_trained_from_scratch_are_no_results_of_a_method(corpus_of: Callable[..., Corpus]) -> None:
    rows = [
        {"key": kind, "kind": kind, "paper": "p", "method": "m", "network": "n", "dataset": kind}
        for kind in ("prune", "scratch")
    ]
    corpus = corpus_of(methods=[{"key": "m", "name": "M"}], results=rows)
    assert used(corpus).at == {("n", "prune"): frozenset("m")}


def test_the_command(fairprune: Command, literature: Corpus, tmp_path: Path) -> None:
    save(literature, tmp_path)
    asked = ("corpus", "holes", "--corpus", tmp_path, "--least", "1")
    code, out, _ = fairprune(*asked, "--json")
    found = json.loads(out)
    assert (code, found["pairs"], found["comparable"], found["measured"]) == (0, 6, 2, 7)
    # d on LeNet and MNIST meets a and b, who are both new to it; c there would meet one, since it knows b
    best = found["holes"][0]
    assert best == {
        "method": "d", "network": "lenet", "dataset": "mnist", "new_pairs": 2, "new_pairs_alone": 2,
        "comparable_then_with": ["a", "b"], "papers_there": 2, "runnable": False,
    }  # fmt: skip
    assert found["comparable_then"] == 6
    _, out, _ = fairprune(*asked, "--method", "Method C", "--network", "LeNet", "--json")
    assert [hole["comparable_then_with"] for hole in json.loads(out)["holes"]] == [["a"]]
    code, out, _ = fairprune(*asked, "--top", "1")
    assert "7 of 24 combinations are measured. 2 of 6 pairs of methods" in " ".join(out.split())
    assert "2  Method A, Method B" in out
    for place, why in (
        ("study.toml", "no hole that fairprune can run: expected other filters, or a smaller --least"),
        ("none/study.toml", f"cannot write {tmp_path}/none/study.toml: there is no folder {tmp_path}/none"),
        ("study.txt", f"-o {tmp_path}/study.txt: expected a name that ends in .toml"),
    ):
        assert fairprune(*asked, "-o", tmp_path / place) == (2, "", f"error: {why}\n")
    code, _, err = fairprune(*asked, "--network", "LeNett")
    assert (code, "did you mean 'LeNet'" in err) == (2, True)
