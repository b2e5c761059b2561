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
