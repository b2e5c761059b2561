import threading

import pytest
import torch

from fairprune.data.raw import Streamed
from fairprune.data.streamed import AHEAD, StreamedSplit


def streamed(read, n=100):
    labels = torch.arange(n)
    return StreamedSplit("train", "", labels, Streamed(read, labels, (1, 1, 1)), torch.arange(n).flip(0))


def pixel(i):
    return torch.full((1, 1, 1), i, dtype=torch.uint8)


def test_fetch_follows_the_index():
    assert streamed(pixel).fetch(torch.tensor([0, 98, 3])).flatten().tolist() == [99, 1, 96]


def test_batches_keep_their_order_and_are_read_a_few_ahead_only():
    read = []
    lock = threading.Lock()

    def slow(i):
        with lock:
            read.append(i)
        return pixel(i)

    stream = streamed(slow).stream(torch.arange(100).split(10))
    assert next(stream).flatten().tolist() == list(range(99, 89, -1))
    assert len(read) <= 10 * (1 + AHEAD)
    assert torch.cat(list(stream)).flatten().tolist() == list(range(89, -1, -1))


def test_a_stream_that_is_left_stops_its_threads():
    before = threading.active_count()
    stream = streamed(pixel).stream(torch.arange(100).split(10))
    next(stream)
    stream.close()
    assert threading.active_count() == before


def test_an_error_of_a_read_arrives_at_the_reader():
    def broken(i):
        if i == 50:
            raise OSError("gone")
        return pixel(i)

    with pytest.raises(OSError, match="gone"):
        list(streamed(broken).stream(torch.arange(100).split(10)))
