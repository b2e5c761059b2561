"""The commands on a real, tiny study: what they print, what they refuse, how they exit."""

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import jsonschema
import polars
import pytest
from PIL import Image

from fairprune.catalogue import KINDS, catalogue
from fairprune.cli import main
from fairprune.registry import BUILTIN

STUDY = """
    name = "tiny"
    targets = [2]
    seeds = 2
    control = "random*"
    [task]
    data = "digits"
    network = "digits_cnn"
    [task.pretrain]
    schedule = "constant:5e-2 total:2"
    [methods.magnitude]
    criterion = "magnitude"
    [retraining.finetune]
    schedule = "constant:1e-2 total:0.5"
"""

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "record-1.json"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study that has been run: its file and its store."""
    folder = tmp_path_factory.mktemp("study")
    path = folder / "tiny.toml"
    path.write_text(textwrap.dedent(STUDY))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["fairprune", "run", str(path), "--store", str(folder / "store"), "-j", "1"])
        with pytest.raises(SystemExit):
            main()
    return path, folder / "store"


def test_plan_says_what_is_done_and_what_would_run(fairprune, study):
    path, store = study
    code, out, _ = fairprune("plan", path, "--store", store, "--set", "seeds=3", "--json")
    plan = json.loads(out)
    assert code == 0
    assert (plan["runs"], plan["chosen"], plan["statuses"]["done"]) == (9, 3, 6)
    pretrain = next(tally for tally in plan["stages"] if tally["kind"] == "pretrain")
    assert (pretrain["asked"], pretrain["distinct"], pretrain["done"]) == (3, 1, 0)
    steps_an_epoch = 11  # 1,294 training images in batches of 128; a retraining takes half an epoch
    assert plan["optimizer_steps"] == 2 * steps_an_epoch + 3 * round(0.5 * steps_an_epoch)
    assert plan["estimated_seconds"] > 0
    code, out, _ = fairprune("plan", path, "--store", store)
    assert code == 0
    assert "6 runs (6 done); 0 chosen" in out


def test_run_again_computes_nothing(fairprune, study):
    path, store = study
    code, out, _ = fairprune("run", path, "--store", store, "--json", "-j", 1)
    assert code == 0
    assert json.loads(out) == {"done": 6, "failed": 0, "diverged": 0, "skipped": 0, "missing": 0}


def test_status_counts_and_verifies(fairprune, study):
    path, store = study
    assert json.loads(fairprune("status", path, "--store", store, "--json")[1])["runs"]["done"] == 6
    code, out, _ = fairprune("status", "--store", store, "--verify")
    assert code == 0
    assert "6 done" in out


def test_show_prints_a_record_that_fits_the_published_schema(fairprune, study):
    path, store = study
    rows = json.loads(fairprune("table", path, "--store", store, "--format", "json")[1])
    run = next(row["id"] for row in rows if row["label.method"] == "magnitude")
    record = json.loads(fairprune("show", run, "--store", store, "--json")[1])
    jsonschema.validate(record, json.loads(SCHEMA.read_text()))
    code, out, _ = fairprune("show", run[:10], "--store", store)
    assert code == 0
    assert "retrain" in out
    assert "compression 2.0" in out
    code, _, err = fairprune("show", "zzz", "--store", store)
    assert code == 2
    assert "begin with 'zzz'" in err


def test_tables_in_every_form(fairprune, study, tmp_path):
    path, store = study
    assert "magnitude" in fairprune("table", path, "--store", store)[1]
    assert "| magnitude" in fairprune("table", path, "--store", store, "-f", "markdown")[1]
    assert fairprune("table", path, "--store", store, "-f", "csv")[1].count("\n") >= 7
    assert fairprune("table", path, "--store", store, "-f", "parquet", "-o", tmp_path / "t.parquet")[0] == 0
    frame = polars.read_parquet(tmp_path / "t.parquet")
    assert sorted(frame["label.method"]) == ["dense"] * 2 + ["magnitude"] * 2 + ["random-weight"] * 2
    assert json.loads(fairprune("table", path, "--store", store, "--json")[1])["name"] == "tiny"
    assert fairprune("table", path, "--store", store, "-o", tmp_path / "t.txt")[:2] == (0, "")
    assert "magnitude" in (tmp_path / "t.txt").read_text()
    assert fairprune("table", path, "--store", store, "--json", "-o", tmp_path / "t.json")[:2] == (0, "")
    assert json.loads((tmp_path / "t.json").read_text())["name"] == "tiny"
    code, _, err = fairprune("table", path, "--store", store, "-f", "parquet", "-o", tmp_path / "no" / "t.parquet")
    assert (code, "cannot write" in err) == (2, True)
    code, _, err = fairprune("table", path, "--store", store, "-f", "parquet")
    assert (code, "needs --output" in err) == (2, True)


def test_audit_names_what_is_wrong_and_can_be_a_gate(fairprune, study):
    path, store = study
    code, out, _ = fairprune("audit", path, "--store", store, "--json")
    rules = {finding["rule"] for finding in json.loads(out)["findings"]}
    assert code == 0
    assert {"few-seeds", "single-target"} & rules
    assert fairprune("audit", path, "--store", store, "--fail-on", "note")[0] == 1


@pytest.mark.parametrize(
    ("change", "exploratory"),
    [("seeds=2", False), ("targets=[2,4]", True), ("endpoint=loss", True), ("control=dense", True)],
)
def test_what_was_declared_with_the_first_result_stands(fairprune, study, change, exploratory):
    path, store = study
    _, out, _ = fairprune("audit", path, "--store", store, "--set", change, "--json")
    assert ("exploratory" in {finding["rule"] for finding in json.loads(out)["findings"]}) == exploratory


def test_report_is_one_page_without_outside_resources(fairprune, study, tmp_path):
    path, store = study
    page = tmp_path / "page.html"
    code, out, _ = fairprune("report", path, "--store", store, "-o", page)
    text = page.read_text()
    assert code == 0
    assert str(page) in out
    assert "magnitude" in text
    assert "src=" not in text
    assert "http-equiv" not in text
    code, _, err = fairprune("report", path, "--store", store, "-o", tmp_path / "no" / "page.html")
    assert (code, "cannot write" in err) == (2, True)


def test_reports_come_as_figures_tables_and_pages(fairprune, study, tmp_path):
    path, store = study
    names = [tmp_path / f"tiny.{form}" for form in ("html", "md", "tex", "svg", "pdf", "png")]
    asked = [part for name in names for part in ("-o", name)]
    code, out, _ = fairprune("report", path, "--store", store, *asked, "--width", "single")
    page, text, table, svg, pdf, png = (name.read_bytes() for name in names)
    assert (code, len(out.splitlines())) == (0, 6)
    assert page.startswith(b"<!DOCTYPE html>")
    assert b"## Results" in text
    assert b"\\toprule" in table
    assert b'width="3.2500in"' in svg
    assert (pdf[:4], png[1:4]) == (b"%PDF", b"PNG")
    _, _, _ = fairprune("report", path, "--store", store, "-o", names[3], "--axis", "speedup")
    assert b"theoretical speedup (dense / kept multiply-adds)" in names[3].read_bytes()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("-o", "page.htm"), "-o page.htm: unknown suffix '.htm'; did you mean '.html'? (known: .html, .md"),
        (("-o", "a.svg", "--axis", "sped"), "unknown axis 'sped'; did you mean 'speedup'?"),
        (("-o", "a.svg", "--axis", "measured"), 'no run of tiny was timed; studies ask by metrics = ["latency"]'),
        (("-o", "a.svg", "--axis", "speedups"), "no run of tiny was timed"),
        (("-o", "a.svg", "--width", "1"), "--width '1': expected single, double, or inches"),
        (("-o", "a.svg", "--set", "seeds=[7]"), "no pruned network has been measured, so there are no curves yet"),
    ],
)
def test_reports_that_cannot_be(fairprune, study, asked, said):
    path, store = study
    code, _, err = fairprune("report", path, "--store", store, *asked)
    assert (code, said in err, err.count("\n")) == (2, True, 1)


def test_several_studies_are_a_site(fairprune, study, tmp_path):
    path, store = study
    code, _, err = fairprune("report", path, path, "--store", store, "-o", tmp_path / "a.html")
    assert (code, "2 studies make a site, which needs a folder" in err) == (2, True)
    code, out, _ = fairprune("report", path, path, "--store", store, "-o", tmp_path / "a" / "site", "--json")
    assert code == 0
    assert [Path(name).name for name in json.loads(out)["reports"]] == ["index.html", "tiny.html", "tiny-2.html"]
    index = (tmp_path / "a" / "site" / "index.html").read_text()
    assert 'href="tiny-2.html"' in index
    assert 'href="index.html">all studies' in (tmp_path / "a" / "site" / "tiny.html").read_text()


def test_one_run_can_be_run_alone(fairprune, study, tmp_path):
    path, store = study
    fairprune("report", path, "--store", store, "-o", tmp_path / "page.html")
    rows = json.loads(fairprune("table", path, "--store", store, "--format", "json")[1])
    run = next(row["id"] for row in rows if row["label.method"] == "dense")
    assert f"fairprune run {path} --store {store} --only {run}\n" in (tmp_path / "page.html").read_text()
    code, out, _ = fairprune("run", path, "--store", store, "--only", run[:12], "--json", "-j", 1)
    assert (code, json.loads(out)["done"]) == (0, 1)
    code, _, err = fairprune("run", path, "--store", store, "--only", "zzz")
    assert (code, "no runs of tiny begin with 'zzz'" in err) == (2, True)


def test_cost_counts_resnet20(fairprune):
    cost = json.loads(fairprune("cost", "resnet20", "--json")[1])
    assert (cost["parameters"], cost["multiply_adds"]) == (269_722, 40_551_040)
    assert "269,722 parameters" in fairprune("cost", "resnet20")[1]
    code, _, err = fairprune("cost", "resnet20", "--shape", "3,32")
    assert (code, "expected channels,height,width" in err) == (2, True)


def test_prune_makes_a_smaller_network(fairprune, tmp_path):
    out = tmp_path / "small.safetensors"
    code, text, _ = fairprune("prune", "resnet20", "--speedup", 2, "-o", out, "--json")
    done = json.loads(text)
    assert code == 0
    assert done["speedup"] == pytest.approx(2, rel=0.01)
    assert out.stat().st_size < 4 * 269_722
    code, _, err = fairprune("prune", "resnet20", "-o", out)
    assert (code, "exactly one target" in err) == (2, True)


def test_ls_and_check(fairprune):
    names = {row["name"] for row in json.loads(fairprune("ls", "criterion", "--json")[1])["criterion"]}
    assert {"magnitude", "l1_norm"} <= names
    assert fairprune("check", "magnitude")[0] == 0


@pytest.mark.parametrize("kind", ["criterion", "training", "repair", "allocation", "network", "dataset", "objective"])
def test_ls_knows_every_kind_of_component(fairprune, kind):
    code, out, _ = fairprune("ls", kind, "--json")
    assert code == 0
    assert [row["name"] for row in json.loads(out)[kind]] == list(BUILTIN[kind])
    assert set(json.loads(fairprune("ls", "--json")[1])) == set(BUILTIN)


def test_ls_methods_prints_the_table_of_the_documentation(fairprune, monkeypatch):
    code, out, _ = fairprune("ls", "methods", "--json")
    assert code == 0
    assert json.loads(out)["methods"] == json.loads(json.dumps([method.to_json() for method in catalogue()]))
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = fairprune("ls", "methods")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    first = [line.split()[0] for line in out.splitlines() if line[:1].strip()]
    assert [name for name in first if name not in KINDS] == [method.name for method in catalogue()]  # none is folded
    row = next(line for line in out.splitlines() if line.startswith("grasp"))
    assert row.split()[1:5] == ["arXiv:2002.07376", "weight:", "data,", "gradients,"]


def test_check_fails_a_criterion_that_is_not_a_function_of_its_context(fairprune, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "import fairprune as fp, torch\n"
        "@fp.criterion()\ndef noisy(context):\n"
        "    return {name: torch.rand_like(w) for name, w in context.weights.items()}\n"
    )
    code, out, _ = fairprune("check", "mine:noisy")
    assert code == 1
    assert "NO" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "none.toml"], "no study file none.toml"),
        (["plan", "{study}", "--set", "task.network=lenet50"], "did you mean 'lenet5'"),
        (["run", "{study}", "--set", "targets=[9999]"], "out of reach"),
        (["run", "{study}", "--store", "{study}/x"], "cannot be written"),
        (["table", "{study}", "--store", "{study}-mistyped"], "no results in"),
        (["run", "{study}", "--device", "tpu"], "device 'tpu' cannot be used"),
        (["run", "{study}", "--device", "cpu", "--step", "graph"], "expected eager or compile"),
        (["run", "{study}", "--set", "task.data=mnist", "--data-root", "/nowhere"], "mnist"),
    ],
)
def test_what_cannot_work_is_one_line_and_exit_code_2(fairprune, study, arguments, message):
    code, out, err = fairprune(*(argument.format(study=study[0]) for argument in arguments))
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert out == ""


@pytest.mark.parametrize("option", ["--jobs", "--threads"])
def test_fewer_than_no_workers_or_threads_are_refused(fairprune, study, option):
    code, _, err = fairprune("run", study[0], "--store", study[1], option, -1)
    assert code == 2
    assert "Invalid value" in err


def test_plan_counts_damaged_stages_as_still_to_do(fairprune, study, tmp_path):
    path, store = study
    shutil.copytree(store, tmp_path / "store")
    shutil.rmtree(tmp_path / "store" / "records")
    for stage in (tmp_path / "store" / "stages").iterdir():
        stage.write_text("damaged")
    code, out, _ = fairprune("plan", path, "--store", tmp_path / "store", "--set", "seeds=3", "--json")
    assert code == 0
    assert all(tally["done"] == 0 for tally in json.loads(out)["stages"])


def test_plan_counts_the_epochs_that_scratch_is_given_besides(fairprune, study):
    scratch = "retraining.scratch={kind='scratch-e',reading='wang',epochs=3,methods=['magnitude']}"
    code, out, _ = fairprune("plan", study[0], "--store", study[1], "--set", scratch, "--json")
    tally = next(t for t in json.loads(out)["stages"] if t["kind"] == "scratch")
    assert code == 0
    assert tally["steps"] == 2 * 11 * (2 + 3)  # two seeds; batches an epoch; the base's epochs and 3 more


def test_help_does_not_wait_for_torch():
    built = "import sys; from fairprune.cli.app import app; app()"
    script = f"{built}; sys.exit('torch' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_results_can_be_read_where_the_data_is_not(fairprune, tmp_path):
    data = tmp_path / "data" / "pictures"
    for index in range(60):
        folder = data / "abc"[index % 3]
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 80 * (index % 3) + index // 3).save(folder / f"{index}.png")
    study = tmp_path / "own.toml"
    own = '[task.data]\n    name = "folder"\n    options = { path = "pictures", size = 8, channels = 1 }'
    study.write_text(
        textwrap.dedent(
            STUDY.replace('data = "digits"\n', "").replace("[task.pretrain]", own + "\n    [task.pretrain]")
        )
    )
    place = ("--store", tmp_path / "store", "--data-root", tmp_path / "data")
    assert fairprune("run", study, *place, "-j", 1)[0] == 0
    before = fairprune("table", study, *place, "--json")
    shutil.rmtree(data)
    assert fairprune("table", study, *place, "--json") == before
    code, _, err = fairprune("run", study, *place, "-j", 1)
    assert (code, "pictures" in err) == (2, True)
