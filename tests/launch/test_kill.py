"""kill -9 in the middle of a study, and the same command again: the same table as without."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

STUDY = """
    name = "killed"
    targets = [2]
    seeds = 1
    control = "random*"
    [task]
    data = "digits"
    network = "digits_cnn"
    [task.pretrain]
    schedule = "cosine:5e-2->1e-3 total:10"
    [methods.random]
    criterion = "random"
    [methods.magnitude]
    criterion = "magnitude"
    [retraining.finetune]
    schedule = "constant:1e-2 total:3"
"""

COMMAND = [sys.executable, "-c", "from fairprune.cli import main; main()"]


def fairprune(*arguments, **options):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*COMMAND, *map(str, arguments)], env=environment, stderr=subprocess.PIPE, **options)


def wait_for(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.01)


def table(study, store):
    done = fairprune("table", study, "--store", store, "--json", stdout=subprocess.PIPE)
    out, _ = done.communicate()
    summary = json.loads(out)
    return [summary["panels"], summary["exploratory"], summary["counts"]]


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_and_resumed_gives_the_same_table(tmp_path, jobs):
    study = tmp_path / "study.toml"
    study.write_text(textwrap.dedent(STUDY))
    killed, whole = tmp_path / "killed", tmp_path / "whole"

    process = fairprune("run", study, "--store", killed, "-j", jobs, "--threads", 1)
    wait_for(lambda: list((killed / "partial").glob("*.safetensors")) if killed.exists() else False, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not list((killed / "records").rglob("*.json"))

    again = fairprune("run", study, "--store", killed, "-j", jobs, "--threads", 1)
    wait_for(lambda: list((killed / "stages").glob("*.json")), again)
    again.send_signal(signal.SIGKILL)
    again.communicate()

    for store in (killed, whole):
        done = fairprune("run", study, "--store", store, "-j", jobs, "--threads", 1)
        _, err = done.communicate()
        assert done.returncode == 0, err
    assert table(study, killed) == table(study, whole)
    assert not list((killed / "partial").glob("*.safetensors"))


@pytest.mark.slow
def test_interrupted_by_the_keyboard_says_so_and_resumes(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text(textwrap.dedent(STUDY))
    store = tmp_path / "store"
    process = fairprune("run", study, "--store", store, "-j", 1)
    wait_for(lambda: list((store / "partial").glob("*.safetensors")) if store.exists() else False, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert b"the same command resumes" in err
    assert b"Traceback" not in err
    assert not list((store / "leases").rglob("0*"))
    done = fairprune("run", study, "--store", store, "-j", 1)
    done.communicate()
    assert done.returncode == 0
