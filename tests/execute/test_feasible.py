"""What is refused before any compute."""

import textwrap

import pytest
from safetensors.torch import save_file

from fairprune.errors import FairpruneError, SpecError
from fairprune.execute.feasible import check_feasible
from fairprune.launch.session import Site, prepare
from fairprune.networks.build import build
from fairprune.spec import NetworkSpec
from fairprune.study import read_study

STUDY = """
    name = "published"
    targets = [2]
    seeds = [0]
    [task]
    data = "digits"
    network = "digits_cnn"
    [task.checkpoint]
    name = "base.safetensors"
    seen = "{}"
    [methods.magnitude]
    criterion = "magnitude"
    [retraining.finetune]
    schedule = "constant:1e-2 total:1"
"""


@pytest.fixture
def session(tmp_path):
    def session(seen):
        network = build(NetworkSpec(name="digits_cnn"), (1, 8, 8), 10, tmp_path)
        save_file(network.state_dict(), tmp_path / "base.safetensors")
        path = tmp_path / "study.toml"
        path.write_text(textwrap.dedent(STUDY.format(seen)))
        return prepare(read_study(path), Site(tmp_path / "store", folder=tmp_path))

    return session


def test_weights_that_saw_the_training_images_meet_no_test_split_drawn_from_them(session):
    """The digits have no test set of their own, so a fifth of the images is drawn although nobody asked for it."""
    found = session("train")
    with pytest.raises(
        SpecError, match=r"base\.safetensors has seen the training images, and the test split of digits"
    ):
        check_feasible(found.points, found.site.open())


def test_weights_that_saw_none_of_them_do(session):
    found = session("none")
    check_feasible(found.points, found.site.open())


TRAINED = """
    name = "trained"
    targets = [2]
    seeds = [0]
    [task]
    data = "digits"
    network = "digits_cnn"
    [task.pretrain]
    schedule = "constant:1e-2 total:1"
    [methods.magnitude]
    criterion = "magnitude"
    [retraining.finetune]
    schedule = "constant:1e-2 total:1"
"""


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["retraining.finetune.recipe={augment=['flop']}"], "method dense: .*flop"),
        (["retraining.finetune.recipe={augment=['pad-crop:-1']}"], "pad-crop"),
        (["task.objective=mine:nothing"], "nothing"),
        (["methods.magnitude.allocation=mine:nothing"], "method magnitude: .*nothing"),
        (["methods.magnitude.allocation=given", "methods.magnitude.ratios={conv1=0}"], "removes nothing"),
        (["methods.magnitude.allocation=given", "methods.magnitude.ratios={conv1=0.5}"], "out of reach"),
    ],
)
def test_what_would_fail_after_the_base_is_trained_is_refused_at_once(tmp_path, overrides, message):
    path = tmp_path / "study.toml"
    path.write_text(textwrap.dedent(TRAINED))
    (tmp_path / "mine.py").write_text("something = 1\n")
    found = prepare(read_study(path, overrides), Site(tmp_path / "store", folder=tmp_path))
    with pytest.raises(FairpruneError, match=message) as caught:
        check_feasible(found.points, found.open())
    assert "\n" not in str(caught.value)


MINE = """
    import fairprune as fp
    import torch
    from torch import nn

    def plain(classes, channels):
        return nn.Sequential(nn.Conv2d(channels, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Flatten(),
                             nn.Linear(128, classes))

    class Deep(nn.Module):
        def __init__(self, classes, channels):
            super().__init__()
            self.first = nn.Conv3d(channels, 4, 3)
            self.last = nn.Linear(4 * 36, classes)

        def forward(self, x):
            return self.last(torch.flatten(self.first(x.unsqueeze(2).expand(-1, -1, 3, -1, -1)), 1))

    def deep(classes, channels):
        return Deep(classes, channels)

    def ranked(scores, keep, minimum):
        from fairprune.pruning.allocation import global_
        return global_(scores, keep, minimum)

    @fp.criterion(scope="sequence", needs=("taps", "gradients"), granularities=("channel",), allocation="uniform")
    def greedy(context):
        return {}

    @fp.criterion(needs=("taps",), granularities=("channel",))
    def astray(context):
        return {}

    @fp.repair(needs=("gradients",), paper="test", granularities=("channel",))
    def by_gradient(context, remaining):
        return {}

    @fp.repair(needs=("taps",), paper="test", granularities=("weight", "channel"))
    def by_taps(context, remaining):
        return {}
"""
PLAIN, DEEP = (["targets=[1.05]", f"task.network=mine:{name}"] for name in ("plain", "deep"))


@pytest.mark.parametrize(
    ("method", "overrides", "message"),
    [
        (
            'criterion = "obs", options = {limit = 1e-3}',
            [],
            r"obs would take .* GB .* layer 'conv3' .* or spare layers",
        ),
        ('criterion = "magnitude", repair = "obs", repair_options = {limit = 1e-3}', [], "obs would take .*'conv3'"),
        ('criterion = "obs", options = {damp = 0}', [], "option 'damp' of obs is 0"),
        ('criterion = "bn_scale"', PLAIN, "'bn_scale' needs a batch norm .* layer '0', which has none: spare that"),
        ('training = "slimming", start = "init"', PLAIN, "layer '0', which has none: spare that layer"),
        ('training = "slimming", criterion = "l1_norm", start = "init"', PLAIN, "behind layer '0': spare that layer"),
        ('training = "sss", start = "init"', PLAIN, "Sequential has no residual blocks .*: prune channels"),
        ('criterion = "magnitude", granularity = "block"', PLAIN, "no residual blocks .*: prune channels or weights"),
        ('criterion = "hrank"', DEEP, "layer 'first' have 3: spare it"),
        (
            'criterion = "thinet", allocation = "mine:ranked"',
            [],
            r"'mine:ranked' compares scores .* \(uniform, given, like\)",
        ),
        ('criterion = "thinet", repair = "orthogonal"', [], r"'orthogonal' needs \[\]: layer after layer"),
        ('criterion = "mine:greedy"', [], "'greedy' cannot go group after group: .* no need but 'taps'"),
        ('criterion = "mine:astray"', [], "'astray' cannot go group after group: expected scope 'sequence'"),
        ('criterion = "thinet", repair = "mine:by_gradient"', [], r"'by_gradient' needs \['gradients'\]"),
        ('criterion = "magnitude", repair = "mine:by_taps"', [], "expected granularity 'channel', got 'weight'"),
        ('criterion = "l1_norm", steps = 3', [], "3 steps .* remove single weights, not channels: use rounds"),
        (
            'criterion = "snip", calibration = {samples = 5000}',
            [],
            "snip is to look at 5,000 .* at most that, .*samples =",
        ),
        (
            'criterion = "l1_norm", repair = "least_squares", calibration = {samples = 5000}',
            [],
            "least_squares is to look",
        ),
    ],
)
def test_a_method_that_cannot_work_on_the_network_is_refused_at_once(tmp_path, method, overrides, message):
    path = tmp_path / "study.toml"
    path.write_text(textwrap.dedent(TRAINED))
    (tmp_path / "mine.py").write_text(textwrap.dedent(MINE))
    study = read_study(path, [*overrides, f"methods.bad={{{method}}}"])
    found = prepare(study, Site(tmp_path / "store", folder=tmp_path))
    with pytest.raises(FairpruneError, match=f"method bad: .*{message}") as caught:
        check_feasible(found.points, found.open())
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "store").glob("stages/*"))
