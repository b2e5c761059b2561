"""Ids, ties and classes."""

import numpy as np

from fairprune.pruning.granularity.flow import FIXED, Channels, Flow


def test_classes_are_what_ties_connect():
    channels = Channels()
    a, b, c = channels.fresh(3), channels.fresh(3), channels.fresh(2)
    channels.tie(a, b[::-1])
    channels.tie(b[:2], c)
    channels.lock(Flow(1, c[:1]))
    classes = channels.classes()
    assert classes[FIXED] == 0
    assert classes[a].tolist() == [1, 2, 0]
    assert classes[b].tolist() == [0, 2, 1]
    assert classes[c].tolist() == [0, 2]


def test_ties_may_repeat_any_number_of_times():
    channels = Channels()
    a, b = channels.fresh(1), channels.fresh(1)
    channels.tie(np.repeat(a, 512), np.repeat(b, 512))
    assert len(set(channels.classes()[[a[0], b[0]]])) == 1


def test_a_module_called_twice_has_one_side():
    channels = Channels()
    a, b, c = channels.fresh(2), channels.fresh(2), channels.fresh(2)
    assert channels.side("bn/out", a) is a
    assert channels.side("bn/out", b) is a
    classes = channels.classes()
    assert classes[a].tolist() == classes[b].tolist()
    channels.producers["conv"] = 0
    channels.sides["conv/out"] = c
    channels.keep_whole("conv")
    assert channels.classes()[c].tolist() == [0, 0]
    assert "conv/out" not in channels.sides
    assert not channels.producers
