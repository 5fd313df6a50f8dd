"""ResNet-18s of every width on CIFAR-10: the effective dimension through double descent, at the size of the paper. For a GPU.

Maddox, Benton, Wilson 2020 use CIFAR-100 and 100 eigenvalues of the Hessian of the mean loss. Ours differ: CIFAR-10, the
Gauss-Newton matrix of the sum over the images that are measured, fewer eigenvalues, batch normalisation as in prediction.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from course.flat_minima import theory
from course.flat_minima.studies.images import CLASSES, test_images, training_images
from utils.seeds import generator_of, seed_of

MOMENTUM = 0.9
BATCH = 500  # images at a time where nothing is learned


@dataclass(frozen=True)
class ResNets:
    """Nets of every width, trained alike on the same images and noise.

    Attributes:
        widths: channels of the first of the four stages; the paper's run from 1 to 64.
        n: training images.
        noise: the fraction of wrong labels.
        epochs, batch_size, learning_rate, decay: of descent with momentum; the rate falls to 0 along half a cosine.
        measured: training images of the curvature.
        steps: of Lanczos, on them.
        prior_precisions: z of the effective dimension.
    """

    widths: tuple[int, ...]
    n: int
    noise: float
    epochs: int
    batch_size: int
    learning_rate: float
    decay: float
    measured: int
    steps: int
    prior_precisions: tuple[float, ...]
    dataset: str = "cifar10"
    study: str = "resnets"

    def parts(self) -> list[str]:
        """A width each, the widest first."""
        return [f"{width}" for width in reversed(self.widths)]

    def rows(self, part: str, seed: int, device: torch.device, progress: Callable, checkpoint: object) -> list[dict]:
        """Rows of study, width, parameters, train_loss (a mean), train_error, test_error, z, effective_dimension (of the
        eigenvalues that Lanczos finds: a lower bound) and largest (eigenvalue).
        """
        width = int(part)
        X, y = (each.to(device) for each in training_images(self.dataset, self.n, generator_of(seed, 0), self.noise))
        T, t = (each.to(device) for each in test_images(self.dataset))
        net = resnet(width, X.shape[1], seed_of(seed, 1, width)).to(device)
        self._train(net, X, y, seed_of(seed, 2), progress, checkpoint)
        net.eval()
        train_loss, train_error = _performance(net, X, y)
        _, test_error = _performance(net, T, t)
        product = theory.product(net, X[: self.measured], y[: self.measured], "classification", chunk=BATCH)
        done = 0

        def counted(v: Tensor) -> Tensor:
            nonlocal done
            done += 1
            progress(0.8 + 0.2 * done / self.steps, f"product {done}")
            return product(v.to(device, torch.float32)).cpu()

        d = sum(each.numel() for each in net.parameters())
        nodes, _ = theory.lanczos(counted, d, self.steps, generator_of(seed, 3))
        return [
            {
                "study": self.study,
                "width": width,
                "parameters": d,
                "train_loss": train_loss,
                "train_error": train_error,
                "test_error": test_error,
                "z": z,
                "effective_dimension": theory.effective_dimension(nodes.clamp(min=0), z),
                "largest": float(nodes[-1]),
            }
            for z in self.prior_precisions
        ]

    def _train(self, net: nn.Module, X: Tensor, y: Tensor, seed: int, progress: Callable, checkpoint: object) -> None:
        optimiser = torch.optim.SGD(
            net.parameters(), self.learning_rate, momentum=MOMENTUM, weight_decay=self.decay, nesterov=True
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.epochs)
        generator, begun = torch.Generator().manual_seed(seed), 0
        if saved := checkpoint.load():
            net.load_state_dict(saved["net"])
            optimiser.load_state_dict(saved["optimiser"])
            schedule.load_state_dict(saved["schedule"])
            generator.set_state(saved["generator"])
            begun = saved["epoch"]
        net.train()
        for epoch in range(begun, self.epochs):
            for chosen in torch.randperm(len(X), generator=generator).split(self.batch_size):
                chosen = chosen.to(X.device)
                optimiser.zero_grad()
                functional.cross_entropy(net(X[chosen]), y[chosen]).backward()
                optimiser.step()
            schedule.step()
            progress(0.8 * (epoch + 1) / self.epochs, f"epoch {epoch + 1}")
            if (epoch + 1) % 10 == 0:
                checkpoint.save(
                    {
                        "net": net.state_dict(),
                        "optimiser": optimiser.state_dict(),
                        "schedule": schedule.state_dict(),
                        "generator": generator.get_state(),
                        "epoch": epoch + 1,
                    }
                )


class Block(nn.Module):
    """Two convolutions and a way around them. Source: He et al. 2016, figure 2."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.around: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.around = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        inside = self.second_norm(self.second(functional.relu(self.first_norm(self.first(x)))))
        return functional.relu(inside + self.around(x))


def resnet(width: int, channels: int, seed: int) -> nn.Sequential:
    """ResNet-18 for small images, its four stages of `width`, 2, 4 and 8 times `width` channels.

    Source: He et al. 2016; without the first pooling, as usual for images of 32 x 32.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        stages = []
        inputs = width
        for stage in range(4):
            outputs = width * 2**stage
            stages += [Block(inputs, outputs, 1 if stage == 0 else 2), Block(outputs, outputs, 1)]
            inputs = outputs
        return nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            *stages,
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(inputs, CLASSES),
        )


def _performance(net: nn.Module, X: Tensor, y: Tensor) -> tuple[float, float]:
    """Mean loss and error."""
    with torch.no_grad():
        outputs = torch.cat([net(part) for part in X.split(BATCH)])
    return float(functional.cross_entropy(outputs, y)), float((outputs.argmax(1) != y).double().mean())
