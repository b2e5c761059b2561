from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
import torch
from scipy.stats import t

from fairprune import stats
from fairprune.record import Metric
from fairprune.report import html, markdown
from fairprune.report.headline import headline
from fairprune.store import open_store
from fairprune.summary import Summary, correct_in, summarise
from fairprune.summary.cells import Scale, spread

METHODS = {"random-weight": ("weight", 3.0), "magnitude": ("weight", 0.5)}


def summary_of(made, drop=(), replace=None, **more) -> Summary:
    records = {key: record for key, record in made.records.items() if key not in drop} | (replace or {})
    return summarise(made.study, made.points, records, **more)


def cell_of(summary, method, amount, panel=0):
    return next(c for c in summary.panels[panel].cells if (c.method, c.amount) == (method, amount))


def points_of(made, method, value=None):
    return [
        p
        for p in made.points
        if p.labels["method"] == method and (value is None or (p.spec.target and p.spec.target.value == value))
    ]


def test_a_cell_has_mean_deviation_and_t_interval_in_percent(synthetic):
    made = synthetic(METHODS)
    cell = cell_of(summary_of(made), "magnitude", 4)
    values = [100 * made.records[p.id].metric("top1") for p in points_of(made, "magnitude", 4)]
    half = t.ppf(0.975, 2) * statistics.stdev(values) / math.sqrt(3)
    assert cell.endpoint.n == 3
    assert cell.endpoint.mean == pytest.approx(statistics.fmean(values))
    assert cell.endpoint.std == pytest.approx(statistics.stdev(values))
    assert (cell.endpoint.low, cell.endpoint.high) == pytest.approx(
        (cell.endpoint.mean - half, cell.endpoint.mean + half)
    )
    assert (cell.done, cell.expected, cell.bases) == (3, 3, 3)
    assert cell.compression.mean == pytest.approx(4)
    assert cell.pruned.mean == pytest.approx(95 - 3 * 0.5 * 2)
    assert [run.id for run in cell.runs] == [p.id for p in points_of(made, "magnitude", 4)]


def test_the_base_is_counted_once_per_base_and_the_dense_control_has_its_own_row(synthetic):
    made = synthetic(METHODS, seeds=[0, 1, 2], base_seeds=[0, 1])
    panel = summary_of(made).panels[0]
    assert panel.base.n == 2
    assert panel.base.mean == pytest.approx(100 * (0.946 + 0.95) / 2)
    assert panel.dense.method == "dense"
    assert (panel.dense.done, panel.dense.bases) == (6, 2)
    assert all(cell.method != "dense" for cell in panel.cells)


def test_states_are_counted_and_only_finished_runs_have_a_say(synthetic):
    made = synthetic(METHODS)
    failed, diverged, missing = (p.id for p in points_of(made, "magnitude", 2))
    replace = {
        failed: made.records[failed].model_copy(update={"status": "failed", "reason": "out of memory"}),
        diverged: made.records[diverged].model_copy(update={"status": "diverged", "reason": "NaN in epoch 2"}),
    }
    summary = summary_of(made, drop=[missing], replace=replace)
    cell = cell_of(summary, "magnitude", 2)
    assert cell.counts == {"failed": 1, "diverged": 1, "missing": 1}
    assert cell.endpoint is None
    assert cell.compression is None
    assert {run.reason for run in cell.runs} == {"out of memory", "NaN in epoch 2", ""}
    lost = next(c for c in summary.comparisons if (c.method, c.amount) == ("magnitude", 2))
    assert lost.verdict == "not estimable"
    assert "magnitude" in lost.reason
    assert summary.counts == {"done": len(made.points) - 3, "failed": 1, "diverged": 1, "missing": 1}


def test_a_done_run_without_the_endpoint_is_not_done(synthetic):
    made = synthetic(METHODS)
    first = points_of(made, "magnitude", 2)[0].id
    bare = made.records[first].model_copy(update={"metrics": ()})
    cell = cell_of(summary_of(made, replace={first: bare}), "magnitude", 2)
    assert cell.counts == {"failed": 1, "done": 2}
    assert cell.runs[0].reason == "no top1 on the test split in its record"


def test_contrasts_are_those_of_the_statistics_over_one_family(synthetic):
    made = synthetic(METHODS | {"gradient_weight": ("weight", 2.8)})
    summary = summary_of(made)
    tables = {
        str(value): {
            name: {
                (p.spec.base_seed, p.spec.run_seed): 100 * made.records[p.id].metric("top1")
                for p in points_of(made, name, value)
            }
            for name in ("random-weight", "magnitude", "gradient_weight")
        }
        for value in made.study.targets
    }
    expected = stats.families(tables, "random-weight")
    assert len(summary.comparisons) == 8
    for c in summary.comparisons:
        same = next(e for e in expected[str(c.amount)] if e.method == c.method)
        assert (c.difference, c.low, c.high) == pytest.approx((same.difference, same.low, same.high))
        assert (c.adjusted, c.verdict, c.control) == (pytest.approx(same.p_adjusted), same.verdict, "random-weight")
        assert c.detectable == pytest.approx(stats.detectable(same.std_error, same.df, family=8))
    assert {c.verdict for c in summary.comparisons} == {"better", "not separated"}


def test_each_method_meets_the_control_of_its_own_granularity(synthetic):
    methods = METHODS | {"random-channel": ("channel", 4.0), "l1_norm": ("channel", 1.0)}
    summary = summary_of(synthetic(methods))
    assert {(c.method, c.control) for c in summary.comparisons} == {
        ("magnitude", "random-weight"),
        ("l1_norm", "random-channel"),
    }


def test_a_granularity_without_a_control_is_not_estimable_and_the_others_are(synthetic):
    summary = summary_of(synthetic(METHODS | {"l1_norm": ("channel", 1.0)}))
    alone = [c for c in summary.comparisons if c.method == "l1_norm"]
    assert {(c.verdict, c.control) for c in alone} == {("not estimable", "")}
    assert {c.reason for c in alone} == {"the study has no control of this granularity"}
    assert any(c.verdict == "better" for c in summary.comparisons)


def test_the_dense_network_can_be_the_control(synthetic):
    summary = summary_of(synthetic(METHODS, control="dense"))
    assert {c.control for c in summary.comparisons} == {"dense"}
    assert {c.method for c in summary.comparisons} == {"magnitude", "random-weight"}
    assert "worse" in {c.verdict for c in summary.comparisons}


def test_a_lower_endpoint_turns_the_verdict_round(synthetic):
    made = synthetic(METHODS)
    turned = {
        key: record.model_copy(
            update={
                "metrics": tuple(m.model_copy(update={"direction": "lower", "unit": "nats"}) for m in record.metrics)
            }
        )
        for key, record in made.records.items()
    }
    summary = summary_of(made, replace=turned)
    assert summary.unit == "nats"
    assert cell_of(summary, "magnitude", 2).endpoint.mean < 1
    assert "worse" in {c.verdict for c in summary.comparisons}
    assert "better" not in {c.verdict for c in summary.comparisons}


def test_scratch_is_a_recipe_of_its_own_and_meets_finetuning_only_in_exploration(synthetic):
    recipes = {"finetune": {"schedule": "constant:0.01 total:5"}, "scratch-e": {"kind": "scratch-e"}}
    summary = summary_of(synthetic(METHODS, retraining=recipes))
    assert [(p.recipe, p.kind) for p in summary.panels] == [("finetune", "finetune"), ("scratch-e", "scratch-e")]
    assert summary.panels[1].dense is None
    assert not any(c.exploratory for c in summary.comparisons)
    assert all(c.exploratory for c in summary.exploratory)
    assert {(c.recipe, c.control) for c in summary.exploratory} == {("scratch-e", "finetune")}
    assert len(summary.exploratory) == len(METHODS) * 4


def test_shared_stages_are_charged_once(synthetic):
    made = synthetic(METHODS)
    summary = summary_of(made)
    runs = len(made.points)
    charged = {c.stage: (c.count, c.seconds, c.test_looks) for c in summary.charges}
    assert charged["pretrain"] == (3, 6.0, 0)
    assert charged["measure"] == (3 + runs, 2.0 * (3 + runs), 3 + runs)
    assert summary.test_looks == 3 + runs
    assert [(p.runs, "2 threads" in p.text) for p in summary.places] == [(runs, True)]
    assert summary.samples == {"test": 360, "validation": 144}


def test_latency_has_its_machine_and_no_samples(synthetic):
    made = synthetic(METHODS)
    first, second, third, *_ = points_of(made, "magnitude")
    latency = Metric(name="latency_b1", split="none", value=3.0, unit="ms", n=1000)
    where = {first.id: "a, cpu", second.id: "b, cpu", third.id: "a, cpu"}
    timed = {
        key: made.records[key].model_copy(update={"timed_on": place, "metrics": (*made.records[key].metrics, latency)})
        for key, place in where.items()
    }
    assert summary_of(made).timed == ()
    summary = summary_of(made, replace=timed)
    assert [(p.text, p.runs) for p in summary.timed] == [("a, cpu", 2), ("b, cpu", 1)]
    for page in (html.page(summary, timed, (), "run"), markdown.page(summary, (), "run")):
        assert "latency of 2 runs measured on a, cpu" in page
    assert summary.samples == {"test": 360, "validation": 144}


def test_what_was_measured_besides_has_its_mean_over_the_runs_that_have_it(synthetic):
    made = synthetic(METHODS, seeds=[0, 1, 2])
    runs = points_of(made, "magnitude", 4)
    extra = [Metric(name="jsv_mean", split="train", value=v, n=16, when=w) for v, w in ((3.0, "base"), (1.0, "pruned"))]
    extra.append(Metric(name="trainability", split="validation", value=0.5, unit="fraction", n=144))
    more = {runs[0].id: extra, runs[1].id: [extra[0].model_copy(update={"value": 5.0})]}
    records = {
        run_id: made.records[run_id].model_copy(update={"metrics": (*made.records[run_id].metrics, *metrics)})
        for run_id, metrics in more.items()
    }
    summary = summary_of(made, replace=records)
    found = {(m.name, m.when): (m.mean, m.n, m.unit) for m in cell_of(summary, "magnitude", 4).measured}
    assert found == {
        ("jsv_mean", "base"): (4.0, 2, ""),
        ("jsv_mean", "pruned"): (1.0, 1, ""),
        ("trainability", "final"): (0.5, 1, "fraction"),
    }
    assert cell_of(summary, "magnitude", 2).measured == ()
    assert "train" not in summary.samples


def test_an_empty_study_says_what_is_missing(synthetic):
    made = synthetic(METHODS)
    summary = summarise(made.study, made.points, {})
    assert summary.counts == {"missing": len(made.points)}
    assert summary.done == 0
    assert summary.panels[0].base is None
    assert {c.verdict for c in summary.comparisons} == {"not estimable"}
    assert summary.charges == ()


def test_single_seeds_have_no_interval_and_no_verdict(synthetic):
    summary = summary_of(synthetic(METHODS, seeds=[0]))
    cell = cell_of(summary, "magnitude", 2)
    assert (cell.endpoint.n, cell.endpoint.std, cell.endpoint.low) == (1, None, None)
    assert {c.verdict for c in summary.comparisons} == {"not estimable"}


def test_a_summary_survives_json(synthetic):
    summary = summary_of(synthetic(METHODS))
    assert Summary.model_validate_json(summary.model_dump_json()) == summary


def test_intervals_with_resampled_images_need_bits_that_fit_the_endpoint(synthetic):
    made = synthetic(METHODS)
    bits = {}
    for index, (key, record) in enumerate(made.records.items()):
        right = np.arange(360) < 300 + index % 5
        metrics = [
            m.model_copy(update={"value": float(right.mean())}) if (m.split, m.when) == ("test", "final") else m
            for m in record.metrics
        ]
        bits[key] = (record.model_copy(update={"metrics": tuple(metrics)}), right)
    records = {key: record for key, (record, _) in bits.items()}
    cells = summarise(made.study, made.points, records, correct=lambda r: bits[r.id][1]).panels[0].cells
    for cell in cells:
        expected = stats.resample({run.id: bits[run.id][1] for run in cell.runs})
        assert cell.resampled.mean == pytest.approx(cell.endpoint.mean)
        assert (cell.resampled.low, cell.resampled.high) == pytest.approx((100 * expected.low, 100 * expected.high))
    other = summarise(made.study, made.points, made.records, correct=lambda r: bits[r.id][1])
    assert all(cell.resampled is None for cell in other.panels[0].cells)


def test_bits_come_from_the_store(synthetic, tmp_path):
    store = open_store(tmp_path)
    right = np.arange(11) % 3 == 0
    blob = store.put_tensors({"correct": torch.from_numpy(np.packbits(right)), "n": torch.tensor(11)})
    record = next(iter(synthetic(METHODS).records.values()))
    correct = correct_in(store)
    assert correct(record.model_copy(update={"correct": blob})).tolist() == right.tolist()
    assert correct(record) is None
    assert correct(record.model_copy(update={"correct": "0" * 64})) is None


def test_recipes_are_corrected_together(synthetic):
    recipes = {name: {"schedule": f"constant:{name} total:5"} for name in ("0.01", "0.001")}
    made = synthetic(METHODS, retraining=recipes)
    summary = summary_of(made)
    assert [len(panel.comparisons) for panel in summary.panels] == [4, 4]
    assert {c.family for c in summary.comparisons} == {8}
    assert all({c.recipe for c in panel.comparisons} == {panel.recipe} for panel in summary.panels)
    smallest = min(summary.comparisons, key=lambda c: c.p)
    assert smallest.adjusted == pytest.approx(8 * smallest.p)
    alone = summary_of(synthetic(METHODS)).panels[0].comparisons
    assert {c.family for c in alone} == {4}


def test_a_difference_is_also_shown_with_the_sampling_of_test_images(synthetic):
    """Two methods that disagree about many images: separated over seeds, which agree, and not over other images."""
    made = synthetic(METHODS, targets=[2])
    rng = np.random.default_rng(0)
    right = {"magnitude": rng.random(360) < 0.62, "random-weight": rng.random(360) < 0.55, "dense": np.ones(360) > 0}
    bits, records = {}, {}
    for key, record in made.records.items():
        seed, method = record.spec.run_seed, record.labels["method"]
        bits[key] = right[method] ^ (np.arange(360) == seed)  # each seed turns one image
        metric = record.metrics[1].model_copy(update={"value": float(bits[key].mean())})
        assert (metric.split, metric.when) == ("test", "final")
        records[key] = record.model_copy(update={"metrics": (record.metrics[0], metric, *record.metrics[2:])})
    (c,) = summarise(made.study, made.points, records, correct=lambda r: bits[r.id]).comparisons
    own, other = (
        {p.spec.run_seed: bits[p.id] for p in points_of(made, method)} for method in ("magnitude", "random-weight")
    )
    error = 100 * stats.resample(own, other).image_error
    half = math.hypot((c.high - c.low) / 2, t.ppf(0.975, 359) * error)
    assert (c.image_low, c.image_high) == pytest.approx((c.difference - half, c.difference + half))
    disagreement = (right["magnitude"] != right["random-weight"]).mean()
    assert error == pytest.approx(100 * math.sqrt((disagreement - (c.difference / 100) ** 2) / 360), rel=0.1)
    assert (c.verdict, c.holds_on_other_images) == ("better", False)
    (without,) = summarise(made.study, made.points, records).comparisons
    assert (without.verdict, without.image_low, without.holds_on_other_images) == ("better", None, None)


def test_intervals_of_percentages_end_at_100_and_others_where_they_end():
    near = spread([99.9, 99.0, 100.0], Scale("top1", "higher", "%", 100.0), 0.95)
    assert near.high == 100.0
    assert near.low == pytest.approx(stats.describe([99.9, 99.0, 100.0], 0.95).low)
    assert spread([99.9, 99.0, 100.0], Scale("loss", "lower", "nats"), 0.95).high > 100


def test_scratch_without_a_control_declares_nothing_and_says_where_to_look(synthetic):
    recipes = {"finetune": {"schedule": "constant:0.01 total:5"}, "scratch-e": {"kind": "scratch-e"}}
    made = synthetic(METHODS, retraining=recipes)
    points = [p for p in made.points if p.spec.kind != "scratch" or p.labels["method"] == "magnitude"]
    summary = summarise(made.study, points, made.records)
    panel = summary.panels[1]
    assert {cell.method for cell in panel.cells} == {"magnitude"}
    assert panel.comparisons == ()
    assert {c.method for c in summary.exploratory} == {"magnitude"}
    said = next(said for said in headline(summary) if "scratch-e" in said.where)
    assert "exploratory comparison with retraining" in said.sentences[0]
