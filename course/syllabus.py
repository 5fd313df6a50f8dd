"""The lessons in order: the only list of them anywhere."""

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

TITLE = "Why over-parametrised models generalise"


@dataclass(frozen=True)
class Lesson:
    """One lesson: a package in `course`, whose modules are attributes here, and a source notebook in `solutions`.

    Attributes:
        number: its place in the course, from 1.
        name: the package `course.<name>` and the notebook `<name>.ipynb`.
        title: what the learner reads.
        question: the question it answers, in one sentence.
        minutes: study time, estimated from the exercises and two read-throughs.
    """

    number: int
    name: str
    title: str
    question: str
    minutes: int

    @property
    def folder(self) -> str:
        """The folder's name under `lessons/` and `solutions/`, e.g. `01_minimum_norm`."""
        return f"{self.number:02d}_{self.name}"

    @property
    def theory(self) -> ModuleType:
        """The lesson's mathematics as code."""
        return self._module("theory")

    @property
    def exercises(self) -> ModuleType:
        """The module with `EXERCISES`, each also by its name."""
        return self._module("exercises")

    @property
    def explorers(self) -> ModuleType:
        """The module with `EXPLORERS`, each also by its name."""
        return self._module("explorers")

    @property
    def figures(self) -> ModuleType:
        """The still pictures, those of the lesson's records among them."""
        return self._module("figures")

    @property
    def experiment(self) -> ModuleType:
        """The module with `experiment`."""
        return self._module("experiment")

    def _module(self, name: str) -> ModuleType:
        # Imported when it is asked for: `course update` and `course list` must not wait for torch.
        return import_module(f"course.{self.name}.{name}")


LESSONS = (
    Lesson(
        number=1,
        name="minimum_norm",
        title="The minimum-norm kernel solution",
        question="When infinitely many models fit the data exactly, which one do you get, and why is it any good?",
        minutes=150,
    ),
    Lesson(
        number=2,
        name="random_labels",
        title="Fitting random labels",
        question="If a network can fit any labels, what did fitting ever tell us?",
        minutes=120,
    ),
    Lesson(
        number=3,
        name="double_descent",
        title="Double descent",
        question="Why does the error fall again after the model is large enough to fit everything, and when does it not?",
        minutes=180,
    ),
    Lesson(
        number=4,
        name="flat_minima",
        title="The Laplace approximation of flat minima",
        question="What, exactly, is a flat minimum worth, and in what unit?",
        minutes=180,
    ),
    Lesson(
        number=5,
        name="bits_back",
        title="Bits-back coding",
        question="How can sending a network's weights cost fewer bits the less you care about their values, "
        "and where do the bits come back?",
        minutes=180,
    ),
)


def lesson(name: str) -> Lesson:
    """The lesson called `name`.

    Raises:
        KeyError: there is none; the message lists those there are.
    """
    for candidate in LESSONS:
        if candidate.name == name:
            return candidate
    raise KeyError(f"no lesson is called {name!r}; the lessons are: {', '.join(lesson.name for lesson in LESSONS)}")
