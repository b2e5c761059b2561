import pytest
import torch
from torch import nn

from fairprune.errors import NetworkError
from fairprune.networks.shaped import check_shaped


def test_lazy_parameters_have_no_shape_before_the_first_run():
    network = nn.Sequential(nn.Linear(3, 4), nn.LazyLinear(2))
    with pytest.raises(
        NetworkError, match=r"parameter '1.weight' of Sequential has no shape yet: run the network on an"
    ):
        check_shaped(network)
    network(torch.zeros(1, 3))
    check_shaped(network)
