"""The command that shows a schedule."""

import json


def test_a_schedule_is_shown_scaled_and_cut(fairprune, tmp_path):
    code, text, err = fairprune("schedule", "halving:1e-1->1e-5 total:120", "--scaled-to", 12, "-o", tmp_path / "s.svg")
    assert (code, err) == (0, "")
    assert text.startswith("0:1e-1,3:1e-2,6:1e-3,9:1e-4,10.5:1e-5 total:12\n")
    assert "10.5    12  constant" in text
    assert (tmp_path / "s.svg").read_text().startswith("<svg")
    code, text, _ = fairprune("schedule", "0:1e-1,30:1e-2 total:90", "--cut", 20, 50, "--json")
    found = json.loads(text)
    assert found["schedule"] == "0:1e-1,10:1e-2 total:30"
    assert found["stages"][1] == {"from": 10, "to": 30, "shape": "constant", "first": 0.01, "last": 0.01}


def test_what_is_no_schedule_is_one_line(fairprune):
    code, _, err = fairprune("schedule", "0:fast total:3")
    assert (code, len(err.strip().splitlines())) == (2, 1)
