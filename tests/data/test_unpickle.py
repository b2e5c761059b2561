import collections
import os
import pickle
import subprocess

import numpy as np
import pytest

from fairprune.data.unpickle import read_pickle
from fairprune.errors import DataError

ARRAYS = {
    "bytes": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)),
    "big-endian": np.arange(4, dtype=">i2"),
    "float": np.linspace(0, 1, 5),
    "empty": np.zeros((0, 3), np.uint8),
    "bool": np.array([True, False]),
}


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_every_protocol_are_read_as_pickle_reads_them(name, protocol):
    value = {b"data": ARRAYS[name], "text": "x", b"list": [1, 2.5, None, b"raw"], "nested": {"a": ARRAYS[name]}}
    found = read_pickle(pickle.dumps(value, protocol), "file")
    for array in (found[b"data"], found["nested"]["a"]):
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert array.dtype == ARRAYS[name].dtype
    assert found["text"] == "x"
    assert found[b"list"] == [1, 2.5, None, b"raw"]


# A pickle as Python 2 wrote it: module names of old numpy, text as byte strings
PYTHON2 = (
    b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b\x87Rq\x05"
    b"(K\x01K\x02K\x02\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
    b"K\x00tb\x89U\x04\x01\x02\x03\xfftbU\x06labelsq\x08]q\x09(K\x06K\x09eu."
)


def test_a_pickle_of_python_2():
    found = read_pickle(PYTHON2, "file")
    assert found[b"labels"] == [6, 9]
    assert found[b"data"].tolist() == [[1, 2], [3, 255]]


class Calls:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


EVIL = {
    "a command": Calls(os.system, "false"),
    "a process": Calls(subprocess.Popen, ["false"]),
    "a builtin": Calls(eval, "1"),
    "an import": Calls(__import__, "os"),
    "an attribute": Calls(getattr, 1, "real"),
    "a file": Calls(open, "/dev/null"),
    "another container": collections.OrderedDict(a=1),
    "objects in an array": np.array([Calls(os.system, "false")], dtype=object),
    "text in an array": np.array(["text"]),
    "a record array": np.zeros(1, [("a", "u1")]),
    "numpy beyond arrays": Calls(np.load, "/dev/null"),
}


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("name", EVIL)
def test_anything_but_plain_arrays_is_refused(name, protocol):
    content = pickle.dumps({b"data": EVIL[name]}, protocol)
    with pytest.raises(DataError, match="data_batch_1: refused or damaged") as error:
        read_pickle(content, "data_batch_1")
    assert "\n" not in str(error.value)


def test_what_a_pickle_asks_for_is_never_called(tmp_path):
    target = tmp_path / "owned"
    content = pickle.dumps(Calls(os.mkdir, str(target)))
    with pytest.raises(DataError, match=r"mkdir"):
        read_pickle(content, "file")
    assert not target.exists()
    pickle.loads(content)  # the attack is real
    assert target.exists()


# Hand-written programs against the stand-ins themselves
PROGRAMS = {
    "state on a function's stand-in": b"cnumpy.core.multiarray\n_reconstruct\n(NtN}U\x08__code__K\x01s\x86b.",
    "an attribute of the stand-in's module": b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__init__\x93.",
    "other state for an array": b"cnumpy\nndarray\n)R}U\x06valuesK\x01sb.",
    "content shorter than its shape": PYTHON2.replace(b"U\x04\x01\x02\x03\xff", b"U\x03\x01\x02\x03"),
    "negative sizes": PYTHON2.replace(b"K\x02K\x02\x86cnumpy", b"J\xfe\xff\xff\xffJ\xfe\xff\xff\xff\x86cnumpy"),
    "an extension code": b"\x80\x02\x82\x01.",
    "a persistent id": b"Pabc\n.",
    "an odd encoding": b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x05\x00\x00\x00rot13tR.",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_against_the_stand_ins_are_refused(name):
    with pytest.raises(DataError, match="refused or damaged"):
        read_pickle(PROGRAMS[name], "file")


@pytest.mark.parametrize("cut", range(0, len(PYTHON2), 7))
def test_a_truncated_pickle_is_refused_wherever_it_ends(cut):
    with pytest.raises(DataError, match="file: refused or damaged"):
        read_pickle(PYTHON2[:cut], "file")
