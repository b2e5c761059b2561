"""Schedules against W's published stages, closed forms, and algebraic properties."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairprune.errors import SpecError
from fairprune.schedules import Schedule, Segment, empty, halving, parse, same

PUBLISHED = [  # arXiv:2301.05219, appendix A
    (1e-1, 120, {0: 1e-1, 30: 1e-2, 60: 1e-3, 90: 1e-4, 105: 1e-5}),
    (1e-1, 90, {0: 1e-1, 30: 1e-2, 60: 1e-3, 75: 1e-4, 83: 1e-5}),
    (1e-2, 60, {0: 1e-2, 30: 1e-3, 45: 1e-4, 53: 1e-5}),
    (1e-2, 90, {0: 1e-2, 30: 1e-3, 60: 1e-4, 75: 1e-5}),
    (1e-2, 30, {0: 1e-2, 15: 1e-3, 23: 1e-4, 27: 1e-5}),
]

rates = st.sampled_from([1e-1, 3e-2, 1e-2, 2.5e-3, 1e-4, 0.0]) | st.floats(0, 10)
lengths = st.integers(1, 60).map(float) | st.floats(0.01, 60)
shapes = st.sampled_from(["constant", "linear", "cosine"])
edges = st.just(0.0) | st.floats(0, 20)
segments = st.builds(Segment, lengths, shapes, rates, rates, edges, edges)
schedules = st.lists(segments, min_size=1, max_size=5).map(lambda parts: Schedule(tuple(parts)))
warmed = st.builds(lambda s, part: s.warmed(part * s.total), schedules, st.floats(0, 1))
any_schedule = schedules | warmed | st.builds(Schedule.then, schedules, warmed)


@pytest.mark.parametrize(("start", "epochs", "stages"), PUBLISHED)
def test_halving_rule_reproduces_the_published_stages(start, epochs, stages):
    schedule = halving(start, 1e-5, epochs)
    assert schedule.stages() == list(stages.items())
    assert schedule.total == epochs
    text = ",".join(f"{epoch}:{rate}" for epoch, rate in stages.items()) + f" total:{epochs}"
    assert parse(f"halving:{start}->1e-5 total:{epochs}") == schedule == parse(text)


def test_halving_scaled_to_a_short_study_keeps_its_shape():
    short = parse("halving:1e-2->1e-5 total:90 scaled-to:12")
    assert str(short) == "0:1e-2,4:1e-3,8:1e-4,10:1e-5 total:12"
    assert short == halving(1e-2, 1e-5, 90).stretched_to(12)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0:0.01,30:0.001   total:90", "0:1e-2,30:1e-3 total:90"),
        ("0:1e-2,30:.01 total:90", "constant:1e-2 total:90"),
        ("cosine:0.1->1e-4 warmup:5 total:200", "cosine:1e-1->1e-4 total:200 warmup:5"),
        ("0:.1,3:.2,8:3 total:10 warmup:5", "0:2e-1,8:3 total:10 warmup:5"),
        ("cosine:.1->.1 total:7", "constant:1e-1 total:7"),
        ("linear:0.25->0 total:7.5", "linear:2.5e-1->0 total:7.5"),
        ("constant:1e-3 total:4 | cosine:.1->0 total:3 warmup:2", None),
        ("cosine:.1->0 from:5 of:20 total:5|cosine:.1->0 total:10 from:10", "cosine:1e-1->0 from:5 of:20 total:15"),
        ("constant:1 total:30|0:1,5:0.1 total:10", "0:1,35:1e-1 total:40"),
        ("0:1e-3,2:1e-4 total:9 warmup:1 scaled-to:3", "0:1e-3,0.666666667:1e-4 total:3 warmup:0.333333333"),
        (" none ", "none"),
    ],
)
def test_canonical_text(text, canonical):
    assert str(parse(text)) == (canonical or str(parse(str(parse(text)))))
    assert parse(str(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("", "expected e.g."),
        ("constant:1e-3 total:4 | ", "expected e.g."),
        ("constant:1e-3", "total:EPOCHS"),
        ("constant:1e-3 total:0", "total:EPOCHS"),
        ("constant:1e-3 total:9 scaled-to:0", "scaled-to:EPOCHS"),
        ("constant:1e-3 total:x", "'total:x': expected a number"),
        ("constant:-1 total:4", "'constant:-1': expected a number"),
        ("constant:nan total:4", "expected a number"),
        ("constant:1 total:4 totl:5", "did you mean 'total'"),
        ("constant:1 total:4 total:5", "'total' is given twice"),
        ("cosin:1->0 total:4", "did you mean 'cosine'"),
        ("cosine:1 total:4", "cosine:FIRST->LAST"),
        ("cosine:1->0 total:4 of:3", "'of:3': expected at least from + total, 4"),
        ("constant:1 total:4 from:1", "'from:' is for cosine and linear"),
        ("0:1,5:2,5:3 total:9", "grow"),
        ("1:1 total:9", "start at 0"),
        ("0:1,9:2 total:9", "end before total:9"),
        ("0:1,5 total:9", "unknown schedule '5'"),
        ("constant:1 total:4 warmup:5", "'warmup:5': expected at most the total, 4"),
        ("halving:1e-2->1e-5 total:6", "too short"),
        ("halving:1e-2->3e-5 total:90", "divided by 1, 10, 100"),
        ("halving:0->1e-5 total:90", "divided by 1, 10, 100"),
        ("halving:1e-5->1e-2 total:90", "divided by 1, 10, 100"),
        ("halving:1e-2->1e-5 total:9.5", "whole epochs"),
    ],
)
def test_a_wrong_text_is_refused_in_one_line_that_names_the_part(text, culprit):
    with pytest.raises(SpecError) as error:
        parse(text)
    assert culprit in str(error.value)
    assert str(error.value).startswith(f"schedule '{text}")
    assert "\n" not in str(error.value)


def test_rates_of_each_shape():
    steps = parse("0:1e-2,30:1e-3 total:90")
    assert [steps.at(e) for e in (0, 29.999, 30, 90, 200)] == [1e-2, 1e-2, 1e-3, 1e-3, 1e-3]
    cosine = parse("cosine:3->1 total:200")
    assert [cosine.at(e) for e in (0, 50, 100, 200)] == pytest.approx([3, 2 + math.sqrt(0.5), 2, 1], abs=1e-15)
    assert (cosine.initial_rate, cosine.final_rate) == (3, 1)
    assert parse("linear:4->0 total:8").at(6) == 1


def test_warmup_replaces_what_was_scheduled_and_ends_at_its_rate():
    warm, plain = parse("cosine:1->0 total:100 warmup:10"), parse("cosine:1->0 total:100")
    assert [warm.at(e) for e in (0, 5, 10)] == pytest.approx([0, plain.at(10) / 2, plain.at(10)])
    assert warm.at(70) == plain.at(70)
    assert warm.total == 100
    assert parse("0:1,10:.1 total:20 warmup:10").at(5) == pytest.approx(0.05)


def test_stages_only_where_piecewise_constant():
    assert parse("constant:1e-3 total:4").stages() == [(0, 1e-3)]
    assert (
        parse("cosine:1->0 total:4").stages() == parse("constant:1 total:4 warmup:1").stages() == empty().stages() == []
    )


def test_no_rate_outside():
    with pytest.raises(ValueError, match="no rate"):
        empty().at(0)
    with pytest.raises(ValueError, match="no rate"):
        parse("constant:1 total:4").at(-0.1)


def test_cut_outside_and_impossible_scaling_are_refused():
    for start, stop in [(-1, 2), (3, 2), (0, 4.5)]:
        with pytest.raises(SpecError, match=r"expected a part of 0\.\.4"):
            parse("constant:1 total:4").cut(start, stop)
    for bad, total in [(empty(), 4), (parse("constant:1 total:4"), -1), (parse("constant:1 total:4"), math.nan)]:
        with pytest.raises(SpecError, match="cannot be scaled"):
            bad.stretched_to(total)


def test_cutting_one_overall_schedule_gives_the_p_f_rows():
    overall = halving(1e-1, 1e-5, 120)  # W, table 4: pruned at epoch 30, retrained from 1e-2
    assert overall.cut(30, 120) == parse("0:1e-2,30:1e-3,60:1e-4,75:1e-5 total:90")
    assert overall.cut(0, 45).then(overall.cut(45, 120)) == overall


def test_same_is_about_the_function_not_the_text():
    assert same(parse("linear:4->0 total:8"), parse("linear:4->2 total:4 | linear:2->0 total:4"))
    assert same(parse("0:1,33.3333333333:2 total:100"), parse("0:1,1:2 total:3 scaled-to:100"))
    assert not same(parse("constant:1 total:8"), parse("constant:1 total:9"))
    assert not same(parse("linear:4->0 total:8"), parse("cosine:4->0 total:8"))
    assert not same(parse("0:1,30:.1 total:90"), parse("0:1,31:.1 total:90"))
    assert not same(parse("constant:1 total:90"), parse("0:1,30:2,30.01:1 total:90"))  # shorter than any fixed grid
    assert same(empty(), parse("none"))
    assert not same(empty(), parse("constant:1 total:1"))


@given(any_schedule)
def test_text_reads_back_equal(schedule):
    assert parse(str(schedule)) == schedule
    assert str(parse(str(schedule))) == str(schedule)


@given(any_schedule, st.floats(0, 1))
def test_cut_and_join_is_the_identity(schedule, part):
    where = part * schedule.total
    head, tail = schedule.cut(0, where), schedule.cut(where, schedule.total)
    assert head.then(tail) == schedule
    assert parse(str(head)) == head
    assert head.total == pytest.approx(where, abs=1e-8)


@given(any_schedule, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_cut_has_the_rates_of_the_whole(schedule, a, b, inside):
    start, stop = sorted((round(a * schedule.total, 6), round(b * schedule.total, 6)))
    epoch = start + inside * (stop - start)
    if all(abs(epoch - end) > 1e-6 for end in schedule.ends) and epoch < stop <= schedule.total:
        assert schedule.cut(start, stop).at(epoch - start) == pytest.approx(schedule.at(epoch), rel=1e-6, abs=1e-6)


@given(any_schedule, any_schedule, any_schedule)
def test_joining_is_associative_and_adds_up(a, b, c):
    assert a.then(b).then(c) == a.then(b.then(c))
    assert a.then(b).total == pytest.approx(a.total + b.total, abs=1e-8)
    assert a.then(empty()) == empty().then(a) == a


@given(any_schedule, st.floats(0.05, 20), st.floats(0, 1))
def test_scaling_moves_breakpoints_along(schedule, factor, part):
    scaled = schedule.scaled(factor)
    epoch = part * schedule.total
    assert scaled.total == pytest.approx(schedule.total * factor, abs=1e-8)
    if all(abs(epoch - end) > 1e-6 for end in schedule.ends):
        assert scaled.at(epoch * factor) == pytest.approx(schedule.at(epoch), rel=1e-5, abs=1e-5)


@given(any_schedule)
def test_rates_stay_between_those_given(schedule):
    low = min(min(s.first, s.last) for s in schedule.segments)
    high = max(max(s.first, s.last) for s in schedule.segments)
    assert all(low - 1e-12 <= schedule.at(k * schedule.total / 50) <= high + 1e-12 for k in range(51))
