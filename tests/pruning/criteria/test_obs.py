"""Optimal brain surgeon against explicit inverses, its textbook update, and least squares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from fairprune.errors import PruneError, SpecError
from fairprune.pruning.criteria.obs import obs
from fairprune.pruning.criterion import Context
from fairprune.pruning.fisher import Fisher, Settings, check_memory, memory
from fairprune.pruning.repairs.obs import obs as mend

DAMP = 0.01


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def context(weights: Mapping[str, Tensor], gradients: Mapping[str, Tensor]) -> Context:
    """A context whose stream yields the mean of `chunk` given gradients at a time; gradients are [n, *weight]."""

    def stream(chunk: int, temperature: float = 1.0) -> Iterator[Mapping[str, Tensor]]:
        assert temperature == 1
        count = len(next(iter(gradients.values())))
        for first in range(0, count, chunk):
            yield {name: g[first : first + chunk].mean(0) for name, g in gradients.items()}

    return Context(weights, torch.Generator(), gradient_stream=stream)


def inverse(gradients: Tensor, block: int, damp: float = DAMP) -> np.ndarray:
    """F^-1 of all weights by numpy, zero between blocks. `gradients` is [n, weights]."""
    g = gradients.numpy()
    n = g.shape[1]
    fisher = damp * np.eye(n) + g.T @ g / len(g)
    ids = np.arange(n) // block
    return np.linalg.inv(np.where(ids[:, None] == ids[None, :], fisher, 0))


def recursion(gradients: Tensor, damp: float = DAMP) -> np.ndarray:
    """The inverse as WoodFisher writes it: one gradient after the other."""
    found = np.eye(gradients.shape[1]) / damp
    for g in gradients.numpy():
        step = found @ g
        found = found - np.outer(step, step) / (len(gradients) + g @ step)
    return found


# fewer gradients than weights in a block, as many, one more, and so many that sums are added to again and again
@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 9, 150])
@pytest.mark.parametrize("block", [1, 4, 10, 11, 12, 50])
def test_scores_and_update_equal_those_by_the_explicit_inverse(count: int, block: int) -> None:
    w, g = draw(11), draw(count, 11, seed=1)
    by_hand = inverse(g, block)
    layer = context({"fc": w.reshape(1, 11)}, {"fc": g.reshape(count, 1, 11)})

    found = obs(layer, block=block, damp=DAMP).scores["fc"]
    np.testing.assert_allclose(found.reshape(-1), w.numpy() ** 2 / (2 * np.diag(by_hand)), rtol=1e-9)

    kept = torch.tensor([1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0]).bool()
    gone = ~kept.numpy()
    # blocks are apart in the inverse, so the joint update of all removed weights is that of every block by itself
    change = -by_hand[:, gone] @ np.linalg.solve(by_hand[np.ix_(gone, gone)], w.numpy()[gone])
    mended = mend(layer, {"fc": kept.reshape(1, 11)}, block=block, damp=DAMP)["fc"].reshape(-1)
    np.testing.assert_allclose(mended, w.numpy() + change, rtol=1e-9, atol=1e-12)
    assert mended[~kept].tolist() == [0] * 5


@pytest.mark.parametrize("count", [3, 30])
def test_the_inverse_is_that_of_the_papers_recursion(count: int) -> None:
    g = draw(count, 6)
    layer = Fisher("fc", 6, Settings(damp=DAMP))
    for gradient in g:
        layer.add(gradient)
    np.testing.assert_allclose(layer.inverse_diagonal(), np.diag(recursion(g)), rtol=1e-9)


def test_one_removed_weight_yields_the_textbook_update() -> None:
    w, g = draw(5), draw(20, 5, seed=1)
    by_hand, q = inverse(g, 5), 3
    expected = w.numpy() - w[q].item() / by_hand[q, q] * by_hand[:, q]
    kept = torch.arange(5) != q
    layer = context({"fc": w.reshape(5, 1)}, {"fc": g.reshape(20, 5, 1)})
    mended = mend(layer, {"fc": kept.reshape(5, 1)}, damp=DAMP)["fc"].reshape(-1)
    np.testing.assert_allclose(mended, expected, rtol=1e-9, atol=1e-12)


def test_on_least_squares_it_is_the_constrained_optimum() -> None:
    # the Hessian of the mean of (x w - y)^2 / 2 is the mean of x x^T: a stream of inputs makes F exact
    x, y = draw(40, 6).numpy(), draw(40, seed=1).numpy()
    w = np.linalg.lstsq(x, y, rcond=None)[0]
    layer = context({"fc": torch.from_numpy(w).reshape(1, 6)}, {"fc": torch.from_numpy(x).reshape(40, 1, 6)})

    kept = np.array([True, False, True, True, False, True])
    mended = mend(layer, {"fc": torch.from_numpy(kept).reshape(1, 6)}, damp=1e-12)["fc"].numpy()[0]
    np.testing.assert_allclose(mended[kept], np.linalg.lstsq(x[:, kept], y, rcond=None)[0], rtol=1e-8)

    def loss(v: np.ndarray) -> float:
        return float(np.mean((x @ v - y) ** 2) / 2)

    scores = obs(layer, damp=1e-12).scores["fc"].numpy()[0]
    for q in range(6):
        rest = np.arange(6) != q
        best = np.zeros(6)
        best[rest] = np.linalg.lstsq(x[:, rest], y, rcond=None)[0]
        assert scores[q] == pytest.approx(loss(best) - loss(w), rel=1e-6)


def test_blocks_of_one_weight_are_optimal_brain_damage() -> None:
    w, g = draw(4, 5), draw(30, 4, 5, seed=1)
    found = obs(context({"fc": w}, {"fc": g}), block=1, damp=DAMP).scores["fc"]
    torch.testing.assert_close(found, w.square() * (g.square().mean(0) + DAMP) / 2)
    tiny = obs(context({"fc": w}, {"fc": g}), block=1, damp=1e-9).scores["fc"]
    by_diagonal = (w.square() * g.square().mean(0)).reshape(-1)
    assert torch.equal(tiny.reshape(-1).argsort(), by_diagonal.argsort())
    nothing_moves = mend(context({"fc": w}, {"fc": g}), {"fc": w > 0}, block=1)["fc"]
    assert torch.equal(nothing_moves, w.clamp_min(0))


def test_chunks_are_asked_of_the_stream() -> None:
    w, g = draw(1, 6), draw(12, 1, 6, seed=1)
    means = g.reshape(4, 3, 1, 6).mean(1)
    by_chunks = obs(context({"fc": w}, {"fc": g}), chunk=3).scores["fc"]
    assert torch.equal(by_chunks, obs(context({"fc": w}, {"fc": means})).scores["fc"])


@pytest.mark.parametrize("count", [2, 40])
def test_dead_weights_and_gradients_of_zero_are_finite(count: int) -> None:
    w, g = draw(3, 4).float(), draw(count, 3, 4, seed=1).float()
    w[0] = 0
    g[:, :2] = 0
    scores = obs(context({"fc": w}, {"fc": g})).scores["fc"]
    assert scores.isfinite().all()
    assert scores[0].tolist() == [0] * 4
    torch.testing.assert_close(scores[1], w[1].square() * 1e-5 / 2)
    mended = mend(context({"fc": w}, {"fc": g}), {"fc": torch.ones(3, 4).bool().triu()})["fc"]
    assert mended.isfinite().all()
    assert mended.dtype == torch.float32


def test_precision_does_not_lead_below_the_diagonal() -> None:
    # 1/damp is 1e19 times what is left of it: in floating point 1 - (explained) would be zero, and the score infinite
    w = torch.tensor([[1.0, 2.0]])
    g = torch.tensor([[[3e4, 0.0]]])
    found = obs(context({"fc": w}, {"fc": g}), damp=1e-10).scores["fc"]
    torch.testing.assert_close(found, torch.tensor([[9e8 / 2, 4 * 1e-10 / 2]]))


def test_weights_that_are_zero_already_cannot_make_up_for_others() -> None:
    w, g = draw(1, 6), draw(9, 1, 6, seed=1)
    w[0, 2] = 0
    rest = torch.tensor([0, 1, 3, 4, 5])
    alone = obs(context({"fc": w[:, rest]}, {"fc": g[:, :, rest]})).scores["fc"]
    torch.testing.assert_close(obs(context({"fc": w}, {"fc": g})).scores["fc"][:, rest], alone)


def test_layers_are_apart() -> None:
    a, b, ga, gb = draw(2, 3), draw(4, 2), draw(9, 2, 3, seed=1), draw(9, 4, 2, seed=2)
    both = obs(context({"a": a, "b": b}, {"a": ga, "b": gb})).scores
    assert torch.equal(both["a"], obs(context({"a": a}, {"a": ga})).scores["a"])
    assert torch.equal(both["b"], obs(context({"b": b}, {"b": gb})).scores["b"])


@pytest.mark.parametrize("count", [2, 40])
def test_all_or_nothing_removed(count: int) -> None:
    w, g = draw(2, 4), draw(count, 2, 4, seed=1)
    layer = context({"fc": w}, {"fc": g})
    assert torch.equal(mend(layer, {"fc": torch.ones(2, 4).bool()})["fc"], w)
    assert mend(layer, {"fc": torch.zeros(2, 4).bool()})["fc"].tolist() == [[0] * 4] * 2


@pytest.mark.parametrize("block", [3, 10, 64])
def test_memory_is_what_it_says(block: int) -> None:
    layer, most = Fisher("fc", 25, Settings(block=block)), 0
    for count in range(1, 40):
        layer.add(torch.ones(25))
        held = 4 * 25 * len(layer.rows) + (0 if layer.sums is None else 8 * layer.sums.numel())
        padded = 27 / 25 if block == 3 else 30 / 25  # the last block is filled up
        assert held <= memory(25, count, block) * padded
        most = max(most, held)
    assert most <= 12 * 30 * block


def test_layers_too_large_for_their_blocks_are_refused() -> None:
    sizes = {"conv": 1_000_000, "fc": 20_000_000}
    check_memory(sizes, 1000, Settings(block=30))
    check_memory(sizes, 95, Settings())  # 21e6 * 95 * 4 bytes are 8.0 GB
    with pytest.raises(PruneError) as error:
        check_memory(sizes, 96, Settings())
    assert str(error.value) == (
        "obs would take 8.06 GB for 21,000,000 weights in blocks of 2000 with 96 gradients, and its limit is 8 GB; "
        "most of it is for layer 'fc' (20,000,000 weights, 7.68 GB): a block of 31 fits; or spare layers, put more "
        "images into a chunk, or raise the limit"
    )
    check_memory(sizes, 10**6, Settings(block=31))
    with pytest.raises(PruneError, match="no block is small enough"):
        check_memory(sizes, 96, Settings(block=1, limit=0.2))


def test_the_limit_holds_in_the_criterion_and_the_repair() -> None:
    layer = context({"fc": draw(10, 10)}, {"fc": draw(5, 10, 10)})
    assert obs(layer, limit=2e-6).scores
    with pytest.raises(PruneError, match=r"limit is 1\.9e-06 GB; most of it is for layer 'fc'"):
        obs(layer, limit=1.9e-6)
    with pytest.raises(PruneError, match=r"limit is 1\.9e-06 GB"):
        mend(layer, {"fc": torch.ones(10, 10).bool()}, limit=1.9e-6)


@pytest.mark.parametrize(("bad", "count"), [(float("nan"), 2), (float("nan"), 40), (float("inf"), 2), (1e30, 40)])
def test_gradients_that_no_inverse_follows_from_name_the_layer(bad: float, count: int) -> None:
    g = draw(count, 2, 3)
    g[0, 0] = bad
    with pytest.raises(PruneError, match=r"gradients of layer 'fc' are not finite, or too large for a damp of 1e-05"):
        obs(context({"fc": draw(2, 3)}, {"fc": g}))


def test_no_gradients_are_an_error() -> None:
    with pytest.raises(PruneError, match="there are none"):
        obs(Context({"fc": draw(2, 3)}, torch.Generator(), gradient_stream=lambda *_, **__: iter(())))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"block": 0}, "option 'block' of obs is 0, expected a whole number from 1"),
        ({"chunk": 1.5}, "option 'chunk' of obs is 1.5, expected a whole number from 1"),
        ({"damp": 0}, "option 'damp' of obs is 0, expected a number above 0"),
        ({"limit": float("nan")}, "option 'limit' of obs is nan, expected a number above 0"),
    ],
)
def test_options_that_mean_nothing(options: dict[str, float], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        obs(context({"fc": draw(2, 3)}, {"fc": draw(4, 2, 3)}), **options)
