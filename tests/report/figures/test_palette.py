from __future__ import annotations

import itertools

import numpy as np
import pytest

from fairprune.report.figures.palette import COLOURS, DARK, LIGHT, SHAPES

# What people see of linear RGB who lack one kind of cones: Machado, Oliveira and Fernandes 2009, table 1, severity 1.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def linear(colour):
    """sRGB as light, IEC 61966-2-1."""
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(light):
    """CIE L*a*b*, in which a distance of 2.3 can just be told."""
    ratio = XYZ @ np.clip(light, 0, 1) / WHITE
    root = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def distance(one, other, seen):
    return float(np.linalg.norm(lab(seen @ linear(one)) - lab(seen @ linear(other))))


def test_lab_is_that_of_the_standard():
    assert lab(linear("#ffffff")) == pytest.approx([100, 0, 0], abs=0.01)
    assert lab(linear("#ff0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.02)


def test_it_tells_colours_that_look_alike():
    """Red and green of one lightness, as a naive palette has them."""
    assert distance("#d62728", "#7a6a00", VISION["normal"]) > 40
    assert distance("#d62728", "#7a6a00", VISION["protanopia"]) < 25


@pytest.mark.parametrize("kind", VISION)
@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_stay_apart_for_everybody(colours, kind):
    series = [colours[str(index)] for index in range(COLOURS)]
    for one, other in itertools.combinations([*series, colours["ink"]], 2):
        assert distance(one, other, VISION[kind]) > 16, (one, other)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_marks_stand_out_from_the_paper(colours):
    """At least 3 to 1, as WCAG 2.1 asks of graphics (1.4.11), and 4.5 to 1 for text (1.4.3)."""
    luminance = {name: float(XYZ[1] @ linear(colour)) + 0.05 for name, colour in colours.items()}
    for name, value in luminance.items():
        contrast = max(value, luminance["paper"]) / min(value, luminance["paper"])
        least = 4.5 if name in ("ink", "soft") else 3 if name in map(str, range(COLOURS)) else 1
        assert contrast >= least, (name, contrast)


def test_neighbours_differ_in_shape_too():
    assert len(set(SHAPES)) == len(SHAPES) >= 7
