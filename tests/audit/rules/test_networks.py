"""Dense networks of one name: counted in two ways, or two networks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fairprune.audit import Result

Make = Callable[..., Result]
Said = Callable[..., list[tuple[tuple[str, ...], str]]]

RULES = ("other-network", "mixed-conventions")
WHERE = "resnet56 on cifar10"


@pytest.mark.parametrize(
    ("sizes", "rule"),
    [
        ((0.1255, 0.126), None),
        ((0.1255, 0.13), None),
        ((0.1255, None), None),
        ((0.1255, 0.0), None),
        ((0.1255, 0.251), "mixed-conventions"),
        ((0.25, 0.1255), "mixed-conventions"),
        ((0.1255, 0.25, 0.126), "mixed-conventions"),
        ((0.398, 0.511), "other-network"),
        ((0.371, 0.724, 1.5), "other-network"),  # AlexNet and CaffeNet in print
        ((1.0, 4.0), "other-network"),
    ],
)
def test_sizes_of_one_network(make: Make, said: Said, sizes: tuple[float | None, ...], rule: str | None) -> None:
    runs = [make(f"{i}", macs_g_base=size) for i, size in enumerate(sizes)]
    assert [name for name in RULES if said(name, *runs)] == ([rule] if rule else [])


def test_both_sizes_and_who_says_so(make: Make, said: Said) -> None:
    runs = [make("a", params_m_base=14.7), make("b", method="b", params_m_base=138.0), make("c", method="c")]
    text = f"{WHERE}: dense networks of other sizes go by one name: 14.7 M parameters (l1_norm), 138 M parameters (b)"
    assert said("other-network", *runs) == [(("a", "b"), text)]
    assert said("other-network", runs[0], make("d", network="vgg16", params_m_base=138.0)) == []
