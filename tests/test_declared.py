"""What components declare, without importing them."""

import subprocess
import sys
from pathlib import Path

import pytest

from fairprune import declared, registry
from fairprune.errors import SpecError


def test_what_ships_is_written_down():
    """Made anew by: python -c "from fairprune import declared as d; d._FILE.write_text(d.text())"."""
    assert declared._FILE.read_text(encoding="utf-8") == declared.text(), "write declared.text() to declared.json"


@pytest.mark.parametrize("kind", ["criterion", "training", "repair"])
def test_it_is_what_the_components_say(kind):
    for name in registry.BUILTIN[kind]:
        found, component = declared.declared(kind, name, None, "method a"), registry.load(kind, name)
        assert (found.name, found.granularities) == (component.name, tuple(component.granularities))
        assert dict(found.options) == dict(component.options)
        assert {key: type(value) for key, value in found.options.items()} == {
            key: type(value) for key, value in component.options.items()
        }
        for other in ("allocation", "start", "scope", "steps", "repair", "criterion", "bound"):
            assert not hasattr(component, other) or getattr(found, other) == getattr(component, other)


def test_ones_own_are_asked_themselves(tmp_path):
    Path(tmp_path / "mine.py").write_text(
        "import fairprune as fp\n@fp.criterion(granularities=('channel',), steps=3)\n"
        "def own(context, *, power: int = 2):\n    return {}\nplain = 1\n"
    )
    found = declared.declared("criterion", "mine:own", tmp_path, "method a")
    assert (found.granularities, found.steps, dict(found.options)) == (("channel",), 3, {"power": 2})
    with pytest.raises(SpecError, match=r"method a: mine:plain is no criterion: decorate it with @fairprune.criterion"):
        declared.declared("criterion", "mine:plain", tmp_path, "method a")


def test_a_study_is_resolved_without_torch():
    code = (
        "import sys; from pathlib import Path; from fairprune.study import read_study\n"
        "from fairprune.methods import resolve_methods; import fairprune\n"
        "study = read_study(Path(fairprune.__file__).parent / 'demo' / 'digits.toml')\n"
        "assert resolve_methods(study); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
