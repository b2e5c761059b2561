"""What is refused before any compute."""

import textwrap

import pytest
from safetensors.torch import save_file

from fairprune.errors import SpecError
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
