"""The rules about sizes of networks, each with its cases; the checks are in sizes.py (one row) and bases.py (many)."""

from __future__ import annotations

from collections.abc import Iterator

from fairprune.audit.lint import bases, sizes
from fairprune.audit.lint.finding import Case, Rule, Said
from fairprune.audit.lint.table import Table, table_of

_SHARED = {"dataset": "CIFAR-10", "network": "ResNet-56", "params_m_base": "0.85", "macs_g_base": "0.1255"}


def _macs_doubled(rows: Table) -> Iterator[Said]:
    yield from sizes.mixed_up(sizes.DOUBLED)(rows)
    yield from bases.doubled(rows)


RULES = (
    Rule(
        id=sizes.KEPT,
        severity="unfair",
        reason="The kept share read as the removed one, or the other way round, is another network.",
        check=sizes.mixed_up(sizes.KEPT),
        violation=Case(
            "A sparsity of 31.14 % (Wang et al. 2023, table 6) as what is kept, beside a compression of 1.45.",
            table_of({"method": "L1", "params_kept_pct": "31.14", "compression": "1.45"}, **_SHARED),
        ),
        passing=Case(
            "68.86 % kept, beside a compression of 1.45.",
            table_of({"method": "L1", "params_kept_pct": "68.86", "compression": "1.45"}, **_SHARED),
        ),
    ),
    Rule(
        id=sizes.DOUBLED,
        severity="unfair",
        reason="Multiply-adds counted by one here and by two there make a speedup wrong by a factor of 2.",
        check=_macs_doubled,
        violation=Case(
            "A base of 0.25 G (FLOPs of Wang et al. 2023, table 6, counted by 2) in a column of multiply-adds.",
            table_of({"method": "L1", "macs_g": "0.126", "speedup": "1.99"}, **{**_SHARED, "macs_g_base": "0.25"}),
        ),
        passing=Case(
            "A base of 0.1255 G.", table_of({"method": "L1", "macs_g": "0.063", "speedup": "1.99"}, **_SHARED)
        ),
    ),
    Rule(
        id="ratio-contradiction",
        severity="unfair",
        reason="A compression and a percentage kept are one number in two forms; where they differ, neither is known.",
        check=sizes.contradicting,
        violation=Case(
            "24.71 % kept at a compression of 1.1.",
            table_of({"method": "GReg", "params_kept_pct": "24.71", "compression": "1.1"}, **_SHARED),
        ),
        passing=Case(
            "91.2 % kept at a compression of 1.1: one decimal allows 86.96 to 95.24.",
            table_of({"method": "GReg", "params_kept_pct": "91.2", "compression": "1.1"}, **_SHARED),
        ),
    ),
    Rule(
        id="not-of-this-base",
        severity="unfair",
        reason="A size and a ratio that do not lead to the base network of the table come from another network.",
        check=sizes.foreign,
        violation=Case(
            "17.56 M parameters, 68.70 % of a network that has 11.69 M (in print: PruningBench's board of ResNet-18).",
            table_of(
                {"method": "BN scale", "params_m": "17.56", "params_kept_pct": "68.70", "params_m_base": "11.69"},
                dataset="ImageNet",
                network="ResNet-18",
            ),
        ),
        passing=Case(
            "8.31 M parameters, 71.07 % of a network that has 11.69 M.",
            table_of(
                {"method": "BN scale", "params_m": "8.31", "params_kept_pct": "71.07", "params_m_base": "11.69"},
                dataset="ImageNet",
                network="ResNet-18",
            ),
        ),
    ),
    Rule(
        id="another-base",
        severity="unfair",
        reason="Ratios to different networks cannot be compared, though their table calls the networks by one name.",
        check=bases.another_base,
        violation=Case(
            "8.9x of 0.511 G beside 8.8x of 0.398 G, both of a VGG-19 (in print: DepGraph, arXiv:2301.12900).",
            table_of(
                {"method": "EigenDamage", "speedup": "8.80", "macs_g_base": "0.398"},
                {"method": "GReg-1", "speedup": "8.84", "macs_g_base": "0.398"},
                {"method": "DepGraph", "speedup": "8.92", "macs_g_base": "0.511"},
                dataset="CIFAR-100",
                network="VGG-19",
            ),
        ),
        passing=Case(
            "0.1255 G and 0.126 G: the same with fewer digits.",
            table_of(
                {"method": "L1", "speedup": "2.12", "macs_g_base": "0.1255"},
                {"method": "GReg", "speedup": "2.12", "macs_g_base": "0.126"},
                dataset="CIFAR-10",
                network="ResNet-56",
            ),
        ),
    ),
    Rule(
        id="unlike-network",
        severity="caution",
        reason="A base that is not as large as the network it is named after is another network, or counted otherwise.",
        check=bases.unlike,
        violation=Case(
            "A VGG-19 of 0.511 G on CIFAR-100; those of others have 0.398 G.",
            table_of({"method": "DepGraph", "macs_g_base": "0.511"}, dataset="CIFAR-100", network="VGG-19"),
        ),
        passing=Case(
            "A VGG-19 of 0.40 G.",
            table_of({"method": "GReg-1", "macs_g_base": "0.40"}, dataset="CIFAR-100", network="VGG-19"),
        ),
    ),
    Rule(
        id="factor-below-one",
        severity="caution",
        reason="Compression and speedup are dense over pruned; a number below 1 is a fraction, kept or removed.",
        check=sizes.below_one,
        violation=Case("A speedup of 0.47.", table_of({"method": "L1", "speedup": "0.47"}, **_SHARED)),
        passing=Case("A speedup of 2.12.", table_of({"method": "L1", "speedup": "2.12"}, **_SHARED)),
    ),
)
