"""Who compares with whom: papers as nodes, comparisons as edges."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from fairprune.corpus.tables import Corpus


@dataclass(frozen=True)
class Node:
    """A paper. One that the corpus does not have is `outside`: its key alone is known."""

    key: str
    title: str | None
    first_author: str | None
    year: int | None
    outside: bool
    compares_to: int  # papers that it compares with
    compared_by: int  # papers that compare with it
    component: int  # 1 for the largest


@dataclass(frozen=True)
class Graph:
    """Papers by key, and edges (paper, the paper that it compares with), none of them with itself."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]

    @cached_property
    def components(self) -> tuple[tuple[str, ...], ...]:
        """The keys of papers that comparisons join, in whichever direction; the largest component first."""
        found: defaultdict[int, list[str]] = defaultdict(list)
        for node in self.nodes:
            found[node.component].append(node.key)
        return tuple(tuple(found[number]) for number in sorted(found))

    @cached_property
    def isolated(self) -> tuple[str, ...]:
        """Papers that neither compare nor are compared with."""
        return tuple(node.key for node in self.nodes if not node.compares_to and not node.compared_by)

    @cached_property
    def most_compared_to(self) -> tuple[Node, ...]:
        """Papers that others compare with, most first."""
        return tuple(sorted((n for n in self.nodes if n.compared_by), key=lambda n: (-n.compared_by, n.key)))


def graph(corpus: Corpus) -> Graph:
    """The graph of a corpus; it needs the tables `papers` and `comparisons`."""
    papers = {row["key"]: row for row in corpus["papers"].iter_rows(named=True)}
    pairs = corpus["comparisons"].select("paper", "compared_to").unique().sort("paper", "compared_to")
    edges = tuple((a, b) for a, b in pairs.iter_rows() if a != b)
    keys = sorted({*papers, *(key for edge in edges for key in edge)})
    number = {key: n for n, members in enumerate(_components(keys, edges), 1) for key in members}
    to, by = Counter(a for a, _ in edges), Counter(b for _, b in edges)
    nodes = []
    for key in keys:
        known = papers.get(key, {})
        said = (known.get("title"), known.get("first_author"), known.get("year"))
        nodes.append(Node(key, *said, key not in papers, to[key], by[key], number[key]))
    return Graph(tuple(nodes), edges)


def _components(keys: Sequence[str], edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The keys by component, the largest first, those of one size by their first key."""
    beside: defaultdict[str, set[str]] = defaultdict(set)
    for a, b in edges:
        beside[a].add(b)
        beside[b].add(a)
    found: list[list[str]] = []
    seen: set[str] = set()
    for key in keys:
        reached, waiting = set(), [] if key in seen else [key]
        while waiting:
            current = waiting.pop()
            if current not in reached:
                reached.add(current)
                waiting += beside[current]
        seen |= reached
        if reached:
            found.append(sorted(reached))
    return sorted(found, key=lambda members: (-len(members), members))


def dot(drawn: Graph) -> str:
    """The graph in the language of Graphviz: arrows lead to the paper that is compared with, dashed: outside."""
    lines = ["digraph comparisons {", "  rankdir=BT;", '  node [shape=box, fontname="Helvetica", fontsize=10];']
    for node in drawn.nodes:
        label = f"{node.first_author} {node.year}" if node.year else node.key
        style = ", style=dashed" if node.outside else ""
        lines.append(
            f"  {_quoted(node.key)} [label={_quoted(label)}, tooltip={_quoted(node.title or node.key)}{style}];"
        )
    lines += [f"  {_quoted(a)} -> {_quoted(b)};" for a, b in drawn.edges]
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
