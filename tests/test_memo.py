import gc

import pytest

from fairprune.memo import Memo, uncollected


def test_the_same_objects_give_the_same_value_and_equal_ones_need_not() -> None:
    memo, a, b = Memo(), [1], [1]
    first = memo.once("sum", (a,), object)
    assert memo.once("sum", (a,), object) is first
    assert memo.once("sum", (b,), object) is not first
    assert memo.once("product", (a,), object) is not first


def test_identities_are_not_given_to_others() -> None:
    memo = Memo()
    values = {id(memo.once("x", ([number],), object)) for number in range(100)}  # each list would be freed at once
    assert len(values) == 100


def test_collecting_goes_on_afterwards() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), uncollected():
        _ = 1 / 0
    assert gc.isenabled()
