"""What is shown while a study runs: which stages, how much is shared, how long it will take."""

import io

import pytest
from rich.console import Console

from fairprune.cli import progress
from fairprune.cli.pace import Pace
from fairprune.cli.progress import PLAIN_SECONDS, Board
from fairprune.launch.worker import Event


def test_the_time_left_is_by_images_trained_on():
    pace = Pace({"base": 1000, "a": 500, "b": 500, "measure": 0})
    assert pace.seconds_left(100) is None
    pace.start("base", 100)
    assert pace.seconds_left(104) is None  # no epoch is over
    pace.epoch("base", 1, 4)
    assert pace.seconds_left(110) == pytest.approx(70)  # 250 images in 10 s, 1,750 to go
    pace.epoch("base", 2, 4)
    pace.epoch("base", 4, 4)
    pace.settle("base")
    pace.start("measure", 140)
    pace.settle("measure")
    assert pace.seconds_left(150) == pytest.approx(50)
    pace.settle("a")  # computed elsewhere
    assert pace.seconds_left(150) == pytest.approx(25)
    pace.start("b", 150)
    pace.settle("b")
    assert pace.seconds_left(160) == 0


def test_epochs_saved_by_an_earlier_run_tell_nothing_of_the_speed():
    pace = Pace({"a": 1000})
    pace.start("a", 0)
    pace.epoch("a", 9, 10)  # the first of this run: eight were there
    assert pace.seconds_left(10) == pytest.approx(10)
    pace.settle("a")
    assert pace.seconds_left(20) == 0


def test_a_part_of_an_epoch_is_work_done():
    pace = Pace({"a": 100, "b": 100})
    pace.start("a", 0)
    pace.epoch("a", 0.5, 0.5)
    pace.settle("a")
    assert pace.seconds_left(10) == pytest.approx(10)


def test_where_nothing_trains_stages_are_counted():
    pace = Pace({"a": 0, "b": 0, "c": 0})
    pace.start("a", 0)
    pace.settle("a")
    assert pace.seconds_left(4) == pytest.approx(8)
    assert Pace({}).seconds_left(0) is None


@pytest.fixture
def board(monkeypatch, capsys):
    """A board where there is no terminal, a clock that is set by hand, and what was said so far."""
    clock = {"now": 0.0}
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock["now"])
    names = {"p": "pretrain seed 0, for 2 runs", "r": "retrain [bold]lamp seed 0", "m": "measure"}
    with Board(names, {"p": 100, "r": 100, "m": 0}, 5, quiet=False) as made:
        yield made, clock, lambda: capsys.readouterr().err


def test_plain_lines_name_stages_and_the_time_left(board):
    made, clock, said = board
    made.hear(Event("done", "m", "measure"))  # it was in the store
    assert said() == ""
    made.hear(Event("start", "p", "pretrain"))
    assert said() == "3 stages, which runs share: 5 if each run computed its own\n"
    clock["now"] = PLAIN_SECONDS + 1
    made.hear(Event("epoch", "p", "pretrain", 1, 2))
    assert said() == "1/3 stages done, 0.5 min, about 93 s left; now: pretrain seed 0, for 2 runs\n".replace(
        "93 s", "2 min"
    )
    made.hear(Event("done", "p", "pretrain"))
    made.hear(Event("done", "p", "pretrain"))  # another worker says so too
    made.hear(Event("start", "r", "retrain"))
    assert said() == ""
    clock["now"] = 2 * PLAIN_SECONDS + 2
    made.hear(Event("failed", "r", "retrain", note="loss is nan"))
    assert said() == "failed: loss is nan\n3/3 stages done, 1.0 min, about 0 s left\n"


def test_failures_are_told_once_and_how_to_try_again(board, tmp_path):
    made, _, said = board
    made.hear(Event("failed", "r", "retrain", note="loss is nan"))
    made.hear(Event("failed", "m", "measure", note="loss is nan"))
    assert said().count("loss is nan") == 1
    made.summary("tiny", 2, {"done": 1, "failed": 1, "missing": 0}, tmp_path)
    text = said()
    assert "2 runs chosen, 0 stages computed in 0 s; now 1 done, 1 failed" in text
    assert "--rerun only-failed" in text


def test_a_quiet_board_says_nothing(capsys):
    with Board({"p": "pretrain"}, {}, 2, quiet=True) as made:
        made.hear(Event("start", "p", "pretrain"))
        made.hear(Event("done", "p", "pretrain"))
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_a_line_for_each_running_stage(monkeypatch):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120, color_system=None)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    with Board({"p": "pretrain [bold]x", "m": "measure"}, {"p": 1, "m": 0}, 2, quiet=False) as made:
        made.hear(Event("start", "p", "pretrain"))
        made.hear(Event("epoch", "p", "pretrain", 1, 4))
        made._progress.refresh()
    assert "pretrain [bold]x" in screen.getvalue()
    assert "1/4" in screen.getvalue()
    assert "0/2" in screen.getvalue()
