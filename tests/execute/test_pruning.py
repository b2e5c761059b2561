"""What criteria may look at."""

import torch

from fairprune.data.load import load_data
from fairprune.execute.pruning import calibration
from fairprune.execute.workshop import Workshop
from fairprune.spec import Calibration, DataSpec, NetworkSpec, Recipe, Task
from fairprune.store import open_store


def test_calibration_samples_are_training_images_as_they_are(tmp_path):
    """Each a training image, none twice, none augmented; fewer where the split has fewer."""
    data = load_data(DataSpec(name="digits"))
    workshop = Workshop(open_store(tmp_path), lambda _: data, lambda _: tmp_path)
    recipe = Recipe(schedule="constant:1 total:1", augment=("pad-crop:2", "flip"))
    task = Task(data=DataSpec(name="digits"), network=NetworkSpec(name="digits_cnn"), pretrain=recipe)
    train = torch.cat([images for images, _ in workshop.loader(task, "train").ordered()]).flatten(1)
    known = {tuple(image.tolist()): index for index, image in enumerate(train)}
    batches = list(calibration(workshop, task, Calibration(samples=300, batch_size=128), seed=5))
    assert [len(targets) for _, targets in batches] == [128, 128, 44]
    seen = [known[tuple(image.tolist())] for images, _ in batches for image in images.flatten(1)]
    assert len(set(seen)) == 300
    assert torch.equal(torch.cat([targets for _, targets in batches]), data.train.labels[seen])
    again = list(calibration(workshop, task, Calibration(samples=300, batch_size=128), seed=5))
    assert all(torch.equal(one[0], two[0]) for one, two in zip(batches, again, strict=True))
    every = list(calibration(workshop, task, Calibration(samples=10**6, batch_size=500), seed=5))
    assert sum(len(targets) for _, targets in every) == len(data.train)
