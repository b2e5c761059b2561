from pathlib import Path

import pytest

from fairprune.corpus.check import faults
from fairprune.corpus.importers import tanaka
from fairprune.corpus.tables import Part, merged, nothing
from fairprune.errors import CorpusError
from fairprune.schedules import parse

HEAD = "dataset,network,method,compression,replicate,top1\n"


def written(folder: Path, rows: str) -> Path:
    path = folder / "synflow.csv"
    path.write_text(HEAD + rows)
    return path


def test_replicates_stay_apart(tmp_path: Path) -> None:
    rows = "CIFAR-10,tiny_resnet18,SynFlow,10.0,0,93.5\nCIFAR-10,tiny_resnet18,SynFlow,10.0,1,93.7\n"
    path = written(tmp_path, rows)
    assert tanaka.recognises(path)
    (part,) = tanaka.read(path, nothing())
    known = Part(
        "known",
        {
            "datasets": [{"key": "cifar-10", "name": "CIFAR-10"}, {"key": "tiny-imagenet", "name": "Tiny ImageNet"}],
            "methods": [{"key": "SNIP", "name": "SNIP"}],
        },
    )
    corpus = merged(merged(nothing(), known), part)
    assert list(faults(corpus, part.places)) == []
    first, second = corpus["results"].sort("replicate").iter_rows(named=True)
    assert (first["replicate"], first["top1"], second["replicate"], second["top1"]) == (0, 93.5, 1, 93.7)
    assert {row["seeds"] for row in (first, second)} == {1}
    assert (first["compression"], first["method"], first["base_top1"]) == (10.0, "tanaka-2020", None)


def test_the_recipe_is_that_of_cifar(tmp_path: Path) -> None:
    rows = "CIFAR-100,lottery_vgg16_bn,random,1.0,2,73\nTiny ImageNet,vgg16_bn,SNIP,1.0,0,58\n"
    (part,) = tanaka.read(written(tmp_path, rows), nothing())
    cifar, tiny = part.rows["results"]
    schedule = parse(cifar["retrain_schedule"])
    assert (schedule.total, schedule.at(59), schedule.at(60), schedule.at(120)) == (160, 0.1, 0.01, 0.001)
    assert (cifar["weight_decay"], cifar["batch_size"], cifar["optimizer"]) == (1e-4, 128, "sgd")
    assert (cifar["pretrain_epochs"], cifar["prune_epochs"], cifar["prune_schedule"]) == (0, 0, "none")
    assert not {"retrain_schedule", "weight_decay", "batch_size"} & tiny.keys()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("CIFAR-11,tiny_resnet18,SNIP,1.0,0,90", "dataset 'CIFAR-11'; did you mean 'CIFAR-10'"),
        ("CIFAR-10,resnet19,SNIP,1.0,0,90", "network 'resnet19'; did you mean 'resnet18'"),
        ("CIFAR-10,tiny_resnet18,Snip,1.0,0,90", "line 2, method: unknown method 'Snip' "),
        ("CIFAR-10,tiny_resnet18,SNIP,1.0,0.5,90", "replicate: 0.5: expected a whole number"),
        ("CIFAR-10,tiny_resnet18,SNIP,,0,90", "compression: missing"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(CorpusError, match=said):
        tanaka.read(written(tmp_path, f"{row}\n"), nothing())


def test_other_tables_are_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("dataset,network,top1\n")
    assert not tanaka.recognises(tmp_path / "other.csv")
    assert not tanaka.recognises(tmp_path)
