"""Claims: one worker a stage, dead workers' claims are free."""

import json
import multiprocessing
import socket
import time

import pytest

from fairprune import claims
from fairprune.claims import Claims
from fairprune.errors import StoreError
from fairprune.objects import LocalObjects


@pytest.fixture
def objects(tmp_path):
    objects = LocalObjects(tmp_path)
    objects.prepare()
    return objects


def test_only_one_holds_a_claim_and_then_it_is_free(objects):
    with Claims(objects).hold("k") as mine:
        assert mine
        with Claims(objects).hold("k") as theirs:
            assert not theirs
        with Claims(objects).hold("other") as other:
            assert other
    with Claims(objects).hold("k") as again:
        assert again
    assert list(objects.names("claims/")) == []


def test_claim_is_let_go_when_the_work_breaks_off(objects):
    with pytest.raises(KeyboardInterrupt), Claims(objects).hold("k"):
        raise KeyboardInterrupt
    with Claims(objects).hold("k") as mine:
        assert mine


def _claim_and_die(root):
    Claims(LocalObjects(root))._take("k")


def test_claim_of_a_process_that_is_gone_is_taken_over(objects):
    process = multiprocessing.get_context("spawn").Process(target=_claim_and_die, args=(objects.root,))
    process.start()
    process.join()
    assert list(objects.names("claims/k/")) == ["claims/k/000000"]
    with Claims(objects).hold("k") as mine:
        assert mine


def test_claim_of_another_host_is_dead_only_after_a_silence(objects, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: clock[0])
    owner = {"host": socket.gethostname() + "-other", "pid": 1, "started": "1"}
    objects.put("claims/k/000000", json.dumps(owner).encode())
    mine = Claims(objects)
    assert mine._take("k") is None
    clock[0] += claims.DEAD_SECONDS - 1
    objects.put("claims/k/000000.beat/000000", b"")
    assert mine._take("k") is None
    clock[0] += claims.DEAD_SECONDS - 1
    assert mine._take("k") is None
    clock[0] += 2
    assert mine._take("k") == "claims/k/000001"


def test_a_disk_that_is_full_for_a_while_does_not_end_the_heartbeat(objects, monkeypatch):
    beats, put = [], objects.put

    def full_at_first(name, data):
        if ".beat" in name:
            beats.append(name)
            if len(beats) == 1:
                raise StoreError("no space left")
        return put(name, data)

    monkeypatch.setattr(claims, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(objects, "put", full_at_first)
    with Claims(objects).hold("k") as mine:
        assert mine
        end = time.monotonic() + 10
        while len(beats) < 3 and time.monotonic() < end:
            time.sleep(0.01)
    assert len(beats) >= 3
