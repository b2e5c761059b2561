"""Questions to the corpus start fast: what they import is light."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "scipy", "numpy", "sklearn")
QUESTIONS = {
    "stats": [],
    "query": ["--setup", "S1", "--limit", "1"],
    "compare": ["SNIP", "SynFlow"],
    "graph": [],
    "holes": ["--top", "1"],
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_waits_for_torch(question: str) -> None:
    code = f"""
import sys
from fairprune.cli import main
sys.argv = {["fairprune", "corpus", question, *QUESTIONS[question]]!r}
try:
    main()
except SystemExit:
    print("imported:", [name for name in {HEAVY!r} if name in sys.modules])
"""
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert out.endswith("imported: []\n")
