import pytest

from fairprune.errors import SpecError
from fairprune.pruning.training.steps import Span, check_fraction, cosine, interval, span


def test_the_cubic_at_given_steps():
    steps = Span(begin=100, end=500, every=100)
    shares = [steps.cubic(step) for step in (0, 100, 200, 300, 400, 500, 900)]
    assert shares == [0, 0, 37 / 64, 7 / 8, 63 / 64, 1, 1]  # 1 - (3/4)^3, 1 - (1/2)^3, 1 - (1/4)^3


def test_masks_are_chosen_at_the_beginning_after_intervals_and_at_the_end():
    steps = Span(begin=2, end=9, every=3)
    assert [step for step in range(12) if steps.due(step)] == [2, 5, 8, 9]
    assert [step for step in range(12) if Span(4, 4, 1).due(step)] == [4]


def test_a_span_of_no_length_is_all_at_once():
    steps = span("m", 12, 0.0, 0.0, 100, 10)
    assert steps == Span(0, 0, 1)
    assert steps.cubic(0) == 1
    assert steps.due(0)


def test_fractions_become_steps_and_short_trainings_get_their_updates():
    assert span("m", 10_000, 0.1, 0.8, 100, 10) == Span(1000, 8000, 100)
    assert span("m", 100, 0.1, 0.8, 100, 10) == Span(10, 80, 7)
    assert span("m", 12, 0.0, 0.75, 100, 10) == Span(0, 9, 1)


def test_an_interval_does_not_fall_below_the_least_unless_asked():
    assert interval("m", 9, 100, 10, least=4) == 4
    assert interval("m", 9, 2, 10, least=4) == 2
    assert interval("m", 400, 100, 10, least=4) == 40


def test_the_cosine_at_given_steps():
    assert [cosine(step, 8) for step in (0, 4, 8, 9)] == pytest.approx([1, 0.5, 0, 0])
    assert cosine(2, 8) == pytest.approx((1 + 2**-0.5) / 2)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(SpecError, match=r"gradual: begin = 0.8 and end = 0.5, expected 0 <= begin <= end <= 1"):
        span("gradual", 12, 0.8, 0.5, 100, 10)
    with pytest.raises(SpecError, match="every = 0"):
        interval("rigl", 12, 0, 10)
    with pytest.raises(SpecError, match=r"set: zeta = 1.5, expected 0 to 1"):
        check_fraction("set", zeta=1.5)
