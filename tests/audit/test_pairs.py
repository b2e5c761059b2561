"""Pairs in columns say what a loop over the pairs says."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np

from fairprune.audit import tabled
from fairprune.audit.examples import pruned
from fairprune.audit.finding import Evidence
from fairprune.audit.pairs import distinct, numbered
from fairprune.audit.setups import strictness
from fairprune.audit.tabled import pair_all
from fairprune.schedules import parse
from fairprune.spec import Target


def some(seed: int, n: int = 40):
    """Results that differ in names, rates, recipes and targets."""
    draw = random.Random(seed)
    for name in range(n):
        fields = {
            "method": draw.choice("abcde"),
            "target": draw.choice([None, Target(axis="speedup", value=2)]),
            "speedup": draw.choice([2.0, 2.05, 2.15]),
            "base_checkpoint": draw.choice(["x", "y"]),
            "retrain_schedule": parse(draw.choice(["constant:1e-3 total:40", "0:1e-2,20:1e-3 total:40"])),
        }
        yield pruned(str(name), run_seed=None, base_seed=None, **fields)


def looped(pairs, tell):
    found = defaultdict(list)
    for pair in pairs:
        found[tell(pair)].append(pair)
    return found


def test_split_and_that_are_those_of_a_loop():
    pairs = pair_all(some(0))
    for tell, of in (
        (lambda p: p.verdict.setup, lambda _: None),
        (lambda p: (p.a.name, p.b.speedup), lambda r: (r.name, r.speedup)),
        (lambda p: p.a.base_checkpoint == "x", lambda r: r.base_checkpoint),
    ):
        found, expected = pairs.split(tell, of), looped(pairs, tell)
        assert list(found) == list(expected)
        assert all(list(found[key]) == expected[key] for key in expected)
    assert list(pairs.that(lambda p: p.a.name == "a", lambda r: r.name)) == [p for p in pairs if p.a.name == "a"]
    assert not pairs.that(lambda p: p.a.name == "z", lambda r: r.name)


def test_tell_is_asked_once_for_all_that_are_equal_in_what_it_looks_at():
    asked = []
    pairs = pair_all(pruned(str(n), method=f"m{n % 3}") for n in range(30))
    pairs.split(asked.append, lambda result: result.name)
    assert (len(pairs), len(asked)) == (30 * 29 // 2, 9)


def test_telling_pairs_list_in_the_order_of_all():
    pairs = pair_all(some(1))
    told = pairs.telling()
    assert len(told) < len(pairs) / 2

    def listing(some):
        return list(dict.fromkeys((p.verdict.setup, r.id) for p in some for r in (p.a, p.b)))

    for setup, own in pairs.split(lambda p: p.verdict.setup).items():
        assert listing(own.telling()) == listing(p for p in pairs if p.verdict.setup == setup)
    assert listing(told) == listing(pairs)


def test_alike_and_unlike_part_the_pairs():
    pairs = pair_all(some(2))
    alike, unlike = pairs.alike(lambda r: r.name), pairs.unlike(lambda r: r.name)
    assert list(alike) == [p for p in pairs if p.a.name == p.b.name]
    assert list(unlike) == [p for p in pairs if p.a.name != p.b.name]
    assert list(alike.and_then(unlike)) == [*alike, *unlike]


def test_rivals_are_the_first_of_the_strictest_pairs_in_the_order_in_which_methods_meet():
    for seed in range(5):
        evidence = Evidence(tuple(some(seed)))
        expected = {}
        for pair in evidence.pairs:
            target = pair.a.target or pair.b.target
            amounts = frozenset([str(target)] if target else [pair.a.amount, pair.b.amount])
            key, merit = (frozenset((pair.a.name, pair.b.name)), amounts), strictness(pair.verdict)
            merit = merit, -len(pair.verdict.blocked_by)
            if len(key[0]) == 2 and (key not in expected or merit > expected[key][0]):
                expected[key] = merit, pair
        assert expected
        assert list(evidence.rivals) == [pair for _, pair in expected.values()]


def test_pairs_are_the_same_however_many_are_compared_at_once(monkeypatch):
    whole = list(pair_all(some(3)))
    monkeypatch.setattr(tabled, "AT_ONCE", 7)
    assert list(pair_all(some(3))) == whole


def test_nothing_meets_nothing():
    evidence = Evidence(())
    assert list(evidence.pairs) == list(evidence.rivals) == []
    assert evidence.pairs.split(lambda pair: pair.a) == {}
    assert len(evidence.pairs.telling()) == 0


def test_numbers_of_values_and_of_combinations():
    assert numbered("abca").tolist() == [0, 1, 2, 0]
    far = np.array([2**40, 0, 2**40, 1])  # three such columns do not fit into one number
    first, which = distinct(far, far, far)
    assert sorted(first.tolist()) == [0, 1, 3]
    assert which[0] == which[2]
    assert len(set(which.tolist())) == 3
