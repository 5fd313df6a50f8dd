"""What can be known exactly: rescaled nets, polynomials, and singular models, and how near the approximations come."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch

from course.flat_minima import polynomials, theory
from course.flat_minima.rescaling import rescaled_rows
from utils.seeds import generator_of

SAMPLERS = ("gibbs", "langevin")
CHAINS, GIBBS, LANGEVIN = 8, (500, 1_500), (1_000, 4_000)  # chains; steps left out and kept


@dataclass(frozen=True)
class Rescaling:
    """Dinh's rescaling of a digits net at its mode: see `course.flat_minima.rescaling`."""

    alphas: tuple[float, ...]
    study: str = "rescaling"

    def parts(self) -> list[str]:
        """One: the net is trained once."""
        return ["all"]

    def rows(self, part: str, seed: int, device: torch.device, progress: Callable, checkpoint: object) -> list[dict]:
        """Rows of study and the fields of `Rescaled`; the net is the same for every seed."""
        return [{"study": self.study} | asdict(row) for row in rescaled_rows(self.alphas, progress)]


@dataclass(frozen=True)
class Slopes:
    """The model y = a b x + noise with the statistics of a population: exact log evidence, Laplace's, and BIC.

    Attributes:
        truths: of a b.
        sizes: numbers of examples.
    """

    truths: tuple[float, ...]
    sizes: tuple[float, ...]
    study: str = "slopes"

    def parts(self) -> list[str]:
        """One: it takes no time."""
        return ["all"]

    def rows(self, part: str, seed: int, device: torch.device, progress: Callable, checkpoint: object) -> list[dict]:
        """Rows of study, truth, n, exact, laplace, bic: -log evidence less that of the truth's own fit, nats."""
        rows = []
        for truth in self.truths:
            for n in self.sizes:
                sums = n, n, n * truth, n * (truth**2 + 1)
                fit = -n / 2 * (math.log(2 * math.pi) + 1)
                ways = {
                    "exact": theory.singular_log_evidence_of,
                    "laplace": theory.singular_laplace_log_evidence_of,
                    "bic": theory.singular_bic_of,
                }
                rows.append(
                    {"study": self.study, "truth": truth, "n": n}
                    | {name: fit - way(*sums) for name, way in ways.items()}
                )
        return rows


@dataclass(frozen=True)
class Polynomials:
    """Polynomials of every degree, fitted to noisy points of a smooth function: the evidence beside the test error.

    Attributes:
        n: points.
        given: of these, how many the conditional evidence is given.
        highest: degree.
        prior_precisions: z.
        repeats: draws of the points.
        sigma: of the noise.
    """

    n: int
    given: int
    highest: int
    prior_precisions: tuple[float, ...]
    repeats: int
    sigma: float = 0.2
    study: str = "polynomials"

    def parts(self) -> list[str]:
        """One: it takes no time."""
        return ["all"]

    def rows(self, part: str, seed: int, device: torch.device, progress: Callable, checkpoint: object) -> list[dict]:
        """Rows of study, repeat, z, degree, evidence, conditional (both log), test_error (mean square, against the truth)."""
        grid = torch.linspace(-1, 1, 401, dtype=torch.float64)
        rows = []
        for repeat in range(self.repeats):
            progress(repeat / self.repeats, "polynomials")
            generator = generator_of(seed, repeat)
            x = 2 * torch.rand(self.n, generator=generator, dtype=torch.float64) - 1
            y = polynomials.truth(x) + self.sigma * torch.randn(self.n, generator=generator, dtype=torch.float64)
            for z in self.prior_precisions:
                for degree in range(self.highest + 1):
                    Phi = polynomials.orthonormal(x, degree)
                    H = Phi.T @ Phi / self.sigma**2 + z * torch.eye(degree + 1, dtype=torch.float64)
                    w = torch.linalg.solve(H, Phi.T @ y / self.sigma**2)
                    rows.append(
                        {
                            "study": self.study,
                            "repeat": repeat,
                            "z": z,
                            "degree": degree,
                            "evidence": theory.linear_log_evidence(Phi, y, z, self.sigma).total,
                            "conditional": theory.conditional_log_evidence(Phi, y, self.given, z, self.sigma),
                            "test_error": float(
                                (polynomials.orthonormal(grid, degree) @ w - polynomials.truth(grid)).square().mean()
                            ),
                        }
                    )
        return rows


@dataclass(frozen=True)
class Regressions:
    """Reduced-rank regressions: the learning coefficient by two samplers, beside the closed form.

    Attributes:
        models: inputs, outputs, hidden units and true rank of each.
        n: examples.
        sets: data sets of each model.
    """

    models: tuple[tuple[int, int, int, int], ...]
    n: int
    sets: int
    study: str = "regressions"

    def parts(self) -> list[str]:
        """A model and a sampler each."""
        return [f"{','.join(map(str, model))} {sampler}" for model in self.models for sampler in SAMPLERS]

    def rows(self, part: str, seed: int, device: torch.device, progress: Callable, checkpoint: object) -> list[dict]:
        """Rows of study, model, sampler, set, parameters, exact (the closed form), estimate and its standard_error."""
        name, sampler = part.split()
        inputs, outputs, hidden, rank = model = tuple(map(int, name.split(",")))
        beta, rows = 1 / math.log(self.n), []
        for drawing in range(self.sets):
            progress(drawing / self.sets, part)
            generator = generator_of(seed, drawing, *model)
            statistics = reduced_rank_data(model, self.n, generator)
            start = theory.best_rank_fit(statistics, hidden)
            if sampler == "gibbs":
                losses = theory.gibbs_chain(statistics, start, beta, CHAINS, *GIBBS, generator)
            else:
                losses = theory.langevin_chain(statistics, start, beta, CHAINS, *LANGEVIN, generator)
            best = float(statistics.loss(*start))
            estimate, error = theory.local_learning_coefficient(losses, best, self.n, beta)
            rows.append(
                {
                    "study": self.study,
                    "model": name,
                    "sampler": sampler,
                    "set": drawing,
                    "parameters": hidden * (inputs + outputs),
                    "exact": theory.reduced_rank_coefficient(*model)[0],
                    "estimate": estimate,
                    "standard_error": error,
                }
            )
        return rows


def reduced_rank_data(model: tuple[int, ...], n: int, generator: torch.Generator) -> theory.ReducedRank:
    """Examples of y = W x + noise with a random W of the model's rank, all its singular values 1."""
    inputs, outputs, _, rank = model
    X = torch.randn(n, inputs, generator=generator, dtype=torch.float64)
    left, _ = torch.linalg.qr(torch.randn(inputs, inputs, generator=generator, dtype=torch.float64))
    right, _ = torch.linalg.qr(torch.randn(outputs, outputs, generator=generator, dtype=torch.float64))
    noise = torch.randn(n, outputs, generator=generator, dtype=torch.float64)
    return theory.ReducedRank.of(X, X @ left[:, :rank] @ right[:, :rank].T + noise)
