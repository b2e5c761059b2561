from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fairprune.corpus.graph import dot, graph
from fairprune.corpus.tables import Corpus, Part, merged, nothing, save

Command = Callable[..., tuple[int, str, str]]


def test_who_compares_with_whom(literature: Corpus) -> None:
    found = graph(literature)
    assert found.edges == (("b", "a"), ("c", "a"), ("c", "b"), ("d", "elsewhere"), ("talk", "a"))
    nodes = {node.key: node for node in found.nodes}
    assert [(n.key, n.compared_by) for n in found.most_compared_to] == [("a", 3), ("b", 1), ("elsewhere", 1)]
    assert (nodes["c"].compares_to, nodes["c"].compared_by, nodes["c"].year) == (2, 0, 2016)
    assert [key for key, node in nodes.items() if node.outside] == ["elsewhere"]
    assert found.components == (("a", "b", "c", "talk"), ("d", "elsewhere"), ("e",))
    assert found.isolated == ("e",)


def test_a_graph_for_graphviz(literature: Corpus) -> None:
    text = dot(graph(literature))
    assert text.startswith("digraph comparisons {\n")
    assert '  "a" [label="a 2009", tooltip="A"];' in text
    assert '  "elsewhere" [label="elsewhere", tooltip="elsewhere", style=dashed];' in text
    assert re.findall(r'^  "(.+)" -> "(.+)";$', text, re.MULTILINE) == list(graph(literature).edges)


def test_quotes_in_names(corpus_of: Callable[..., Corpus]) -> None:
    paper = {"key": 'a"b', "title": "\\", "first_author": "É", "year": 2020, "pruning": True}
    assert '  "a\\"b" [label="É 2020", tooltip="\\\\"];' in dot(graph(corpus_of(papers=[paper])))


@given(st.sets(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("abcdefg"))))
def test_components_are_those_that_edges_join(edges: set[tuple[str, str]]) -> None:
    rows = [{"paper": a, "compared_to": b} for a, b in sorted(edges)]
    papers = [{"key": k, "title": k, "first_author": k, "year": 2020, "pruning": True} for k in "abcdefg"]
    found = graph(merged(nothing(), Part("o", {"papers": papers, "comparisons": rows})))
    together = {key: {key} for key in "abcdefg"}  # joined edge by edge, instead of walked
    for a, b in edges:
        both = together[a] | together[b]
        together |= dict.fromkeys(both, both)
    assert {frozenset(members) for members in found.components} == set(map(frozenset, together.values()))
    assert list(map(len, found.components)) == sorted(map(len, found.components), reverse=True)


def test_the_command(fairprune: Command, literature: Corpus, tmp_path: Path) -> None:
    save(literature, tmp_path)
    code, out, _ = fairprune("corpus", "graph", "--corpus", tmp_path, "-o", tmp_path / "g.dot")
    assert code == 0
    assert out.startswith("6 papers and 1 outside the corpus, 5 comparisons\n")
    assert "components: 1 of 4 papers, 1 of 2 papers, 1 of 1 paper\n" in out
    assert (tmp_path / "g.dot").read_text() == dot(graph(literature))
    _, out, _ = fairprune("corpus", "graph", "--corpus", tmp_path, "--origin", "us", "--json")
    assert [node["key"] for node in json.loads(out)["nodes"]] == ["e"]
    code, _, err = fairprune("corpus", "graph", "--corpus", tmp_path, "-o", "g.svg")
    assert (code, err) == (2, "error: -o g.svg: expected a name that ends in .dot\n")
