"""Statistics against hand-computed values, scipy and quadrature as oracles, and simulated studies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from fairprune.errors import SpecError
from fairprune.stats import (
    Contrast,
    binomial_error,
    contrasts,
    critical_value,
    describe,
    detectable,
    equivalence,
    families,
    resample,
    widened,
)
from fairprune.stats.contrasts import holm
from fairprune.stats.student import above, quantile

# Means 12, 14, 12; seed means 10, 38/3, 46/3. The residuals' squares add up to 16/3 on (3 - 1)(3 - 1) = 4 degrees of
# freedom: variance 4/3, and a difference of two means of 3 has the standard error sqrt(2 * 4/3 / 3) = sqrt(8/9).
TABLE = {
    "l1": {1: 10, 2: 12, 3: 14},
    "a": {1: 11, 2: 15, 3: 16},
    "b": {1: 9, 2: 11, 3: 16},
}


def equicorrelated(k: int, rho: float = 0.5) -> np.ndarray:
    return np.full((k, k), rho) + (1 - rho) * np.eye(k)


def studies(rng, count, methods, seeds, effects=0.0):
    """`count` simulated tables: values [count, methods, seeds] with seed effects larger than the noise."""
    return (
        rng.normal(size=(count, 1, seeds)) * 3 + rng.normal(size=(count, methods, seeds)) + np.reshape(effects, (-1, 1))
    )


def as_table(values):
    return {f"m{i}": dict(enumerate(row)) for i, row in enumerate(values.tolist())}


class TestDescribe:
    def test_by_hand(self):
        found = describe([0.7, 0.8, 0.9])
        assert (found.n, found.mean, found.std) == (3, pytest.approx(0.8), pytest.approx(0.1))
        half = 4.302653 * 0.1 / math.sqrt(3)  # Student's quantile for 2 degrees of freedom
        assert (found.low, found.high) == (pytest.approx(0.8 - half), pytest.approx(0.8 + half))
        assert found.high - found.mean == pytest.approx(2.484 * found.std, rel=1e-4)  # the +-2.5 of the protocol

    def test_one_value_has_no_interval(self):
        found = describe([3], level=0.9)
        assert (found.n, found.mean, found.std, found.low, found.high, found.level) == (1, 3, None, None, None, 0.9)

    @pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
    def test_refuses(self, values):
        with pytest.raises(ValueError, match="all finite"):
            describe(values)

    @given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8), st.floats(0.5, 0.99))
    def test_against_scipy(self, values, level):
        found, error = describe(values, level), stats.sem(values)
        half = error * stats.t(len(values) - 1).ppf(0.5 + level / 2)
        assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
        assert found.high - found.low == pytest.approx(2 * half, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("df", [1, 2, 5, 30, 10**6])
def test_student_against_scipy(df):
    for p in (0.5, 0.9, 0.975, 1 - 1e-6):
        assert quantile(p, df) == pytest.approx(stats.t(df).ppf(p), rel=1e-9, abs=1e-12)
    for t in (-3.0, 0.0, 2.5, 40.0):
        assert above(t, df) == pytest.approx(stats.t(df).sf(t), rel=1e-9, abs=1e-300)


def test_binomial_error():
    assert binomial_error(0.9, 10_000) == pytest.approx(0.003)
    assert binomial_error(1, 10) == 0
    for p, n in [(1.1, 10), (-0.1, 10), (0.5, 0)]:
        with pytest.raises(ValueError, match="proportion"):
            binomial_error(p, n)


class TestCriticalValue:
    def test_one_statistic_is_student(self):
        assert critical_value(np.eye(1), 4) == pytest.approx(2.776445, abs=1e-6)

    @pytest.mark.parametrize(
        ("k", "df", "level", "table"),  # Dunnett (1964), two-sided, equal groups, as in textbooks
        [(2, 10, 0.95, 2.57), (4, 20, 0.95, 2.65), (9, 30, 0.95, 2.86), (2, 5, 0.95, 3.03), (4, 20, 0.99, 3.40)],
    )
    def test_against_the_published_tables(self, k, df, level, table):
        assert critical_value(equicorrelated(k), df, level) == pytest.approx(table, abs=0.011)

    @pytest.mark.parametrize(("k", "rho", "df"), [(2, 0.5, 4), (5, 0.5, 10), (12, 0.5, 24), (6, 0.2, 3), (24, 0.5, 48)])
    def test_against_quadrature(self, k, rho, df):
        """Equal correlations: T_i = (sqrt(rho) Z0 + sqrt(1 - rho) Z_i) / s, so P is a double integral."""
        c = critical_value(equicorrelated(k, rho), df)
        z, s = np.linspace(-8, 8, 401), np.linspace(1e-4, 5, 801)[:, None]
        upper, lower = ((sign * c * s - math.sqrt(rho) * z) / math.sqrt(1 - rho) for sign in (1, -1))
        inner = (stats.norm.cdf(upper) - stats.norm.cdf(lower)) ** k * stats.norm.pdf(z)
        density = stats.chi(df).pdf(s[:, 0] * math.sqrt(df)) * math.sqrt(df)
        reached = integrate.simpson(integrate.simpson(inner, x=z, axis=1) * density, x=s[:, 0])
        assert reached == pytest.approx(0.95, abs=1.5e-4)

    def test_general_correlations_against_simulation(self):
        root = np.random.default_rng(1).normal(size=(4, 4))
        scale = np.sqrt(np.diag(root @ root.T))
        correlation = root @ root.T / np.outer(scale, scale)
        c = critical_value(correlation, 6)
        rng = np.random.default_rng(2)
        draws = rng.multivariate_normal(np.zeros(4), correlation, 200_000) / np.sqrt(rng.chisquare(6, (200_000, 1)) / 6)
        assert np.mean(np.abs(draws).max(axis=1) <= c) == pytest.approx(0.95, abs=0.002)

    def test_lies_between_student_and_bonferroni(self):
        values = [critical_value(equicorrelated(6, rho), 8) for rho in (0.999, 0.5, 0.0)]
        assert stats.t(8).ppf(0.975) < values[0] < values[1] < values[2] < stats.t(8).ppf(1 - 0.025 / 6)


class TestHolm:
    def test_by_hand(self):
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
        assert holm([0.9, 0.6]) == [1.0, 1.0]
        assert holm([]) == []

    @given(st.lists(st.floats(0, 1), max_size=8))
    def test_keeps_order_and_lies_between_raw_and_bonferroni(self, p):
        adjusted = holm(p)
        assert all(raw <= a <= min(1, len(p) * raw) + 1e-12 for raw, a in zip(p, adjusted, strict=True))
        assert [a for _, a in sorted(zip(p, adjusted, strict=True))] == sorted(adjusted)


class TestContrasts:
    def test_by_hand(self):
        a, b = contrasts(TABLE, "l1")
        assert (a.method, b.method, a.control, a.pairs, a.df, a.family) == ("a", "b", "l1", 3, 4, 2)
        assert (a.difference, b.difference) == (pytest.approx(2), pytest.approx(0, abs=1e-12))
        assert [a.std_error, b.std_error] == pytest.approx([math.sqrt(8 / 9)] * 2)
        assert a.p == pytest.approx(0.1012, abs=1e-4)  # 2 P(T4 > 2.1213)
        assert a.p_adjusted == pytest.approx(2 * a.p)
        # two-sided Dunnett value for 2 contrasts on 4 degrees of freedom: 3.31
        assert a.high == pytest.approx(2 + critical_value(equicorrelated(2), 4) * math.sqrt(8 / 9))
        assert critical_value(equicorrelated(2), 4) == pytest.approx(3.31, abs=0.01)
        assert {a.verdict, b.verdict} == {"not separated"}

    def test_verdicts_follow_the_direction(self):
        noise = np.random.default_rng(0).normal(size=(3, 5))
        table = as_table(noise + np.array([[0], [50], [-50]]))
        assert [c.verdict for c in contrasts(table, "m0")] == ["better", "worse"]
        assert [c.verdict for c in contrasts(table, "m0", higher_is_better=False)] == ["worse", "better"]

    @given(
        st.lists(st.floats(-5, 5), min_size=3, max_size=6),
        st.lists(st.floats(-5, 5), min_size=6, max_size=6),
    )
    def test_two_methods_are_the_paired_t_test(self, ours, control):
        """A seed that only one of two methods completed adds nothing."""
        differences = np.subtract(ours, control[: len(ours)])
        table = {"l1": dict(enumerate(control)), "a": dict(enumerate(ours))}
        (found,) = contrasts(table, "l1")
        assert (found.pairs, found.difference) == (len(ours), pytest.approx(differences.mean(), abs=1e-9))
        if np.ptp(differences) > 1e-6:
            expected = stats.ttest_1samp(differences, 0)
            assert (found.df, found.p) == (len(ours) - 1, pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12))
            interval = expected.confidence_interval()
            assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))

    def test_an_incomplete_table_against_full_rank_regression(self):
        rng = np.random.default_rng(3)
        values, holes = rng.normal(size=(4, 5)), {(1, 0), (2, 3), (2, 4), (0, 2), (3, 1)}
        cells = [(m, s) for m in range(4) for s in range(5) if (m, s) not in holes]
        table = {f"m{m}": {s: values[m, s] for mm, s in cells if mm == m} for m in range(4)}
        design = np.array([[1.0, *(m == k for k in (1, 2, 3)), *(s == k for k in (1, 2, 3, 4))] for m, s in cells])
        y = np.array([values[cell] for cell in cells])
        normal = np.linalg.inv(design.T @ design)
        beta = normal @ design.T @ y
        variance = ((y - design @ beta) ** 2).sum() / (15 - 8)
        found = contrasts(table, "m0")
        assert [c.difference for c in found] == pytest.approx(beta[1:4].tolist())
        assert [c.std_error for c in found] == pytest.approx(np.sqrt(variance * np.diag(normal)[1:4]).tolist())
        assert {c.df for c in found} == {7}
        assert [c.pairs for c in found] == [3, 2, 3]

    def test_a_seed_in_common_with_another_method_is_a_link(self):
        table = {"l1": {1: 1.0, 2: 2.5, 3: 3.0}, "a": {4: 5.0}, "b": {1: 2.0, 2: 3.0, 3: 5.0, 4: 7.0}}
        a = contrasts(table, "l1")[0]
        # a - b on seed 4 is -2, b - l1 on seeds 1, 2, 3 is 7/6 on average
        assert (a.pairs, a.difference) == (0, pytest.approx(7 / 6 - 2))

    @given(st.integers(0, 2**32 - 1), st.floats(-100, 100), st.floats(0.1, 10))
    def test_blind_to_seed_effects_and_to_scale(self, state, shift, scale):
        values = np.random.default_rng(state).normal(size=(3, 4))
        moved = (values + np.array([shift, 0, 0, -shift])) * scale
        for c, d in zip(contrasts(as_table(values), "m0"), contrasts(as_table(moved), "m0"), strict=True):
            assert d.difference == pytest.approx(c.difference * scale, rel=1e-6, abs=1e-8)
            assert d.std_error == pytest.approx(c.std_error * scale, rel=1e-6)
            assert d.p_adjusted == pytest.approx(c.p_adjusted, rel=1e-4, abs=1e-9)

    @pytest.mark.parametrize(
        ("table", "difference", "reason"),
        [
            ({"l1": {1: 1.0}, "a": {1: 3.0}}, 2.0, "too few seeds"),
            ({"l1": {1: 1.0, 2: 2.0}, "a": {1: 3.0, 2: 4.0}}, 2.0, "no variance"),
            ({"l1": {1: 0.1, 2: 0.3}, "a": {1: 0.2, 2: 0.4}}, 0.1, "no variance"),
            ({"l1": {1: 1.0, 2: 2.0}, "a": {}}, None, "'a' has no result"),
            ({"l1": {}, "a": {1: 3.0}}, None, "'l1' has no result"),
            ({"l1": {1: 1.0, 2: 2.0}, "a": {3: 3.0, 4: 9.0}}, None, "no seed links 'a' and 'l1'"),
        ],
    )
    def test_what_cannot_be_estimated_says_why(self, table, difference, reason):
        (found,) = contrasts(table, "l1")
        assert (found.verdict, found.p, found.low, found.std_error) == ("not estimable", None, None, None)
        assert found.difference == (None if difference is None else pytest.approx(difference))
        assert reason in found.reason

    def test_one_method_without_results_does_not_harm_the_others(self):
        kept = [c for c in contrasts({**TABLE, "c": {}}, "l1") if c.method != "c"]
        assert kept == contrasts(TABLE, "l1")

    def test_refuses(self):
        with pytest.raises(SpecError, match="did you mean 'l1'"):
            contrasts(TABLE, "l2")
        with pytest.raises(ValueError, match="method 'a', seed 1"):
            contrasts({**TABLE, "a": {1: math.nan}}, "l1")

    def test_several_targets_are_one_family(self):
        other = {m: {s: 2 * y for s, y in row.items()} for m, row in TABLE.items()}
        both, alone = families({"2x": TABLE, "4x": other}, "l1"), contrasts(TABLE, "l1")
        first = both["2x"][0]
        assert (first.family, first.level) == (4, 0.95)
        assert first.p == alone[0].p
        assert first.p_adjusted == pytest.approx(4 * first.p)
        assert first.high == pytest.approx(2 + critical_value(equicorrelated(2), 4, 0.975) * math.sqrt(8 / 9))
        gone = families({"2x": TABLE, "4x": {"l1": {}, "a": {1: 1.0}}}, "l1")
        assert gone["2x"] == alone
        assert gone["4x"][0].verdict == "not estimable"


class TestCalibration:
    @pytest.mark.parametrize(("df", "family"), [(2, 1), (4, 1), (12, 6)])
    def test_the_detectable_difference_is_found_in_80_percent(self, df, family):
        rng, difference = np.random.default_rng(4), detectable(0.7, df, family=family)
        errors = 0.7 * np.sqrt(rng.chisquare(df, 100_000) / df)
        t = (difference + 0.7 * rng.normal(size=100_000)) / errors
        critical = stats.t(df).ppf(1 - 0.025 / family)
        assert np.mean(np.abs(t) > critical) == pytest.approx(0.8, abs=0.005)


class TestEquivalence:
    def test_by_hand(self):
        # mean 0.1, standard error 0.1 / sqrt(3) on 2 degrees of freedom: T = (0.1 - 0.5) / 0.057735 = -6.9282
        found = equivalence([0.0, 0.1, 0.2], margin=0.5)
        assert found.p == pytest.approx(0.010102, abs=1e-6)  # P(T2 <= -t) = (1 - t / sqrt(2 + t^2)) / 2
        assert found.equivalent is True
        assert equivalence([0.0, 0.1, 0.2], margin=0.2).equivalent is False

    def test_of_a_contrast_is_the_interval_inside_the_margin(self):
        a, _ = contrasts(TABLE, "l1")
        half = stats.t(4).ppf(0.95) * a.std_error  # two one-sided 5 % tests are the 90 % interval
        assert equivalence(a, 2 + half + 1e-6).equivalent is True
        assert equivalence(a, 2 + half - 1e-6).equivalent is False

    def test_no_claim_without_a_standard_error(self):
        assert equivalence([0.1], 0.5).equivalent is None
        assert equivalence([0.1, 0.1], 0.5).p is None
        assert equivalence(Contrast("a", "l1", 0.95, 0), 0.5).equivalent is None
        with pytest.raises(ValueError, match="margin > 0"):
            equivalence([0.1, 0.2], 0)


class TestDetectable:
    def test_many_degrees_of_freedom_are_the_normal_case(self):
        # z[.975] + z[.8] = 1.959964 + 0.841621
        assert detectable(2.0, 10**6) == pytest.approx(2 * 2.801585, rel=1e-4)

    def test_grows_with_the_family_and_falls_with_seeds(self):
        assert detectable(1, 4) < detectable(1, 4, family=5)
        assert detectable(1, 4) < detectable(1, 2)
        assert detectable(3, 4) == pytest.approx(3 * detectable(1, 4))

    def test_refuses(self):
        for error, df, power in [(0, 4, 0.8), (1, 0, 0.8), (1, 4, 0.01), (1, 4, 1)]:
            with pytest.raises(ValueError, match="expected an error > 0"):
                detectable(error, df, power=power)


def networks(rng, seeds, images, seed_std, image_std, at=0.8):
    """Correct bits [seeds, images]: probit of image difficulty + quality of the network + noise of variance 1."""
    score = at + seed_std * rng.normal(size=(seeds, 1)) + image_std * rng.normal(size=images)
    return score + rng.normal(size=(seeds, images)) > 0


class TestResample:
    def test_errors_against_their_closed_forms(self):
        bits = networks(np.random.default_rng(0), 5, 800, 0.2, 1.0)
        found = resample(dict(enumerate(bits)))
        assert found.estimate == pytest.approx(bits.mean())
        assert found.seed_error == pytest.approx(bits.mean(axis=1).std(ddof=1) / math.sqrt(5))
        assert found.image_error == pytest.approx(bits.mean(axis=0).std() / math.sqrt(800))
        assert (found.seeds, found.images) == (5, 800)

    def test_one_network_has_the_binomial_error(self):
        bits = np.arange(1000) % 10 != 0
        found = resample({7: bits})
        assert (found.estimate, found.seed_error) == (pytest.approx(0.9), None)
        assert found.image_error == pytest.approx(binomial_error(0.9, 1000))

    def test_a_difference_is_paired_by_seed_and_image(self):
        rng = np.random.default_rng(1)
        control = {s: networks(rng, 1, 2000, 0, 0)[0] for s in range(4)}
        ours = {s: row | (np.arange(2000) < 100) for s, row in control.items() if s < 3}  # right on 100 images more
        found = resample(ours, control)
        per_seed = [(ours[s].mean() - control[s].mean()) for s in range(3)]
        assert found.seeds == 3
        assert found.estimate == pytest.approx(np.mean(per_seed))
        assert found.low > 0
        unpaired = resample({s: rng.permutation(row) for s, row in ours.items()}, control)
        assert unpaired.image_error > 3 * found.image_error

    def test_equal_networks_differ_by_nothing(self):
        bits = dict(enumerate(networks(np.random.default_rng(2), 3, 100, 0.1, 1)))
        found = resample(bits, bits)
        assert (found.estimate, found.low, found.high) == (0, 0, 0)

    def test_the_order_of_images_does_not_matter(self):
        bits = networks(np.random.default_rng(3), 3, 300, 0.1, 1)
        order = np.random.default_rng(4).permutation(300)
        assert resample(dict(enumerate(bits))) == resample(dict(enumerate(bits[:, order])))

    @pytest.mark.parametrize("paired", [False, True])
    def test_the_interval_agrees_with_drawing(self, paired):
        """4,000 draws of seeds and of images, and the residuals of every cell, beside the sums."""
        rng, seeds, images = np.random.default_rng(7), 4, 60
        ours, control = (networks(rng, seeds, images, 0.2, 0.7) for _ in range(2))
        cells = ours.astype(int) - (control if paired else 0)
        found = resample(dict(enumerate(ours)), dict(enumerate(control)) if paired else None)
        by_seed, by_image = cells.mean(axis=1), cells.mean(axis=0)
        drawn = [by_image[rng.integers(images, size=images)].mean() for _ in range(4000)]
        assert found.image_error == pytest.approx(np.std(drawn), rel=0.05)
        drawn = [by_seed[rng.integers(seeds, size=seeds - 1)].mean() for _ in range(4000)]
        assert found.seed_error == pytest.approx(np.std(drawn), rel=0.05)
        residual = cells - by_seed[:, None] - by_image + cells.mean()
        both = (residual**2).sum() / ((seeds - 1) * (images - 1)) / cells.size
        own = quantile(0.975, images - 1) * math.sqrt(max(found.image_error**2 - both, 0))
        half = math.hypot(quantile(0.975, seeds - 1) * found.seed_error, own)
        assert (found.low, found.high) == pytest.approx((cells.mean() - half, cells.mean() + half))

    def test_refuses(self):
        bits = np.ones(4, dtype=bool)
        for correct, control, message in [
            ({}, None, "no seeds"),
            ({1: bits}, {2: bits}, "no seed in common"),
            ({1: bits, 2: bits[:3]}, None, "same images"),
            ({1: bits[:0]}, None, "same images"),
        ]:
            with pytest.raises(ValueError, match=message):
                resample(correct, control)

    @pytest.mark.parametrize(
        ("seeds", "seed_std", "image_std"), [(3, 0.3, 1.0), (3, 0.03, 1.0), (3, 0.0, 0.0), (8, 0.2, 2.0), (2, 0.3, 0.5)]
    )
    def test_coverage_over_new_seeds_and_new_images(self, seeds, seed_std, image_std):
        rng = np.random.default_rng(5)
        truth = stats.norm.cdf(0.8 / math.sqrt(1 + seed_std**2 + image_std**2))
        covered = []
        for _ in range(500):
            found = resample(dict(enumerate(networks(rng, seeds, 300, seed_std, image_std))))
            covered.append(found.low <= truth <= found.high)
        assert 0.925 <= np.mean(covered) <= 0.995

    def test_coverage_of_a_paired_difference(self):
        rng, covered = np.random.default_rng(6), []
        truth = stats.norm.cdf(0.9 / math.sqrt(2.05)) - stats.norm.cdf(0.8 / math.sqrt(2.05))
        for _ in range(500):
            shared = 0.2 * rng.normal(size=(3, 1)) + rng.normal(size=300)
            ours, control = (
                dict(enumerate(shared + at + 0.1 * rng.normal(size=(3, 1)) + rng.normal(size=(3, 300)) > 0))
                for at in (0.9, 0.8)
            )
            found = resample(ours, control)
            covered.append(found.low <= truth <= found.high)
        assert 0.925 <= np.mean(covered) <= 0.995


def test_an_interval_widened_for_images_adds_errors_in_squares():
    low, high = widened(1.0, 7.0, 2.0, 10**9, 0.95, 1)
    assert (low + high) / 2 == pytest.approx(4)
    assert (high - low) / 2 == pytest.approx(math.hypot(3, 1.959964 * 2), rel=1e-5)
    assert widened(1.0, 7.0, 0.0, 100, 0.95, 5) == pytest.approx((1, 7))
    _, corrected = widened(1.0, 7.0, 2.0, 10**9, 0.95, 5)
    assert corrected - 4 == pytest.approx(math.hypot(3, 2.575829 * 2), rel=1e-5)  # 99 %
