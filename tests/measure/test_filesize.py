"""Sizes of files are those of files that are written."""

import gzip

import safetensors.torch
import torch
from torch import nn

from fairprune.measure.filesize import FileSize, file_size


def test_a_file_holds_parameters_and_buffers(tmp_path):
    net = nn.Sequential(nn.Linear(10, 7), nn.BatchNorm1d(7))
    found = file_size(net)
    values = 70 + 7 + 4 * 7
    assert found == FileSize(found.plain)
    header = found.plain - values * 4 - 8  # and num_batches_tracked, an int64
    assert 0 < header < 1000
    path = tmp_path / "x.safetensors"
    safetensors.torch.save_file(net.state_dict(), path, metadata={"header": "{}"})
    assert path.stat().st_size == found.plain


def test_masks_leave_the_file_as_it_is_unless_it_is_packed():
    torch.manual_seed(0)
    net = nn.Linear(100, 80, bias=False)
    mask = torch.zeros(80, 100, dtype=torch.bool)
    mask[:, :10] = True
    with torch.no_grad():
        net.weight *= mask
    found, bare = file_size(net, {"weight": mask}), file_size(net)
    assert found.plain == bare.plain > 32_000
    assert found.sparse - (80 * 100 // 8 + 800 * 4) in range(8, 400)  # a bit for each, four bytes for each that is kept
    assert found.gzipped < found.plain / 4
    packed = gzip.compress(safetensors.torch.save({"weight": net.weight.data}), 6)
    assert abs(found.gzipped - len(packed)) < 100


def test_tied_weights_are_written():
    net = nn.Sequential(nn.Linear(5, 5, bias=False), nn.Linear(5, 5, bias=False))
    net[1].weight = net[0].weight
    assert file_size(net).plain > 2 * 100
