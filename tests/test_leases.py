"""Leases: one worker a stage, dead workers' leases are free."""

import json
import multiprocessing
import socket
import time

import pytest

from fairprune import leases
from fairprune.errors import StoreError
from fairprune.leases import Leases
from fairprune.objects import LocalObjects


@pytest.fixture
def objects(tmp_path):
    objects = LocalObjects(tmp_path)
    objects.prepare()
    return objects


def test_only_one_holds_a_lease_and_then_it_is_free(objects):
    with Leases(objects).hold("k") as mine:
        assert mine
        with Leases(objects).hold("k") as theirs:
            assert not theirs
        with Leases(objects).hold("other") as other:
            assert other
    with Leases(objects).hold("k") as again:
        assert again
    assert list(objects.names("leases/")) == []


def test_lease_is_let_go_when_the_work_breaks_off(objects):
    with pytest.raises(KeyboardInterrupt), Leases(objects).hold("k"):
        raise KeyboardInterrupt
    with Leases(objects).hold("k") as mine:
        assert mine


def _lease_and_die(root):
    Leases(LocalObjects(root))._take("k")


def test_lease_of_a_process_that_is_gone_is_taken_over(objects):
    process = multiprocessing.get_context("spawn").Process(target=_lease_and_die, args=(objects.root,))
    process.start()
    process.join()
    assert list(objects.names("leases/k/")) == ["leases/k/000000"]
    with Leases(objects).hold("k") as mine:
        assert mine


def test_lease_of_another_host_is_dead_only_after_a_silence(objects, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: clock[0])
    owner = {"host": socket.gethostname() + "-other", "pid": 1, "started": "1"}
    objects.put("leases/k/000000", json.dumps(owner).encode())
    mine = Leases(objects)
    assert mine._take("k") is None
    clock[0] += leases.DEAD_SECONDS - 1
    objects.put("leases/k/000000.beat/000000", b"")
    assert mine._take("k") is None
    clock[0] += leases.DEAD_SECONDS - 1
    assert mine._take("k") is None
    clock[0] += 2
    assert mine._take("k") == "leases/k/000001"


def test_a_disk_that_is_full_for_a_while_does_not_end_the_heartbeat(objects, monkeypatch):
    beats, put = [], objects.put

    def full_at_first(name, data):
        if ".beat" in name:
            beats.append(name)
            if len(beats) == 1:
                raise StoreError("no space left")
        return put(name, data)

    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(objects, "put", full_at_first)
    with Leases(objects).hold("k") as mine:
        assert mine
        end = time.monotonic() + 10
        while len(beats) < 3 and time.monotonic() < end:
            time.sleep(0.01)
    assert len(beats) >= 3
