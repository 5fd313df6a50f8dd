"""What the lesson's experiment can run: the presets, made of the studies in `course.flat_minima.studies`."""

from collections.abc import Callable
from dataclasses import dataclass

from course.flat_minima.rescaling import ALPHAS
from course.flat_minima.studies.exact import Polynomials, Regressions, Rescaling, Slopes
from course.flat_minima.studies.lenets import Spectra, Structures
from course.flat_minima.studies.optimisers import Optimiser, Optimisers
from course.flat_minima.studies.resnets import ResNets
from course.flat_minima.studies.widths import FeatureWidths, Widths

Study = (
    Rescaling
    | Slopes
    | Polynomials
    | Regressions
    | Structures
    | Spectra
    | Widths
    | FeatureWidths
    | Optimisers
    | ResNets
)


@dataclass(frozen=True)
class Settings:
    """All studies."""

    studies: tuple[Study, ...]
    seed: int = 0


DECADES = tuple(float(10**power) for power in range(1, 9))
# Inputs, outputs, hidden units, true rank; of the first, log log n shows at any n that there is.
REGULAR = (8, 8, 8, 8)
MODELS = ((1, 1, 1, 0), (3, 3, 2, 0), (4, 4, 4, 1), (5, 5, 5, 2), (10, 6, 4, 2), (20, 20, 10, 4), REGULAR)
HIDDEN = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30, 40, 60, 100)
FEATURES = (10, 20, 30, 45, 60, 100, 150, 200, 240, 270, 285, 300, 315, 330, 360, 400, 500, 700, 1_000, 2_000)


def fast() -> Settings:
    """What is exact: ten seconds on two cores."""
    return Settings(
        (
            Rescaling((0.125, 0.5, 1.0, 2.0, 8.0)),
            Slopes((0.0, 1.0), DECADES),
            Polynomials(30, 24, 20, (1.0,), 50),
            Regressions(((5, 5, 5, 2),), 1_000, 2),
        )
    )


def full() -> Settings:
    """All that a CPU can do, in an hour or two."""
    without = Widths(300, 0.2, HIDDEN, 5, decay=0.0, measured=(0.1, 1.0), epochs=1_000)
    ways = (
        Optimiser(0.1),
        Optimiser(0.3),
        Optimiser(1.0),
        Optimiser(0.5, batch=100),
        Optimiser(0.1, batch=10),
        Optimiser(0.5, batch=10),
        Optimiser(0.3, radius=0.1),
        Optimiser(0.3, radius=0.3),
        Optimiser(0.1, batch=10, radius=0.1),
    )
    return Settings(
        (
            Spectra(10_000, 3, epochs=10, steps=40),
            Structures(1_000, 3, prior_precision=1.0, steps=300),
            Optimisers(ways, 500, 0.2, 50, until=0.02, epochs=60_000, splits=2, repeats=8),
            without,
            Widths(300, 0.2, HIDDEN, 5, decay=0.1, measured=(0.1, 1.0), epochs=500),
            FeatureWidths(300, 0.2, FEATURES, 20, measured=1e-6),
            Rescaling(ALPHAS),
            Slopes((0.0, 1.0), DECADES),
            Polynomials(30, 24, 20, (1.0, 1e-4), 50),
            Regressions(MODELS, 1_000, 4),
        )
    )


def resnets() -> Settings:
    """The paper's nets and widths: for a GPU."""
    widths = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64)
    return Settings(
        (
            ResNets(
                widths,
                n=50_000,
                noise=0.0,
                epochs=100,
                batch_size=128,
                learning_rate=0.1,
                decay=5e-4,
                measured=5_000,
                steps=60,
                prior_precisions=(1.0, 10.0, 100.0),
            ),
        )
    )


PRESETS: dict[str, Callable[[], Settings]] = {"fast": fast, "full": full, "resnets": resnets}
