"""What the lesson's experiment can run: the presets, made of the studies in `course.bits_back.studies`."""

from collections.abc import Callable
from dataclasses import dataclass

from course.bits_back.autoencoder import Shape
from course.bits_back.nets import Learning
from course.bits_back.studies.images import Archives, Programs
from course.bits_back.studies.labels import Labels
from course.bits_back.studies.prequential import Doubling, Noise, Online, RatioAgainstNoise

Study = Archives | Programs | Labels | Noise | RatioAgainstNoise | Online | Doubling

DIGITS_LEVELS, MNIST_LEVELS = 17, 256


@dataclass(frozen=True)
class Settings:
    """All studies."""

    studies: tuple[Study, ...]
    seed: int = 0


def fast() -> Settings:
    """Digits: ten seconds on two cores."""
    return Settings(
        (
            Archives(
                "digits",
                Shape(pixels=64, latents=8, hidden=64, layers=1, levels=DIGITS_LEVELS, tables=8),
                epochs=60,
                batch=50,
                learning_rate=3e-3,
                elsewhere=False,
            ),
            Programs("digits", DIGITS_LEVELS),
            Labels("digits", None, (64, 10), steps=500, priors=(2.0,), kept=(0.35, 0.18), values=(4,)),
            Noise(),
        )
    )


def full() -> Settings:
    """MNIST, under an hour on two cores."""
    return Settings(
        (
            Archives("mnist", Shape(), epochs=78, batch=100, learning_rate=1e-3),
            Archives(
                "mnist", Shape(levels=MNIST_LEVELS, tables=8), epochs=72, batch=100, learning_rate=1e-3, moved=True
            ),
            Online(Learning(steps=16_500)),
            RatioAgainstNoise(),
            RatioAgainstNoise(
                n=None,
                dataset="digits",
                learning=Learning("perceptron", 64, 3_000, rate=2e-3, last_rate=2e-3, moved=False),
            ),
            Doubling(),
            Labels(
                "mnist",
                None,
                (784, 64, 10),
                steps=8_000,
                batch=200,
                learning_rate=0.01,
                point_steps=3_000,
                point_rate=0.003,
                priors=(0.5,),
                kept=(0.2, 0.1, 0.05, 0.03, 0.02, 0.014),
                values=(4, 8),
                draws=10,
                messages=0,
            ),
            Labels("digits", None, (64, 32, 10), steps=1_500, messages=20),
            Labels("digits", None, (64, 10), steps=500, messages=20),
            Noise(),
            Programs("mnist", 2),
            Programs("mnist", MNIST_LEVELS),
        )
    )


PRESETS: dict[str, Callable[[], Settings]] = {"fast": fast, "full": full}
