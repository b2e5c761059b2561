"""The table of methods: complete, up to date, rendered as meant; and what it says of costs is what is charged."""

from __future__ import annotations

import inspect
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from rich.markdown import Markdown
from torch import Tensor, nn
from torch.nn import functional as F

from fairprune import registry
from fairprune.catalogue import Method, catalogue, text
from fairprune.catalogue.page import escaped
from fairprune.expand import Resolver, expand
from fairprune.pruning.granularity.channels import channel_space
from fairprune.pruning.mending import mend
from fairprune.pruning.plan import MaskPlan
from fairprune.pruning.scoring import score
from fairprune.pruning.sequence import repair_along, walk
from fairprune.study import read_study

DOCS = Path(__file__).parents[1] / "docs"
METHODS = catalogue()
IMAGES = 5
EXAMPLE = torch.zeros(1, 2, 6, 6)


def _name(method: Method) -> str:
    return f"{method.kind} {method.name}"


def _method(name: str) -> Method:
    return next(method for method in METHODS if _name(method) == name)


def _tokens() -> list:
    return Markdown(text()).parsed


def test_the_committed_page_is_up_to_date() -> None:
    assert (DOCS / "methods.md").read_text(encoding="utf-8") == text(), "write catalogue.text() to docs/methods.md"


def test_every_component_is_listed_once_in_the_order_of_the_registry() -> None:
    kinds = ("criterion", "training", "repair")
    assert [_name(m) for m in METHODS] == [f"{kind} {name}" for kind in kinds for name in registry.BUILTIN[kind]]


@pytest.mark.parametrize("method", METHODS, ids=_name)
def test_a_docstring_says_what_is_computed_and_ends_in_the_deviations(method: Method) -> None:
    component = registry.load(method.kind, method.name)
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(component.function.__doc__))
    assert re.fullmatch(r"[^\n]+[.]", paragraphs[0]), "the first paragraph is one line, a sentence"
    assert re.match(r"Deviations: \S.*[.]$", paragraphs[-1], re.DOTALL)
    assert sum(paragraph.startswith("Deviations:") for paragraph in paragraphs) == 1
    assert method.text[0] == paragraphs[0]
    assert method.deviations == " ".join(paragraphs[-1].removeprefix("Deviations:").split())


@pytest.mark.parametrize("method", [method for method in METHODS if method.options], ids=_name)
def test_a_docstring_names_every_option_or_the_component_that_does(method: Method) -> None:
    told = " ".join((*method.text, method.deviations))
    others = [other for other in METHODS if other is not method and f"`{other.name}`" in told]
    told = " ".join((told, *(paragraph for other in others for paragraph in other.text)))
    assert [option for option in method.options if not re.search(rf"\b{option}\b", told)] == []


@pytest.mark.parametrize("method", METHODS, ids=_name)
def test_a_method_has_a_paper_and_says_what_it_needs_and_costs(method: Method) -> None:
    assert method.paper == "control" or re.search(r"arXiv:\d{4}\.\d{4,5}$|\b(19|20)\d\d\b", method.paper)
    assert registry.load(method.kind, method.name).paper in method.paper
    assert all((method.summary, method.granularities, method.needs, method.cost))
    assert "(" not in method.summary or method.summary.count("(") == method.summary.count(")")
    assert "arXiv" not in method.summary


def test_what_a_registry_cites_is_taken_apart() -> None:
    assert (_method("criterion l1_norm").summary, _method("criterion l1_norm").paper) == (
        "L1 norm of a filter",
        "Li et al. 2017, arXiv:1608.08710",
    )
    assert _method("criterion taylor").summary == "squared gradient of a gate behind the filter"
    assert _method("criterion magnitude").paper == "Janowsky 1989; Han et al. 2015, arXiv:1506.02626"
    assert _method("criterion obd_fisher").paper == "LeCun et al. 1990, NeurIPS 2"


def test_defaults_and_options() -> None:
    assert _method("criterion synflow").defaults == ("allocation global", "start init", "100 steps")
    assert _method("criterion thinet").defaults == ("allocation uniform", "repair least_squares")
    assert _method("training slimming").defaults == ("allocation global", "ranked by bn_scale")
    assert _method("training slimming").options == {"s": 1e-4}
    assert _method("repair orthogonal").defaults == ()
    assert "**Defaults**: allocation global, ranked by bn_scale, `s = 0.0001`." in text()


def test_a_method_is_plain_json() -> None:
    plain = json.loads(json.dumps([method.to_json() for method in METHODS]))
    assert plain[0] == {
        "name": "random",
        "kind": "criterion",
        "summary": "a score drawn at random for every unit",
        "paper": "control",
        "granularities": ["weight", "channel", "block"],
        "defaults": ["allocation global"],
        "options": {},
        "needs": ["weights"],
        "cost": "none",
        "text": list(METHODS[0].text),
        "deviations": "none.",
    }


def test_anchors_lead_to_headings() -> None:
    tokens = _tokens()
    headings = [after.content for token, after in itertools.pairwise(tokens) if token.type == "heading_open"]
    anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]  # as GitHub does
    linked = re.findall(r"\]\(#([^)]*)\)", text())
    assert max(Counter(anchors).values()) == 1
    assert len(linked) == len(METHODS)
    assert Counter(linked) - Counter(anchors) == {}


def test_tables_have_a_row_for_each_method_and_equal_columns() -> None:
    rows: list[list[str]] = []
    for token in _tokens():
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and token.level == 4:  # in table, body, row, cell
            rows[-1].append("".join(child.content for child in token.children))
    assert {len(row) for row in rows} == {6}
    shown = [row for row in rows if row[0] != "name"]
    assert len(rows) - len(shown) == 3
    assert [(row[0], row[1], row[2], row[5]) for row in shown] == [
        (m.name, m.summary, m.paper, m.cost) for m in METHODS
    ]


def test_text_is_shown_as_it_is_written() -> None:
    inline = [token for token in _tokens() if token.type == "inline"]
    marks = {child.type for token in inline for child in token.children}
    assert marks <= {"text", "softbreak", "code_inline", "strong_open", "strong_close", "link_open", "link_close"}
    shown = {"".join(child.content for child in token.children).replace("\n", " ") for token in inline}
    for method in METHODS:
        assert f"Deviations: {method.deviations.replace('`', '')}" in shown
        for paragraph in method.text:
            assert re.match(r"\w+  ", paragraph) or paragraph.replace("`", "") in shown
    assert "damp: added to the diagonal of F, 1e-5 as in the paper" in shown


def _network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(16, 3)),
    )


def _batches() -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    for size in (3, IMAGES - 3):
        yield torch.randn(size, 2, 6, 6, generator=generator), torch.arange(size)


def _charged(kind: registry.Kind, name: str) -> float:
    """What a criterion or a repair is charged by its default options."""
    component, network = registry.load(kind, name), _network()
    norms = {"0": "1", "3": "4"}
    look = {"batches": _batches, "loss": F.cross_entropy, "example": EXAMPLE, "seed": 0, "batch_norm_of": norms}
    space = channel_space(network, EXAMPLE)
    if kind == "criterion" and component.scope == "sequence":
        repair = registry.load("repair", component.repair)
        counts = {group.name: 2 for group in space.groups}
        found = walk(network, space, component, {}, counts, batches=_batches, seed=0, repair=repair)
        return found.sample_passes
    if kind == "criterion":
        units = component.granularities[0]
        return score(network, component, {}, granularity=units, layers=list(norms), **look).sample_passes
    if "taps" in component.needs:
        kept = {group.name: torch.arange(2) for group in space.groups}
        return repair_along(network, space, kept, component, {}, batches=_batches, seed=0).sample_passes
    if component.granularities == ("weight",):
        plan = MaskPlan({f"{layer}.weight": network.get_parameter(f"{layer}.weight") > 0 for layer in norms})
    else:
        plan = space.plan({group.name: torch.arange(2) for group in space.groups})
    return mend(network, plan, component, {}, **look).sample_passes


@pytest.mark.parametrize("method", [method for method in METHODS if method.kind != "training"], ids=_name)
def test_the_cost_is_what_is_charged(method: Method) -> None:
    charged = _charged(method.kind, method.name)
    if "each layer that loses inputs" in method.cost:  # the second convolution and the linear layer
        assert method.cost == "1 pass of every sample, and 1 for each layer that loses inputs"
        assert charged == IMAGES * (1 + 2)
    elif "one input" in method.cost:
        assert charged == float(method.cost.split()[0])
    else:
        found = re.match(r"(\d+) pass(?:es)? of every sample(?:$|, and for its repair)", method.cost)
        assert charged == (IMAGES * float(found[1]) if found else 0)
        assert found or method.cost == "none"


def test_what_a_criterion_costs_comes_with_its_repair_and_its_steps() -> None:
    assert _method("criterion obd_hutchinson").cost == "72 passes of every sample"  # 8 products of 9
    assert _method("criterion obs").cost == "3 passes of every sample, and for its repair 3 passes of every sample"
    assert _method("criterion synflow").cost == "3 passes of one input, at each of 100 steps"


def test_a_training_is_charged_as_its_start_and_its_target_say() -> None:
    said = {m.name: (m.needs, m.cost.split(";")[0]) for m in METHODS if m.kind == "training"}
    assert said["rigl"] == (("training",), "the whole training for each target, charged to pruning")
    assert said["greg1"] == (("training",), "a training from the base model for each target, charged to pruning")
    assert said["slimming"] == (
        ("training", "batch norm"),
        "one training from the base model for all targets, charged to pruning",
    )
    assert said["l0"][1] == "one training of a base model of its own for all targets, charged to pretraining"


def test_methods_of_ones_own_run_as_the_page_on_them_says(tmp_path: Path) -> None:
    page = (DOCS / "own-methods.md").read_text()
    for name, block in re.findall(r"^```\w+\n# (\w+\.\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(block)
    study = read_study(tmp_path / "my_methods.toml")
    digests = {"train": "t", "validation": "v", "test": "x"}
    points = expand(study, Resolver(lambda _: digests, lambda _: "c", tmp_path))
    methods = {point.labels["method"]: point.spec.method for point in points}
    assert methods["shrink"].training.options == {"strength": 1e-3}
    assert (methods["shrink"].criterion, methods["shrink"].training.bound) == ("magnitude", False)
    assert methods["repaired"].repair_options == {"limit": 2.0}


@pytest.mark.parametrize("written", ["_x_ *y* **z** <i>", "x_hat * w*", "[F^-1]_qq and _", "a `*b* _c_` <d"])
def test_what_looks_like_markup_is_shown(written: str) -> None:
    [paragraph] = [token for token in Markdown(escaped(written)).parsed if token.type == "inline"]
    assert "".join(child.content for child in paragraph.children) == written.replace("`", "")
