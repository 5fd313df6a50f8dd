"""The lesson's pictures show what they are given, and the records show what the lesson says of them."""

from collections import Counter

import numpy as np
import pytest
import torch

from course.minimum_norm import experiment as module
from course.minimum_norm import figures, theory
from course.minimum_norm.figures.records import PAPER, error_power
from utils.experiment import Record, columns, load_record, select
from utils.progress import no_progress

KERNELS = ("gaussian", "laplacian")


def a_record(rows, **changed):
    content = {
        "schema": 1, "lesson": "minimum_norm", "preset": "full", "settings": {}, "seed": 0, "device": "a CPU",
        "versions": {}, "data": [{"name": "mnist", "source": "MNIST", "checksum": "0"}], "commit": "0123456789abcdef",
        "dirty": False, "started": "2026-01-01T00:00:00+00:00", "wall_s": 1.0, "peak_bytes": 1, "rows": rows,
    }  # fmt: skip
    return Record(**content | changed)


def invented_record():
    """Two data sets with pixels, one of them under noise at two sizes, and a fit of another front end."""
    generator = np.random.default_rng(0)

    def row(dataset, kernel, study, n, noise, repeat, features="pixels"):
        return {
            "dataset": dataset,
            "features": features,
            "kernel": kernel,
            "study": study,
            "n": n,
            "noise": noise,
            "repeat": repeat,
            "changed": noise * generator.uniform(0.8, 1),
            "test_error": generator.uniform(0.1, 0.9),
            "norm": generator.uniform(10, 90),
            "descent_steps": int(generator.integers(3, 80)) if study == "noise" else None,
            "descent_test_error": generator.uniform(0.1, 0.9) if study == "noise" else None,
        }

    rows = []
    for dataset in ("mnist", "digits"):
        for kernel in KERNELS:
            rows += [row(dataset, kernel, "size", n, 0.0, repeat) for repeat in range(3) for n in (100, 1_000)]
            rows += [
                row(dataset, kernel, "noise", 700, noise, repeat) for repeat in range(3) for noise in (0.0, 0.4, 1.0)
            ]
            if dataset == "mnist":
                rows += [row(dataset, kernel, "size", 60_000, 0.0, 0)]
                rows += [row(dataset, kernel, "noise", 60_000, noise, 0) for noise in (0.4, 1.0)]
    others = [
        row("mnist", "gaussian", "size", 60_000, 0.0, 0, "gabor"),
        row("cifar10", "gaussian", "size", 50_000, 0.0, 0),
    ]
    return a_record([*others, *rows])


def shipped_record():
    return load_record(module.RECORD)


def titles(axes):
    return [each.get_title(loc="left") or each.get_title() for each in axes]


def studied(record):
    pixels = select(record.rows, features="pixels")
    names = dict.fromkeys(row["dataset"] for row in select(pixels, study="noise"))
    return {name: select(pixels, dataset=name) for name in names}


def sizes_under_noise(rows):
    """The size that was drawn most often, then the other, if there is one."""
    noisy = select(rows, study="noise")
    return [n for n, _ in Counter(row["n"] for row in select(noisy, noise=noisy[-1]["noise"])).most_common()]


# --- what the pictures of a record show ------------------------------------------------------------------------------


@pytest.mark.parametrize("record", [invented_record, shipped_record])
def test_the_pictures_of_a_record_show_every_mean_and_range(record):
    record = record()
    by_name = studied(record)
    pairs = {
        draw: np.array(draw(record).axes).reshape(len(by_name), 2)
        for draw in (figures.draw_sizes, figures.draw_noise, figures.draw_prices)
    }
    both = figures.draw_norms_and_errors(record).axes
    for number, rows in enumerate(by_name.values()):
        (by_size, norm_by_size), (by_noise, by_noise_of_all), (norm, steps) = (axes[number] for axes in pairs.values())
        often, *other = sizes_under_noise(rows)
        for kernel in KERNELS:
            mine, name = select(rows, kernel=kernel), kernel.capitalize()
            few = select(mine, study="noise", n=often)
            for axes, chosen, group, x, y in (
                (by_size, select(mine, study="size"), "n", "n", "test_error"),
                (norm_by_size, select(mine, study="size"), "n", "n", "norm"),
                (both[number], few, "noise", "norm", "test_error"),
                (by_noise, few, "noise", "changed", "test_error"),
                (norm, few, "noise", "changed", "norm"),
                (steps, few, "noise", "changed", "descent_steps"),
            ):
                assert_means_and_ranges(axes, name, chosen, group, x, y)
            for n in other:
                # The fit of the true labels at this size is its first point.
                larger = select(mine, study="noise", n=n) + select(mine, study="size", n=n)
                assert_means_and_ranges(by_noise_of_all, name, larger, "noise", "changed", "test_error")
        assert by_noise_of_all.axison == bool(other)


SCALES = {"test_error": 100, "changed": 100, "n": 1, "norm": 1, "descent_steps": 1}


def assert_means_and_ranges(axes, label, rows, group, x, y):
    """A line whose label begins so goes through the means of the groups, with a band from the least to the greatest."""
    levels = sorted({row[group] for row in rows})
    values = [columns(select(rows, **{group: level}), x, y) for level in levels]
    at, means = (np.array([SCALES[each] * pair[index].mean() for pair in values]) for index, each in enumerate((x, y)))
    (line,) = [each for each in axes.lines if each.get_label().startswith(label)]
    np.testing.assert_allclose(line.get_xdata(), at)
    np.testing.assert_allclose(line.get_ydata(), means)
    bands = [
        {(place, edge): None for path in band.get_paths() for place, edge in path.vertices} for band in axes.collections
    ]
    edges = [(place, SCALES[y] * edge(pair[1])) for place, pair in zip(at, values) for edge in (np.min, np.max)]
    assert any(all(any(np.allclose(edge, corner) for corner in band) for edge in edges) for band in bands)


def ends(axes):
    """The two values of each row of dumbbells."""
    return np.array([line.get_xdata() for line in axes.lines]).T


def mean(rows, entry, **where):
    (values,) = columns(select(rows, **where), entry)
    return values.mean()


@pytest.mark.parametrize("record", [invented_record, shipped_record])
def test_dumbbells_join_the_two_values_that_they_compare(record):
    record = record()
    for number, rows in enumerate(studied(record).values()):
        often, *_ = sizes_under_noise(rows)
        few = select(rows, study="noise", n=often)
        levels = [noise for noise in (0.0, 0.1, 0.2, 0.4) if select(few, noise=noise)]
        entries = ("descent_test_error", "test_error")
        for axes, entry in zip(figures.draw_stopping(record).axes[2 * number :], entries):
            expected = [[100 * mean(few, entry, kernel=kernel, noise=noise) for kernel in KERNELS] for noise in levels]
            np.testing.assert_allclose(ends(axes), expected)
    rows = select(record.rows, dataset="mnist", features="pixels", study="noise")
    small, large = sizes_under_noise(rows)
    levels = sorted({row["noise"] for row in select(rows, n=large)} - {0.0, 1.0})
    for axes, kernel in zip(figures.draw_more_data(record).axes, KERNELS, strict=True):
        expected = [
            [100 * mean(rows, "test_error", kernel=kernel, noise=noise, n=n) for n in (small, large)]
            for noise in levels
        ]
        np.testing.assert_allclose(ends(axes), expected)
    fits = [
        select(record.rows, dataset=name, features=features, kernel="gaussian", study="size", n=n)[0]
        for name, features, n in (
            ("mnist", "pixels", 60_000),
            ("mnist", "gabor", 60_000),
            ("cifar10", "pixels", 50_000),
        )
    ]
    errors, norms = figures.draw_paper(record).axes
    np.testing.assert_allclose(ends(errors), [(line[2], 100 * fit["test_error"]) for line, fit in zip(PAPER, fits)])
    np.testing.assert_allclose(ends(norms), [(line[3], fit["norm"]) for line, fit in zip(PAPER[:2], fits)])


def test_the_pictures_of_a_record_name_data_sizes_and_axes():
    record = invented_record()
    for draw in figures.of_record(record):
        axes = [each for each in draw(record).axes if each.axison]
        assert all(titles(axes)) and all(each.get_xlabel() for each in axes), draw.__name__
    said = [
        " ".join(titles(draw(record).axes))
        for draw in (figures.draw_sizes, figures.draw_noise, figures.draw_prices, figures.draw_norms_and_errors)
    ]
    assert all("MNIST" in each and "Digits" in each for each in said)
    assert all("700 images" in each for each in said[1:]) and "60,000 images" in said[1]
    legend = figures.draw_noise(record).axes[0].get_legend().get_texts()
    assert {text.get_text() for text in legend} == {"Gaussian", "Laplacian", "as wrong as the labels"}


def test_two_records_stand_beside_each_other_under_their_names():
    record = invented_record()
    figure = figures.draw_beside({"Recorded": (record, "mnist"), "Yours": (record, "digits")})
    axes = np.array(figure.axes).reshape(2, 2)
    assert titles(axes[0]) == ["Recorded: MNIST, 700 images", "Yours: Digits, 700 images"]
    for (error, norm), name in zip(axes.T, ("mnist", "digits")):
        for kernel in KERNELS:
            few = select(record.rows, dataset=name, features="pixels", kernel=kernel, study="noise", n=700)
            assert_means_and_ranges(error, kernel.capitalize(), few, "noise", "changed", "test_error")
            assert_means_and_ranges(norm, kernel.capitalize(), few, "noise", "changed", "norm")


def test_a_power_law_is_found_and_goes_through_both_ends():
    rows = [
        {"dataset": "mnist", "features": "pixels", "kernel": "gaussian", "study": "size", "n": n, "test_error": error}
        for n, error in ((250, 0.7), (1_000, 0.2), (5_000, 0.9), (10_000, 0.02), (60_000, 0.5))
    ]
    exponent, law = error_power(a_record(rows), "mnist", "gaussian")
    assert exponent == pytest.approx(-1)
    assert [law(n) for n in (1_000, 10_000, 100_000)] == pytest.approx([0.2, 0.02, 0.002])


# --- what the lesson says of the shipped records: one test a picture -------------------------------------------------


@pytest.fixture(scope="module")
def rows():
    return select(shipped_record().rows, dataset="mnist", features="pixels")


def test_the_papers_error_on_pixels_is_met_the_others_are_lower_and_both_norms_rise():
    fits = {
        (row["dataset"], row["features"]): row
        for row in select(shipped_record().rows, study="size", kernel="gaussian")
        if row["n"] >= 50_000
    }
    assert all(row["train_error"] == 0 for row in fits.values())
    assert round(100 * fits["mnist", "pixels"]["test_error"], 1) == 1.2
    assert 100 * fits["mnist", "gabor"]["test_error"] < 0.6 and 100 * fits["cifar10", "pixels"]["test_error"] < 46
    assert fits["mnist", "gabor"]["norm"] > fits["mnist", "pixels"]["norm"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_with_more_images_the_error_falls_as_a_power_and_the_norm_grows(rows, kernel):
    fits = select(rows, study="size", kernel=kernel)
    sizes = sorted({row["n"] for row in fits})
    assert sizes[-1] == 60_000
    errors, norms = ([mean(fits, entry, n=n) for n in sizes] for entry in ("test_error", "norm"))
    assert np.all(np.diff(errors) < 0) and np.all(np.diff(norms) > 0)
    exponent, law = error_power(shipped_record(), "mnist", kernel)
    assert exponent == pytest.approx(-0.4, abs=0.05) and law(60_000) == pytest.approx(errors[-1], rel=0.15)


def test_without_noise_the_kernels_are_alike_and_with_it_the_gaussian_pays(rows):
    true = [mean(rows, "test_error", kernel=kernel, n=5_000, study="noise", noise=0.0) for kernel in KERNELS]
    assert max(true) - min(true) < 0.01
    ends = {
        (kernel, n, noise): mean(rows, "test_error", kernel=kernel, n=n, study="noise", noise=noise)
        for kernel in KERNELS
        for n in (5_000, 60_000)
        for noise in (0.2, 0.4)
    }
    for n in (5_000, 60_000):
        for noise in (0.2, 0.4):
            assert ends["gaussian", n, noise] > 1.7 * ends["laplacian", n, noise]
    all_true = mean(rows, "test_error", kernel="laplacian", n=60_000, study="size")
    assert ends["laplacian", 60_000, 0.2] - all_true < 0.001


def test_with_noise_more_images_help_the_laplacian_always_and_the_gaussian_only_at_the_lowest(rows):
    def gains(kernel):
        return [
            mean(rows, "test_error", kernel=kernel, n=5_000, noise=noise)
            - mean(rows, "test_error", kernel=kernel, n=60_000, noise=noise)
            for noise in (0.2, 0.4, 0.6, 0.8)
        ]

    assert min(gains("laplacian")) > 0
    first, *others = gains("gaussian")
    assert first > 0 > max(others)
    # What the prediction says: from 22 to 23 %.
    few, many = (100 * mean(rows, "test_error", kernel="gaussian", n=n, noise=0.4) for n in (5_000, 60_000))
    assert (round(few), round(many)) == (22, 23)


def test_noise_costs_the_gaussian_more_steps_and_more_norm(rows):
    few = select(rows, study="noise", n=5_000)
    for entry, least in (("descent_steps", 2), ("norm", 1.3)):
        grown = [
            mean(few, entry, kernel=kernel, noise=1.0) / mean(few, entry, kernel=kernel, noise=0.0)
            for kernel in KERNELS
        ]
        assert grown[0] > least * grown[1]


def test_where_descent_stops_early_the_gap_between_the_kernels_is_wider_and_each_does_worse(rows):
    few = select(rows, study="noise", n=5_000)
    for noise in (0.1, 0.2, 0.4):
        early, solved = (
            mean(few, entry, kernel="gaussian", noise=noise) - mean(few, entry, kernel="laplacian", noise=noise)
            for entry in ("descent_test_error", "test_error")
        )
        assert early > solved > 0
    for noise in (0.0, 0.1, 0.2, 0.4):
        for kernel in KERNELS:
            at = {"kernel": kernel, "noise": noise}
            assert mean(few, "descent_test_error", **at) > mean(few, "test_error", **at)


def test_norm_and_error_rise_together_in_a_kernel_and_not_across(rows):
    few = select(rows, study="noise", n=5_000)
    curves = {}
    for kernel in KERNELS:
        levels = sorted({row["noise"] for row in few})
        norms, errors = ([mean(few, e, kernel=kernel, noise=noise) for noise in levels] for e in ("norm", "test_error"))
        # At the end the Gaussian's norm is level, up to the noise of the draws.
        assert np.all(np.diff(norms) > -0.5) and np.all(np.diff(errors) > 0)
        curves[kernel] = norms, errors
    gaussian, laplacian = (np.interp(110, *curves[kernel]) for kernel in KERNELS)
    assert gaussian < 0.1 and laplacian > 0.3


def test_on_digits_the_norms_are_nearly_equal_and_the_errors_are_not():
    (study,) = [each for each in module.fast().studies if each.dataset == "digits"]
    assert (study.gaussian, study.laplacian) == (1.0, 2.5)
    found = {}
    for job in module.experiment.jobs(module.Settings((study,))):
        if job.key in [f"digits-pixels-{kernel}-noise-1297-0" for kernel in KERNELS]:
            for row in module.experiment.run_job(job, torch.device("cpu"), no_progress, None):
                found[row["kernel"], row["noise"]] = row
    for noise in (0.2, 0.4, 0.6, 0.8, 1.0):
        gaussian, laplacian = (found[kernel, noise] for kernel in KERNELS)
        assert gaussian["norm"] == pytest.approx(laplacian["norm"], rel=0.05)
    assert found["gaussian", 0.2]["test_error"] > 2 * found["laplacian", 0.2]["test_error"]


# --- growth ----------------------------------------------------------------------------------------------------------


def test_the_shipped_growth_is_what_its_picture_says_of_it():
    record = load_record(module.GROWTH)
    assert figures.growth_exponent(record, "cholesky", "seconds") == pytest.approx(3, abs=0.4)
    for solver in ("cholesky", "cg"):
        assert figures.growth_exponent(record, solver, "peak_bytes") == pytest.approx(2, abs=0.4)
    stored, anew = (select(record.rows, solver=solver)[-1]["peak_bytes"] for solver in ("cg", "matrix_free"))
    assert anew < stored / 2


def test_the_factorisation_takes_seven_and_a_half_times_as_long_as_the_descent_and_the_products_go_from_7_to_23():
    rows = load_record(module.GROWTH).rows
    last = {row["solver"]: row for row in select(rows, n=60_000)}
    assert last["cholesky"]["seconds"] / last["cg"]["seconds"] == pytest.approx(7.5, abs=0.1)
    products = [row["iterations"] for row in select(rows, solver="cg")]
    assert products == sorted(products) and (products[0], products[-1]) == (7, 23)
    multiplications = (
        60_000**3 / 3 / (products[-1] * 10 * 60_000**2)
    )  # of the factorisation, over those of the products
    assert multiplications == pytest.approx(90, abs=4)
    assert abs(last["cg"]["test_error"] - last["cholesky"]["test_error"]) <= 0.0002


POWERS = {"cholesky": (3, 2), "cg": (2, 2), "matrix_free": (2, 1)}  # of n, by solver: time, memory


def invented_growth():
    """Powers of n, under what does not grow where n is small."""
    return a_record(
        [
            {
                "study": "growth",
                "solver": solver,
                "n": n,
                "seconds": 1e-12 * n**time if n >= 10_000 else 30.0,
                "peak_bytes": int(7 * n**memory) if n >= 10_000 else 10**10,
            }
            for solver, (time, memory) in POWERS.items()
            for n in (2_500, 5_000, 10_000, 20_000, 60_000)
        ]
    )


@pytest.mark.parametrize("solver", POWERS)
def test_the_exponent_of_growth_is_that_of_the_large_sizes(solver):
    found = [figures.growth_exponent(invented_growth(), solver, entry) for entry in ("seconds", "peak_bytes")]
    assert found == pytest.approx(list(POWERS[solver]), abs=1e-9)


def test_the_exponent_of_growth_between_two_sizes_is_their_slope_on_log_axes():
    rows = [{"solver": "cg", "n": n, "seconds": seconds} for n, seconds in ((10_000, 2.0), (40_000, 64.0))]
    assert figures.growth_exponent(a_record(rows), "cg", "seconds") == pytest.approx(2.5)


def test_the_picture_of_growth_shows_every_solvers_time_and_memory_with_its_exponent():
    record = invented_growth()
    figure = figures.draw_growth(record)
    for axes, entry, scale, which in zip(figure.axes, ("seconds", "peak_bytes"), (1, 1e-9), (0, 1), strict=True):
        assert axes.get_xscale() == axes.get_yscale() == "log"
        assert titles([axes])[0] and axes.get_xlabel() == "training images n"
        assert axes.get_ylabel().endswith(("(s)", "(GB)")[which])
        assert len(axes.lines) == 3
        assert [text.get_text() for text in axes.get_legend().get_texts()] == [line.get_label() for line in axes.lines]
        for solver, line in zip(POWERS, axes.lines):
            n, values = columns(select(record.rows, solver=solver), "n", entry)
            np.testing.assert_allclose(line.get_xdata(), n)
            np.testing.assert_allclose(line.get_ydata(), scale * values)
            name, exponent = line.get_label().split(": ")
            assert name == figures.SOLVER_NAMES[solver] and exponent == f"$n^{{{POWERS[solver][which]:.1f}}}$"


# --- pictures of what the notebook computes --------------------------------------------------------------------------


def test_the_ends_of_two_descents_are_named_with_their_lengths():
    x = torch.tensor([2.0, 1.0], dtype=torch.float64)
    paths = [torch.tensor([[0.0, 0.0], [2.0, 1.0]]), torch.tensor([[-2.0, 3.0], [0.4, 4.2]])]
    (axes,) = figures.draw_descents(x, 5.0, paths).axes
    said = [text.get_text() for text in axes.texts]
    assert "ends at (2, 1), length 2.24" in said and "ends at (0.4, 4.2), length 4.22" in said
    solutions = axes.lines[0]
    np.testing.assert_allclose(2 * solutions.get_xdata() + solutions.get_ydata(), 5)


def test_an_arrow_goes_from_every_start_to_its_end_and_a_star_is_at_the_shortest():
    x = torch.tensor([2.0, 1.0], dtype=torch.float64)
    starts = [torch.tensor([0.0, 0.0]), torch.tensor([-2.0, 3.0])]
    ends = [torch.tensor([2.0, 1.0]), torch.tensor([0.4, 4.2])]
    (axes,) = figures.draw_limits(x, 5.0, starts, ends).axes
    arrows = [text for text in axes.texts if text.arrow_patch]
    np.testing.assert_allclose([text.xyann for text in arrows], torch.stack(starts).numpy())
    np.testing.assert_allclose([text.xy for text in arrows], torch.stack(ends).numpy())
    (star,) = [line for line in axes.lines if line.get_marker() == "*"]
    np.testing.assert_allclose(star.get_xydata(), [[2, 1]])


@pytest.mark.parametrize("P", [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 9.0]], [[2.0, 1.0], [1.0, 3.0]]])
def test_an_ellipse_of_a_ruler_touches_the_line_of_solutions_where_descent_ends(P):
    X, y, P = (torch.tensor(each, dtype=torch.float64) for each in ([[2.0, 1.0]], [5.0], P))
    w = theory.preconditioned_limit(X, y, P)
    (axes,) = figures.draw_rulers(X[0], 5.0, [("P", P, w)]).axes
    (ellipse,) = axes.patches
    angles = np.linspace(0, 2 * np.pi, 2001)
    half, turn = np.array([ellipse.width, ellipse.height]) / 2, np.radians(ellipse.angle)
    along, across = half[:, None] * np.array([np.cos(angles), np.sin(angles)])
    around = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ np.array([along, across])
    reach = X[0].numpy() @ around
    assert reach.max() == pytest.approx(5, abs=1e-4)
    np.testing.assert_allclose(around[:, reach.argmax()], w, atol=0.01)


def test_wrong_answers_stand_on_orange_with_the_answer_in_the_corner():
    truth = torch.arange(10).repeat(5)
    answers = truth.clone()
    answers[[3, 17]] = torch.tensor([8, 9])
    (axes,) = figures.draw_answers(torch.zeros(50, 64), truth, answers, 0.0, rows=2, columns=25).axes
    assert titles([axes]) == ["Training error 0%, test error 4.0% (50 of 50 test digits are shown)"]
    assert [text.get_text() for text in axes.texts] == ["8", "9"]
    picture = axes.images[0].get_array()
    tinted = [np.ptp(picture[5 + 10 * (at // 25), 5 + 10 * (at % 25)]) > 0.1 for at in range(50)]
    assert np.flatnonzero(tinted).tolist() == [3, 17]


def test_weights_of_a_prediction_colour_the_nearest_digits_by_their_sign():
    images = torch.zeros(6, 64, dtype=torch.float64)
    images[:, 0] = torch.tensor([0.5, 0.1, 0.2, 0.9, 0.3, 0.4])
    C = torch.tensor([0.0, 0.3, -0.3, 0.3, 0.0, 0.1], dtype=torch.float64)
    figure = figures.draw_prediction_weights(torch.zeros(64), images, {"Some": C}, rows=1, columns=5)
    _, panel = figure.axes
    assert titles([panel]) == ["Some: 0.6 votes"]  # 0.4^2 over 0.28
    colours = panel.images[0].get_array()[5, 5::10]  # of 1, 2, 4, 5, 0: the nearest first
    blue = colours[:, 2] - colours[:, 0]
    assert blue[0] > blue[3] > 0.1 and blue[1] < -0.1 and abs(blue[[2, 4]]).max() < 1e-9


def test_costs_and_norms_are_drawn_where_they_were_measured():
    costs = [
        figures.NoiseCost("laplacian", 2.5, 0.4, 0.01, [0.02, 0.03]),
        figures.NoiseCost("gaussian", 1, 2, 0.1, [0.4]),
    ]
    (axes,) = figures.draw_noise_costs(costs).axes
    np.testing.assert_allclose([line.get_xydata()[0] for line in axes.lines[1:]], [(0.4, 1.5), (2, 30)])
    assert [text.get_text() for text in axes.texts] == ["Laplacian 2.5", "Gaussian 1"]
    (axes,) = figures.draw_norms([("random labels", 30.0, 0.9), ("true labels", 300.0, 0.05)]).axes
    np.testing.assert_allclose([line.get_xydata()[0] for line in axes.lines], [(30, 90), (300, 5)])


def test_the_valleys_and_errors_are_those_given():
    steps = np.linspace(-1, 1, 5)
    figure = figures.draw_valleys(steps, {"short": steps**2, "long": 2 * steps**2}, {"short": 0.1, "long": 0.4})
    valley, error = figure.axes
    np.testing.assert_allclose([line.get_ydata() for line in valley.lines], [steps**2, 2 * steps**2])
    assert [bar.get_width() for bar in error.patches] == pytest.approx([10, 40])


def test_a_fit_is_drawn_as_the_sum_of_its_bumps():
    x, y, grid = torch.tensor([0.2, 0.8]), torch.tensor([1.0, 2.0]), torch.linspace(0, 1, 5)
    each = torch.stack([grid, 1 - grid**2], dim=1)
    for axes in figures.draw_bumps(x, y, grid, dict.fromkeys(KERNELS, each)).axes:
        first, second, total, points = (line.get_ydata() for line in axes.lines)
        np.testing.assert_allclose(first + second, total)
        np.testing.assert_allclose(points, y)


def test_a_wrong_label_and_the_fits_before_and_after_it_are_drawn():
    x = y = torch.arange(3.0)
    curves = {"laplacian": (np.zeros(4), np.ones(4)), "gaussian": (np.ones(4), np.zeros(4))}
    panels = figures.draw_wrong_label(x, y, 1, torch.arange(4.0), curves).axes
    for axes, (before, after) in zip(panels, curves.values(), strict=True):
        drawn = {line.get_label(): line for line in axes.lines}
        np.testing.assert_allclose(drawn["all labels right"].get_ydata(), before)
        np.testing.assert_allclose(drawn["one label wrong"].get_ydata(), after)
        assert axes.lines[-1].get_xdata() == 1


def test_a_gram_matrix_is_labelled_in_the_middle_of_each_class():
    labels = torch.tensor([0, 0, 0, 0, 1, 1])
    axes = figures.draw_gram(torch.eye(6), labels).axes[0]
    assert axes.get_xticks()[:2].tolist() == [2, 5]
