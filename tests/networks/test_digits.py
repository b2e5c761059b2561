import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from fairprune.networks.digits import digits_cnn
from fairprune.networks.initialise import initialise


def test_trains_to_97_percent_in_132_steps():
    """A network that learns nothing gives 10 %."""
    images, labels = load_digits(return_X_y=True)
    x = (torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) - 4.9) / 6.0
    y = torch.tensor(labels)
    draw = torch.Generator().manual_seed(0)
    order = torch.randperm(len(x), generator=draw)
    train, test = order[:1400], order[1400:]
    network = digits_cnn(10, 1)
    initialise(network, 0)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 12 * 11)
    for _ in range(12):
        for batch in train[torch.randperm(1400, generator=draw)].split(128):
            optimizer.zero_grad()
            F.cross_entropy(network(x[batch]), y[batch]).backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        correct = (network.eval()(x[test]).argmax(1) == y[test]).float().mean()
    assert correct >= 0.97
