"""Tables that are in print, with the errors that are in them. Figures as printed; every row not named is consistent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fairprune.audit.lint import Finding, lint, read_table
from fairprune.audit.lint.table import table_of

DATA = Path(__file__).parent / "data"


def said(findings: Sequence[Finding]) -> set[tuple[str, str]]:
    """Rule and row in question of each finding."""
    return {(finding.rule, finding.ids[0]) for finding in findings}


def test_torch_prunings_tables() -> None:
    """DepGraph (arXiv:2301.12900) and the tables of its repository; SFP's sign is that of an earlier state of it."""
    findings = lint(read_table(DATA / "torch_pruning.csv"))
    assert said(findings) == {
        ("wrong-change", "hrank"),  # a drop of 1.09
        ("wrong-sign", "sfp"),
        ("wrong-change", "depgraph"),  # a gain of .24
        ("wrong-change", "vgg-greg-1"),  # a drop of 6.47
        ("wrong-change", "vgg-group-norm"),  # a drop of 5.90
    }
    (gain,) = (finding for finding in findings if finding.ids == ("depgraph",))
    assert gain.line == 14
    assert gain.text == "delta_top1 is +0.38, but 93.77 - 93.53 is +0.24 (the digits printed allow 0.23 to 0.25)"


def test_pruningbenchs_boards() -> None:
    """Boards that rank methods with and without a regulariser one after the other, at 2x, 4x and 8x."""
    findings = lint(read_table(DATA / "pruningbench.csv"))
    assert said(findings) == {
        ("rank-order", "ResNet-50 2x OBD-Hessian"),
        ("not-of-this-base", "ResNet-50 8x LAMP"),  # a percentage that stands in two other rows as well
        ("not-of-this-base", "ResNet-18 2x BNScale+BNScale"),  # the size of a ResNet-50
        ("not-of-this-base", "ResNet-18 2x MagnitudeL2+GrowingReg"),
        ("not-of-this-base", "ResNet-18 4x MagnitudeL2+GroupLASSO"),
        ("another-base", "ViT-S/16 4x MagnitudeL2+GroupLASSO"),
        ("rank-order", "ViT-S/16 8x OBD-Hessian"),
        ("wrong-change", "YOLOv8m 4x BNScale"),
        ("wrong-change", "YOLOv8m 4x OBD-Hessian"),
        ("another-base", "YOLOv8m 8x MagnitudeL2+GroupNorm"),
        ("rank-order", "YOLOv8m 8x MagnitudeL2+GroupNorm"),
    }


def test_gregs_table_3() -> None:
    """73.23 -> 72.17 as a drop of .06."""
    rows = ({"id": "wrong", "drop_top1": "0.06"}, {"id": "right", "drop_top1": "1.06"})
    findings = lint(table_of(*rows, base_top1="73.23", top1="72.17", method="GReg-1", source="arXiv:2012.09243"))
    assert [(finding.rule, finding.ids, finding.line) for finding in findings] == [("wrong-change", ("wrong",), 2)]


def test_vgg19_of_511_million_multiply_adds() -> None:
    """The others of the 8.8x table prune a VGG-19 of 398 million."""
    rows = (
        {"id": "eigen", "speedup": "8.80", "macs_g_base": "0.398"},
        {"id": "greg-1", "speedup": "8.84", "macs_g_base": "0.398"},
        {"id": "depgraph", "speedup": "8.92", "macs_g_base": "0.511"},
    )
    place = {"dataset": "CIFAR-100", "network": "VGG-19", "group": "VGG-19 at 8.8x"}
    assert said(lint(table_of(*rows, **place))) == {("another-base", "depgraph"), ("unlike-network", "depgraph")}
    sized = {"id": "depgraph", "speedup": "8.92", "macs_g": "0.0573"}
    assert said(lint(table_of(sized, macs_g_base="0.398", **place))) == {("not-of-this-base", "depgraph")}
    assert said(lint(table_of(sized, **place))) == {("unlike-network", "depgraph")}


def test_flops_that_are_twice_the_multiply_adds() -> None:
    """Wang et al. 2023 (arXiv:2301.05219), tables 6 and 7: .25 G and .80 G."""
    rows = (
        {"id": "t6", "dataset": "CIFAR-10", "network": "ResNet-56", "macs_g_base": "0.25", "params_m_base": "0.85"},
        {"id": "t7", "dataset": "CIFAR-100", "network": "VGG-19", "macs_g_base": "0.80", "params_m_base": "20.08"},
        {"id": "mac", "dataset": "CIFAR-10", "network": "resnet56", "macs_g_base": "0.126", "source": "another"},
    )
    assert said(lint(table_of(*rows))) == {("macs-doubled", "t6"), ("macs-doubled", "t7")}


def test_sparsity_of_wang_et_al_in_the_column_of_what_is_kept() -> None:
    """Table 6, the sparsities of ResNet-56 at ratios .3 .5 .7 .9, and the parameters that are left of .85 M."""
    sparsity = {"31.14": "0.59", "49.82": "0.43", "70.57": "0.25", "90.39": "0.08"}
    rows = [{"id": s, "params_kept_pct": s, "params_m": left, "params_m_base": "0.85"} for s, left in sparsity.items()]
    findings = lint(table_of(*rows))
    assert said(findings) == {("kept-for-removed", s) for s in sparsity if s != "49.82"}  # half is half
    assert all("params_kept_pct is the percentage removed" in finding.text for finding in findings)


def test_tables_without_errors() -> None:
    """Wang et al. 2023, tables 1 and 6; Liu et al. 2019 (arXiv:1810.05270), tables 1 and 2: nothing to find."""
    wang = [
        {"id": f"w{n}", "base_top1": base, "top1": top1, "speedup": speedup}
        for n, (base, top1, speedup) in enumerate(
            [("76.15", "74.61", "1.72"), ("76.01", "74.95", "2.25"), ("", "71.95", "1.76"), ("76.13", "75.24", "2.31")]
        )
    ]
    wang = [{column: cell for column, cell in row.items() if cell} for row in wang]
    place = {"dataset": "ImageNet", "network": "ResNet-50", "source": "arXiv:2301.05219"}
    assert lint(table_of(*wang, **place)) == []
    repeated = [
        {"id": f"t6-{n}", "top1": top1, "top1_std": std, "speedup": speedup}
        for n, (top1, std, speedup) in enumerate(
            [
                ("93.79", ".16", "1.45x"),
                ("93.51", ".07", "1.99x"),
                ("92.27", ".00", "3.59x"),
                ("86.90", ".20", "11.41x"),
            ]
        )
    ]
    place = {"dataset": "CIFAR-10", "network": "ResNet-56", "base_top1": "93.78", "seeds": "3"}
    assert lint(table_of(*repeated, **place)) == []
    liu = [
        {"id": f"l{n}", "base_top1": base, "top1": top1, "top1_std": std, "seeds": "5", "kind": kind}
        for n, (base, top1, std, kind) in enumerate(
            [
                ("93.63", "93.41", "0.12", "prune"),
                ("93.63", "93.62", "0.11", "scratch"),
                ("93.14", "92.97", "0.17", "prune"),
            ]
        )
    ]
    assert lint(table_of(*liu, dataset="CIFAR-10")) == []
    changes = [{"id": f"c{change}", "delta_top1": change} for change in ("-1.23", "-2.75", "+.21")]
    assert lint(table_of(*changes, dataset="ImageNet", base_top1="71.03")) == []
