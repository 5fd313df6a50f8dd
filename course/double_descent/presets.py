"""What the lesson's experiment can run: the kinds of study, and the presets made of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from course.double_descent import nets

CLASSES = 10


@dataclass(frozen=True)
class Features:
    """Least squares on random Fourier features, every width from the same features.

    Attributes:
        dataset: a name for `utils.data.load`.
        n: training images; every repeat draws its own, and its own features.
        widths: numbers of features, rising.
        bandwidth: of the Gaussian kernel whose features these are, in units of the brightest pixel.
        noises: fractions of labels replaced by another, wrong one.
        test_size: how many test images are used.
        repeats: draws of images, noise and features.
        ridges: penalties on the squared weights.
    """

    dataset: str
    n: int
    widths: tuple[int, ...]
    bandwidth: float
    noises: tuple[float, ...]
    test_size: int
    repeats: int
    ridges: tuple[float, ...] = (0.0,)


@dataclass(frozen=True)
class Nets:
    """Nets of every width, trained alike on the same images, several of each.

    Attributes:
        dataset: a name for `utils.data.load`.
        n: training images.
        net: "perceptron", with one hidden layer of `width` units; or "convolution" (see `nets.convolution`).
        widths: rising.
        noises: as in `Features`.
        epochs, batch_size, learning_rate, loss: of `Recipe`; momentum is 0.95 after five epochs, or Adam without it.
        measured: of `Recipe`; there is a row for each of these epochs.
        test_size: how many test images are used.
        repeats: nets of each width and noise level: draws of weights and order.
        own_data: whether each repeat draws images and noise of its own; else they are the same for all, and the nets of
            a width make an ensemble.
        start: "fresh" weights, or "reused": the narrowest net starts fresh, every other from the trained weights of the
            one before it, its further units from normal weights of deviation 0.1.
        adam: as in `Recipe`.
        crop: whether images are shifted and mirrored at random.
    """

    dataset: str
    n: int
    net: str
    widths: tuple[int, ...]
    noises: tuple[float, ...]
    epochs: int
    batch_size: int
    learning_rate: float
    measured: tuple[int, ...]
    test_size: int
    repeats: int
    start: str = "fresh"
    loss: str = "squared"
    adam: bool = False
    crop: bool = False
    own_data: bool = False


@dataclass(frozen=True)
class Settings:
    """All studies."""

    studies: tuple[Features | Nets, ...]
    seed: int = 0


NOISES = (0.0, 0.1, 0.2)
# Numbers of features over n: they rise evenly on a logarithmic axis, and closer near the threshold, which is among them.
SHARES = (
    *(0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99),
    *(1.0, 1.01, 1.02, 1.05, 1.1, 1.2, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0),
)
RIDGES = (0.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0, 30_000.0)
RIDGED_WIDTHS = (50, 100, 200, 400, 800, 1_200, 1_600, 1_900, 2_000, 2_100, 2_400, 3_000, 4_000, 6_000, 8_000, 12_000)
# Hidden units: 27 widths, closer near the 50 units at which there are as many parameters as targets.
UNITS = (
    *(4, 6, 8, 11, 14, 17, 20, 24, 28, 32, 36, 40, 45, 50, 56, 64, 72, 80),
    *(100, 128, 160, 200, 256, 360, 500, 700, 1_000),
)
TIMES = (1, 2, 5, 10, 20, 30, 50, 100, 200, 300, 500, 700)


def _widths(n: int) -> tuple[int, ...]:
    return tuple(sorted({max(1, round(share * n)) for share in SHARES}))


def fast() -> Settings:
    """Digits: a few seconds on two cores."""
    random_features = Features(
        dataset="digits",
        n=300,
        widths=_widths(300),
        bandwidth=2.0,
        noises=NOISES,
        test_size=500,
        repeats=5,
        ridges=(0.0, 10.0, 30.0, 100.0, 300.0, 1_000.0),
    )
    small_nets = Nets(
        dataset="digits",
        n=150,
        net="perceptron",
        widths=(2, 4, 8, 10, 15, 20, 25, 30, 40, 100),
        noises=(0.2,),
        epochs=1_000,
        batch_size=50,
        learning_rate=0.01,
        measured=(10, 30, 100, 300),
        test_size=500,
        repeats=3,
    )
    return Settings((random_features, small_nets))


def features() -> Settings:
    """Random features at the paper's size, and with ridges on fewer images."""
    without_ridge = Features(
        dataset="mnist",
        n=10_000,
        widths=_widths(10_000),
        bandwidth=5.0,
        noises=NOISES,
        test_size=10_000,
        repeats=5,
    )
    return Settings((without_ridge, replace(without_ridge, n=2_000, widths=RIDGED_WIDTHS, ridges=RIDGES)))


def perceptrons() -> Settings:
    """The paper's nets, for as many epochs as two cores manage in about an hour; and with fewer and more images."""
    fresh = Nets(
        dataset="mnist",
        n=4_000,
        net="perceptron",
        widths=UNITS,
        noises=(0.0, 0.2),
        epochs=1_000,
        batch_size=128,
        learning_rate=0.01,
        measured=TIMES,
        test_size=10_000,
        repeats=5,
    )
    small = tuple(width for width in UNITS if nets.parameters(784, width, CLASSES) <= 4_000 * CLASSES)
    few = replace(fresh, widths=(8, 14, 20, 28, 40, 56), noises=(0.2,), own_data=True)
    samples = tuple(replace(few, n=n) for n in (1_000, 2_000, 4_000, 8_000))
    return Settings((fresh, replace(fresh, start="reused", widths=small), *samples))


def full() -> Settings:
    """All of it, with the convolutional proxy: for a GPU."""
    proxy = Nets(
        dataset="cifar10",
        n=10_000,
        net="convolution",
        widths=(1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 32, 48, 64),
        noises=NOISES,
        epochs=1_000,
        batch_size=128,
        learning_rate=1e-4,
        measured=TIMES,
        test_size=10_000,
        repeats=1,
        loss="cross_entropy",
        adam=True,
        crop=True,
    )
    longer = tuple(replace(study, epochs=6_000, measured=(*TIMES, 1_000, 2_000)) for study in perceptrons().studies)
    return Settings((*features().studies, *longer, proxy))


PRESETS: dict[str, Callable[[], Settings]] = {
    "fast": fast,
    "features": features,
    "perceptrons": perceptrons,
    "full": full,
}
