"""The lesson's exercises: what each asks, how it is checked, and what people get wrong."""

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import torch
from torch import Tensor

from course.random_labels import theory
from utils.draws import drawn_until
from utils.exercise import Cases, Exercise, Mistake, WrittenExercise
from utils.labels import incorrect_noise, uniform_noise

# ---------------------------------------------------------------------------------------------------------------------
# Two definitions of label noise

# In standard errors of a share. There are two hundred shares, and one in 3,000 draws has a share beyond five. Numbers are
# drawn again beyond four, so that whoever cuts them into equal cells is never at the limit.
MOST_UNEVEN = 5.0
MOST_UNEVEN_DRAWS = 4.0


def _labellings(rng: np.random.Generator) -> Cases:
    return [_labelling(rng, n, classes) for n, classes in ((4_000, 2), (6_000, 3), (20_000, 10))]


def _labelling(rng: np.random.Generator, n: int, classes: int) -> tuple[Tensor, Tensor, Tensor, int]:
    # Most labels are 0, or a constant would pass for a uniform draw.
    labels = torch.from_numpy(np.where(rng.random(n) < 0.6, 0, rng.integers(classes, size=n)))
    replaced = torch.from_numpy(rng.random(n) < 0.5)
    replaced[-1] = False
    draws = drawn_until(lambda draws: _fall_evenly(draws, labels, replaced, classes), lambda: _uniform(rng, n))
    # Everything comes twice: who uses the numbers given has the same answer twice.
    return labels.repeat(2), replaced.repeat(2), draws.repeat(2), classes


def _fall_evenly(draws: Tensor, labels: Tensor, replaced: Tensor, classes: int) -> bool:
    """Whether the numbers of each old label, cut into as many cells as there are new ones, are well within the check."""
    for old in range(classes):
        chosen = draws[replaced & (labels == old)]
        for cells in (classes - 1, classes):
            shares = torch.bincount((chosen * cells).long(), minlength=cells).numpy() / len(chosen)
            if _unevenness(shares, len(chosen)) > MOST_UNEVEN_DRAWS:
                return False
    return True


def _unevenness(shares: np.ndarray, count: int) -> float:
    """How far the farthest of `count` draws' shares is from an even one, in standard errors of a share."""
    fair = 1 / len(shares)
    return float(np.abs(shares - fair).max()) / math.sqrt(fair * (1 - fair) / count) if fair < 1 else 0.0


def _uniform(rng: np.random.Generator, *shape: int) -> Tensor:
    return torch.from_numpy(rng.random(shape))


def _noisy_labels(labels: Tensor, replaced: Tensor, draws: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Both kinds of label noise from the same random numbers: "uniform" and "incorrect" (see `theory.corrupt_labels`).

    Args:
        labels: (n,), whole numbers from 0 to classes - 1.
        replaced: (n,), which labels to replace.
        draws: (n,), random numbers, uniform in [0, 1).

    Returns:
        The labels with uniform and with incorrect noise, each (n,).
    """
    anyone, another = _fresh(labels, draws, classes)
    return torch.where(replaced, anyone, labels), torch.where(replaced, another, labels)


def _fresh(labels: Tensor, draws: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    # A step of 1 to classes - 1 around the circle of classes never ends where it began.
    return (draws * classes).long(), (labels + 1 + (draws * (classes - 1)).long()) % classes


def _is_noise(observed: tuple[np.ndarray, ...], labels: Tensor, replaced: Tensor, draws: Tensor, classes: int):
    labels, replaced = labels.numpy(), replaced.numpy()
    half = len(labels) // 2
    for kind, given in zip(theory.LABEL_KINDS, observed, strict=True):
        if given.dtype != np.int64:
            return f"the labels with {kind} noise are {given.dtype}; a label is a whole number: int64."
        if not ((given >= 0) & (given < classes)).all():
            return f"the labels with {kind} noise run from {given.min()} to {given.max()}, out of 0 to {classes - 1}."
        kept = (given == labels)[~replaced]
        if not kept.all():
            return f"with {kind} noise {(~kept).sum()} labels changed that were not to be replaced."
        if not np.array_equal(given[:half], given[half:]):
            return (
                f"with {kind} noise equal labels with equal numbers in `draws` came out different: take the random "
                f"numbers that are given, not your own."
            )
        for old in range(classes):
            chosen = given[:half][replaced[:half] & (labels[:half] == old)]
            counts = np.bincount(chosen, minlength=classes)
            if kind == "incorrect" and counts[old]:
                return f"with incorrect noise {counts[old]} of {len(chosen)} replaced labels {old} are {old} again."
            shares = np.delete(counts, old) / len(chosen) if kind == "incorrect" else counts / len(chosen)
            if _unevenness(shares, len(chosen)) > MOST_UNEVEN:
                return (
                    f"with {kind} noise the new labels are not spread evenly: of the labels {old} that are replaced, "
                    f"{shares.max():.0%} become one class and {shares.min():.0%} another, where each of {len(shares)} "
                    f"should get {1 / len(shares):.0%}."
                )
    return None


def _noise_mistake(make):
    def wrong(labels: Tensor, replaced: Tensor, draws: Tensor, classes: int) -> tuple[Tensor, Tensor]:
        return make(labels, replaced, draws, classes, *_fresh(labels, draws, classes))

    return wrong


noisy_labels = Exercise(
    name="noisy_labels",
    points=2,
    minutes=10,
    difficulty=2,
    reference=_noisy_labels,
    cases=_labellings,
    mistakes=(
        Mistake(
            _noise_mistake(lambda y, r, v, k, uniform, incorrect: (uniform, incorrect)),
            "You replaced every label. Only those marked in `replaced` change: torch.where keeps the others.",
        ),
        Mistake(
            _noise_mistake(
                lambda y, r, v, k, uniform, incorrect: (torch.where(r, uniform, y), torch.where(r, uniform, y))
            ),
            "Your incorrect noise is the uniform kind: one label in `classes` comes out right. Draw from the "
            "classes - 1 others, for instance by a step of 1 to classes - 1 around the circle of classes.",
        ),
        Mistake(
            _noise_mistake(
                lambda y, r, v, k, uniform, incorrect: (torch.where(r, incorrect, y), torch.where(r, incorrect, y))
            ),
            "Your uniform noise is the incorrect kind: it is drawn from all classes, so that some labels come out "
            "right by chance.",
        ),
        Mistake(
            _noise_mistake(
                lambda y, r, v, k, uniform, incorrect: (torch.where(r, incorrect, y), torch.where(r, uniform, y))
            ),
            "You have both, in the wrong order: return (uniform, incorrect).",
        ),
        Mistake(
            _noise_mistake(
                lambda y, r, v, k, uniform, incorrect: (torch.where(r, y, uniform), torch.where(r, y, incorrect))
            ),
            "You kept the labels that were to be replaced and replaced the others: the first branch of torch.where is "
            "taken where the condition holds.",
        ),
        Mistake(
            _noise_mistake(
                lambda y, r, v, k, uniform, incorrect: (
                    torch.where(r, uniform, y),
                    torch.where(r, (y + (v * (k - 1)).long()) % k, y),
                )
            ),
            "Your step around the circle starts at 0, which is the old label: it must run from 1 to classes - 1.",
        ),
        Mistake(
            _noise_mistake(
                lambda y, r, v, k, uniform, incorrect: (
                    torch.where(r, uniform, y),
                    torch.where(r, (y + 1 + (v * k).long()) % k, y),
                )
            ),
            "Your step around the circle runs from 1 to classes, and a step of `classes` comes back to the old label.",
        ),
    ),
    forbids=(theory.corrupt_labels, uniform_noise, incorrect_noise),
    verify=_is_noise,
)


# ---------------------------------------------------------------------------------------------------------------------
# From one definition to the other


def _same_noise(incorrect: Tensor, classes: int) -> Tensor:
    """The fraction of uniform noise that changes as many labels as a fraction of incorrect noise.

    Args:
        incorrect: fractions between 0 and 1, (m,).

    Returns:
        Fractions, (m,); inf where no uniform noise changes so many.
    """
    uniform = incorrect * classes / (classes - 1)
    return torch.where(uniform > 1, torch.inf, uniform)


def _fractions(rng: np.random.Generator) -> Cases:
    # The last of each is low, so that it has an answer.
    return [(torch.cat([_uniform(rng, 6), torch.tensor([1.0, 0.0]), 0.4 * _uniform(rng, 1)]), k) for k in (2, 10, 100)]


same_noise = Exercise(
    name="same_noise",
    points=1,
    minutes=5,
    difficulty=1,
    reference=_same_noise,
    cases=_fractions,
    mistakes=(
        Mistake(
            lambda incorrect, classes: incorrect * (classes - 1) / classes,
            "You went the other way: that is the fraction which uniform noise changes. You are given what is changed.",
        ),
        Mistake(
            lambda incorrect, classes: incorrect.clone(),
            "Uniform noise of a fraction p changes fewer labels than p: one draw in `classes` is the old label.",
        ),
        Mistake(
            lambda incorrect, classes: incorrect * classes / (classes - 1),
            "Some of your fractions are above 1: uniform noise changes at most (classes - 1) / classes of the labels, "
            "and where more are asked for the answer is torch.inf.",
        ),
        Mistake(
            lambda incorrect, classes: (incorrect * classes / (classes - 1)).clamp(max=1),
            "At 1 uniform noise changes (classes - 1) / classes of the labels and no more: where more are asked for, "
            "the answer is torch.inf, not 1.",
        ),
    ),
)


# ---------------------------------------------------------------------------------------------------------------------
# The net that memorises


def _on_a_line(rng: np.random.Generator) -> Cases:
    cases = []
    for n in (1, 2, 5, 12):
        gaps = rng.uniform(0.5, 1.5, n)
        gaps[n // 2] = 0.02  # as two images may be
        cases.append((torch.from_numpy(gaps).cumsum(0) - 3, torch.from_numpy(rng.integers(1, 10, n)).double()))
    return cases


def _memorises(observed: tuple[np.ndarray, ...], z: Tensor, y: Tensor) -> str | None:
    biases, outputs = map(torch.from_numpy, observed)
    given = (z[:, None] - biases).relu() @ outputs
    miss = (given - y).abs()
    if not miss.max() <= 1e-6:
        at = int(miss.nan_to_num(torch.inf).argmax())
        if miss.max() < 1e-2 * y.abs().max() or outputs.abs().max() > 1e8:
            return (
                f"at point {at + 1} the net misses its target by {float(miss[at]):.1e}, with outputs up to "
                f"{float(outputs.abs().max()):.0e}: rounding. Leave more room between a bias and its point: b_j at "
                f"z_(j-1), the point before, leaves most."
            )
        return f"the net gives {float(given[at]):.4g} at point {at + 1}, whose target is {float(y[at]):.4g}."
    return None


def _bends(z: Tensor, bend: float = 0.0) -> Tensor:
    return torch.cat([z[:1] - 1, z[:-1] + bend * z.diff()])


def _slopes(z: Tensor, y: Tensor) -> Tensor:
    return torch.cat([y[:1], y.diff() / z.diff()])


def _solved(z: Tensor, biases: Tensor, y: Tensor) -> Tensor:
    return torch.linalg.solve_triangular((z[:, None] - biases).relu(), y[:, None], upper=False).flatten()


memorising_weights = Exercise(
    name="memorising_weights",
    points=3,
    minutes=20,
    difficulty=4,
    reference=theory.memorising_weights,
    cases=_on_a_line,
    mistakes=(
        Mistake(
            lambda z, y: (z.clone(), torch.linalg.solve((z[:, None] - z).relu(), y)),
            "Your system is singular. With biases on the points, or after them, unit j is 0 at its own point, and the "
            "first point sees no unit at all. Put b_j at the point before, z_(j-1), and b_1 before z_1.",
        ),
        Mistake(
            lambda z, y: (z - 1e-3, _solved(z, z - 1e-3, y)),
            "Your biases lie so close before their points that the outputs grow by a large factor at every point, and "
            "rounding eats the answer. Put b_j at the point before, z_(j-1).",
        ),
        Mistake(
            lambda z, y: (_bends(z), torch.linalg.solve(z[:, None] - _bends(z), y)),
            "You left the ReLU out of the system: every unit is then a straight line, and so are n of them together.",
        ),
        Mistake(
            lambda z, y: (_bends(z), _slopes(z, y)),
            "You used the slopes between neighbours as outputs. A ReLU unit goes on for ever once it is on, so that "
            "w_j is a change of slope.",
        ),
        Mistake(
            lambda z, y: (_bends(z, 0.5), torch.cat([_slopes(z, y)[:1], _slopes(z, y).diff()])),
            "You took the changes of slope between the points as outputs. That is right where the bends lie at the "
            "points, b_j = z_(j-1); with biases elsewhere solve the triangular system.",
        ),
        Mistake(
            lambda z, y: (_bends(z), y / (z - _bends(z))),
            "You used the diagonal alone (or told solve_triangular that the matrix is upper triangular): at point i "
            "all units before the i-th are on as well.",
        ),
        Mistake(
            lambda z, y: (
                _bends(z),
                torch.linalg.solve_triangular((z[:, None] - _bends(z)).relu().T, y[:, None], upper=True).flatten(),
            ),
            "You solved the transposed system: row i belongs to point i, column j to unit j, so the matrix is lower "
            "triangular.",
        ),
        Mistake(
            lambda z, y: (_solved(z, _bends(z), y), _bends(z)),
            "You have both, in the wrong order: return the biases, then the outputs.",
        ),
    ),
    forbids=(theory.memorising_network, theory.MemorisingNetwork),
    verify=_memorises,
)


# ---------------------------------------------------------------------------------------------------------------------
# Time to fit


def _time_to_fit(accuracy: Tensor, rates: Tensor) -> Tensor:
    """The first epoch after which every training example is right, where the learning rate has not been stepped down.

    Args:
        accuracy: training accuracy after each epoch, one row a run, (runs, epochs).
        rates: the learning rate of each epoch, (epochs,). Half or less of the one before is a step.

    Returns:
        Epochs counted from 1, (runs,); inf where a run never fits, or fits only in or after an epoch that a step began.
    """
    return _until(_stepped(rates), accuracy == 1, _epochs(accuracy))


def _training_runs(rng: np.random.Generator) -> Cases:
    smooth = 0.1 * 0.95 ** torch.arange(40, dtype=torch.float64)  # below half of the first rate from the 15th epoch on
    stepped, warmed = smooth.clone(), torch.full((40,), 0.2, dtype=torch.float64)
    at, first = int(rng.integers(20, 26)), int(rng.integers(14, 18))
    stepped[at:] /= 10
    warmed[:4] = torch.tensor([0.05, 0.1, 0.15, 0.2])
    warmed[first:] /= 2  # a half exactly
    warmed[first + 8 :] /= 10
    warmed[first + 16 :] /= 10
    return [
        (_runs(rng, 40, int(rng.integers(16, 30)), 39), smooth),
        (_runs(rng, 40, int(rng.integers(16, 19)), at - 1, at, at + 3), stepped),
        (_runs(rng, 40, int(rng.integers(6, 10)), first - 1, first, first + 4, first + 12, first + 18), warmed),
    ]


def _runs(rng: np.random.Generator, epochs: int, *fits: int) -> Tensor:
    """Accuracies of a run that never fits, one that fits at once, one for an epoch only, one from each of `fits` on."""
    runs = torch.from_numpy(rng.uniform(0.5, 0.985, (3 + len(fits), epochs))).sort(1).values
    runs[:, -12:] = 0.9995  # nearly, and not
    runs[1] = 1
    runs[2, int(rng.integers(2, 6))] = 1
    for run, fit in zip(runs[3:], fits, strict=True):
        run[fit:] = 1
    return runs[[0, 2, *range(4, len(runs)), 1, 3]]  # the last one fits


def _epochs(accuracy: Tensor) -> Tensor:
    return torch.arange(1, accuracy.shape[1] + 1, dtype=accuracy.dtype)


def _until(stepped: Tensor, right: Tensor, epochs: Tensor) -> Tensor:
    return torch.where(right & ~stepped, epochs, torch.inf).amin(1)


def _stepped(rates: Tensor) -> Tensor:
    return _from_the_first(rates[1:] <= rates[:-1] / 2)


def _from_the_first(changes: Tensor) -> Tensor:
    """Whether there was a change at this epoch or before; the first epoch has none."""
    return torch.cat([torch.zeros(1, dtype=torch.bool), changes]).cumsum(0) > 0


def _from_the_last(changes: Tensor) -> Tensor:
    changed = torch.cat([torch.zeros(1, dtype=torch.bool), changes]).long()
    return (changed.cumsum(0) == changed.sum()) & (changed.sum() > 0)


def _fit_until(stepped) -> Callable[[Tensor, Tensor], Tensor]:
    """A wrong `time_to_fit` that takes `stepped(rates)` for the epochs from the first step on."""
    return lambda accuracy, rates: _until(stepped(rates), accuracy == 1, _epochs(accuracy))


time_to_fit = Exercise(
    name="time_to_fit",
    points=2,
    minutes=12,
    difficulty=3,
    reference=_time_to_fit,
    cases=_training_runs,
    mistakes=(
        Mistake(
            _fit_until(lambda rates: torch.zeros(1, dtype=torch.bool)),
            "You count runs that fit only after the learning rate was stepped down. Their time is the schedule's: any "
            "run that was nearly there fits at the step.",
        ),
        Mistake(
            _fit_until(lambda rates: _stepped(rates).roll(1).index_fill(0, torch.tensor(0), False)),
            "You count a fit in the epoch of the step itself. That epoch has the lower rate already: a fit counts only "
            "in an epoch before it.",
        ),
        Mistake(
            _fit_until(lambda rates: _from_the_first((rates[1:] <= rates[:-1] / 2).roll(-1))),
            "You stop an epoch too soon: the last epoch before the step still has the higher rate, and counts.",
        ),
        Mistake(
            _fit_until(lambda rates: _from_the_first(rates[1:] < rates[:-1] / 2)),
            "A fall to a half exactly is a step too: <=.",
        ),
        Mistake(
            _fit_until(lambda rates: rates <= rates[0] / 2),
            "You compare with the rate of the first epoch. A smooth decay passes half of that some day, and a warm-up "
            "begins below it: compare each epoch with the one before.",
        ),
        Mistake(
            _fit_until(lambda rates: _from_the_last(rates[1:] <= rates[:-1] / 2)),
            "There may be several steps, and you count up to the last. From the first on, times are the schedule's.",
        ),
        Mistake(
            _fit_until(lambda rates: _from_the_first((rates[1:] <= rates[:-1] / 2) | (rates[1:] >= rates[:-1] * 1.5))),
            "You took a rise of the rate, a warm-up, for a step: a step is a fall.",
        ),
        Mistake(
            lambda accuracy, rates: _until(_stepped(rates), accuracy == 1, _epochs(accuracy) - 1),
            "You count from 0: after the first epoch one epoch has been spent.",
        ),
        Mistake(
            lambda accuracy, rates: _until(_stepped(rates), accuracy >= 0.999, _epochs(accuracy)),
            "You stop at nearly all. To fit is to have every example right: accuracy == 1. The last few examples are what "
            "takes the time.",
        ),
        Mistake(
            lambda accuracy, rates: (accuracy == 1).double().argmax(1).double() + 1,
            "For a run that never fits argmax gives 0, as if it had fitted at once; and a fit after a step of the rate "
            "does not count. Both are inf.",
        ),
        Mistake(
            lambda accuracy, rates: torch.where(
                (accuracy[:, -1:] == 1) & ~_stepped(rates), (accuracy < 1).sum(1, keepdim=True).double() + 1, torch.inf
            ).amin(1),
            "You count the epochs with an error: a run may fit, lose an example again, and fit later. Take the first "
            "epoch that is right.",
        ),
        Mistake(
            _fit_until(lambda rates: _from_the_first(rates[1:] < rates[:-1])),
            "You took every fall of the rate for a step. A fall of a few per cent an epoch is no moment that slow runs "
            "wait for; a step is a fall to a half or less, at once.",
        ),
    ),
)


# ---------------------------------------------------------------------------------------------------------------------
# Rademacher complexity


def _rademacher(values: Tensor) -> Tensor:
    """The empirical Rademacher complexity of a finite class, over all 2^n sign vectors.

    Args:
        values: row h holds h(x_1) ... h(x_n), (functions, n).

    Returns:
        The complexity, ().
    """
    return torch.tensor(theory.rademacher_complexity(values), dtype=values.dtype)


def _classes(rng: np.random.Generator) -> Cases:
    thresholds = 2.0 * torch.ones(6, 5, dtype=torch.float64).tril(-1) - 1
    return [
        (thresholds,),
        (torch.from_numpy(rng.choice([-1.0, 1.0], (4, 6))),),
        (torch.from_numpy(rng.standard_normal((3, 8))),),
    ]


def _signs(n: int) -> Tensor:
    return torch.tensor(list(product((-1.0, 1.0), repeat=n)), dtype=torch.float64)


rademacher = Exercise(
    name="rademacher",
    points=3,
    minutes=15,
    difficulty=3,
    reference=_rademacher,
    cases=_classes,
    mistakes=(
        Mistake(
            lambda values: (_signs(values.shape[1]) @ values.T).mean(0).max() / values.shape[1],
            "You took the mean before the maximum. Every single function averages to 0; the class is allowed to choose "
            "its function after it has seen the signs.",
        ),
        Mistake(
            lambda values: (_signs(values.shape[1]) @ values.T).amax(1).mean(),
            "You left out 1 / n.",
        ),
        Mistake(
            lambda values: ((_signs(values.shape[1]) @ values.T).amax(1).mean() / values.shape[1] + 1) / 2,
            "You took the fraction of signs that agree, (1 + complexity) / 2. The sum in the definition is agreements "
            "less disagreements, over n.",
        ),
        Mistake(
            lambda values: (_signs(values.shape[1]) @ values.T).abs().amax(1).mean() / values.shape[1],
            "You took absolute values, as some authors do. Here the class must reach the signs themselves, not their "
            "opposites.",
        ),
        Mistake(
            lambda values: ((_signs(values.shape[1]) + 1) / 2 @ values.T).amax(1).mean() / values.shape[1],
            "Your signs are 0 and 1; they are -1 and 1.",
        ),
        Mistake(
            lambda values: (_signs(values.shape[1]) @ values.T).max() / values.shape[1],
            "You took the best sign vector. The complexity is the mean over all of them.",
        ),
        Mistake(
            lambda values: (_signs(values.shape[1]) @ values.T).amax(0).mean() / values.shape[1],
            "You took the maximum over the signs for each function. It is the other way round: for each sign vector "
            "the best function, then the mean over sign vectors.",
        ),
    ),
    forbids=(theory.rademacher_complexity,),
)


# ---------------------------------------------------------------------------------------------------------------------
# Simple examples first


def _learned_at(correct: Tensor) -> Tensor:
    """The epoch from which an example is right to the end.

    Args:
        correct: whether each example is right after each epoch, (epochs, n), bool.

    Returns:
        Epochs counted from 1, (n,), float64; inf where an example is wrong at the end.
    """
    return torch.where(correct[-1], _last_wrong(correct) + 1.0, torch.inf).double()


def _last_wrong(correct: Tensor) -> Tensor:
    epochs = torch.arange(1, len(correct) + 1)[:, None]
    return torch.where(correct, 0, epochs).amax(0)


def _learning(rng: np.random.Generator) -> Cases:
    cases = []
    for epochs, n in ((6, 5), (15, 12), (40, 50)):
        epoch = np.arange(1, epochs + 1)[:, None]
        when = rng.integers(3, epochs, n)
        correct = (epoch >= when) | (rng.random((epochs, n)) < 0.3)
        # One is right always, one never at the end, one forgotten once, the last learned in the middle.
        correct[:, 0], correct[-1, 1], correct[0, 1] = True, False, True
        correct[:, 2], correct[2, 2] = True, False
        correct[:, -1] = (epoch >= 3)[:, 0]
        cases.append((torch.from_numpy(correct),))
    return cases


learned_at = Exercise(
    name="learned_at",
    points=2,
    minutes=12,
    difficulty=3,
    reference=_learned_at,
    cases=_learning,
    mistakes=(
        Mistake(
            lambda correct: torch.where(correct.any(0), correct.double().argmax(0) + 1.0, torch.inf).double(),
            "You took the first epoch at which the example is right. By chance one in ten is right before anything is "
            "learned, and an example can be forgotten: it must be right from there to the end.",
        ),
        Mistake(
            lambda correct: torch.where(correct[-1], (~correct).sum(0) + 1.0, torch.inf).double(),
            "You counted the epochs at which the example is wrong. Look for the last one.",
        ),
        Mistake(
            lambda correct: torch.where(correct[-1], _last_wrong(correct) + 0.0, torch.inf).double(),
            "You are one epoch early: epochs count from 1, and an example that was wrong after epoch e is learned at "
            "e + 1 at the soonest.",
        ),
        Mistake(
            lambda correct: _last_wrong(correct) + torch.ones((), dtype=torch.float64),
            "An example that is wrong at the end has not been learned: inf, not one epoch more than there were.",
        ),
        Mistake(
            lambda correct: torch.where(correct[-1], correct.sum(0) + 0.0, torch.inf).double(),
            "You counted the epochs at which the example is right; what is asked is when the last run of them begins.",
        ),
    ),
)

what_bounds_can_say = WrittenExercise(
    name="what_bounds_can_say",
    points=3,
    rubric=(
        "One point: a class that fits every labelling of the n inputs has empirical Rademacher complexity 1, so that a "
        "bound of the form training error + complexity is at least 1, on true labels too, whatever n is. "
        "One point: class, inputs, n and training error are the same with true and with random labels, so that whatever is "
        "computed from them is the same too and has to be true of both; it can fall no lower than the error with random "
        "labels. "
        "One point: what could: something that depends on the data and on the function found (a norm or margin, the "
        "optimiser's choice among the functions that fit, compressibility, stability). An answer that only says that bounds are loose earns one point."
    ),
)

EXERCISES = (
    noisy_labels,
    same_noise,
    memorising_weights,
    time_to_fit,
    rademacher,
    learned_at,
    what_bounds_can_say,
)
