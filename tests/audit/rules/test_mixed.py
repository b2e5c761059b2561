"""What all results of one place should share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fairprune.audit import Result

Make = Callable[..., Result]
Said = Callable[..., list[tuple[tuple[str, ...], str]]]

WHERE = "resnet56 on cifar10"


def test_the_odd_ones_out_are_named(make: Make, said: Said) -> None:
    runs = [
        make("a"),
        make("b", device="cuda"),
        make("c"),
        make("d", device=None),
        make("e", network="vgg16", device="tpu"),
    ]
    assert said("mixed-device", *runs) == [(("b",), f"{WHERE}: device: cpu (2), cuda (1)")]


@pytest.mark.parametrize(
    ("spares", "text"),
    [
        (["fc", "fc", ""], "fc (2), nothing (1)"),
        (["fc", "conv1 fc"], "conv1 fc (1), fc (1)"),
        (["fc", None], None),
        (["fc", "fc"], None),
    ],
)
def test_what_methods_spare(make: Make, said: Said, spares: list[str | None], text: str | None) -> None:
    runs = [make(f"{i}", spare=None if s is None else tuple(s.split())) for i, s in enumerate(spares)]
    found = [said for _, said in said("mixed-spare", *runs)]
    assert found == ([f"{WHERE}: spare: {text}"] if text else [])


def test_criteria_that_look_at_no_images_may_stand_beside_any(make: Make, said: Said) -> None:
    runs = [make("l1", calibration=0), make("taylor", calibration=512), make("snip", calibration=512)]
    assert said("mixed-calibration", *runs, make("paper", calibration=None)) == []
    found = said("mixed-calibration", *runs, make("hrank", calibration=1280))
    assert found == [(("hrank",), f"{WHERE}: calibration: 512 images (2), 1,280 images (1)")]


def test_no_tuning_is_a_budget_too(make: Make, said: Said) -> None:
    found = said("mixed-tuning", make("a", tuning_trials=0), make("b", tuning_trials=20), make("c"))
    assert found == [(("b",), f"{WHERE}: tuning_trials: 0 trials (1), 20 trials (1)")]
    assert said("mixed-tuning", make("a"), make("b", tuning_trials=20)) == []


def test_granularities(make: Make, said: Said) -> None:
    found = said("mixed-granularity", make("a"), make("b", granularity="weight"), make("c", granularity=None))
    assert found == [(("b",), f"{WHERE}: granularity: channel (1), weight (1)")]
