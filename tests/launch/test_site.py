"""Sites open where the C library is another, too."""

import ctypes

import torch

from fairprune.execute.execution import Execution
from fairprune.launch.site import Site


def test_without_mallopt_a_workshop_opens_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    workshop = Site(tmp_path, execution=Execution(threads=1)).open()
    assert workshop.device == torch.device("cpu")
