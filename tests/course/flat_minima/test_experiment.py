"""The experiment's studies against direct computation, and the shipped record."""

import copy
import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from course.flat_minima import experiment as module
from course.flat_minima import presets, theory
from course.flat_minima.nets import jacobians
from course.flat_minima.studies import images
from course.flat_minima.studies.lenets import Spectra, Structures
from course.flat_minima.studies.optimisers import Optimiser, Optimisers, descend
from course.flat_minima.studies.resnets import ResNets, resnet
from course.flat_minima.studies.widths import FeatureWidths
from tests.course.flat_minima.records import CPU, WIDTHS, rows_of, small_record
from utils import data, runner
from utils.experiment import Checkpoint, json_settings, load_record, same_result, select
from utils.networks import perceptron
from utils.seeds import generator_of, seed_of

SILENT = {"progress": lambda fraction: None}


def fake_images(name, monkeypatch, n=60, side=28, channels=None):
    """A data set of noise in the place of one that would have to be fetched."""
    shape = (n, side, side) if channels is None else (n, side, side, channels)
    pictures = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    labels = np.arange(n) % 10
    fake = data.Dataset(name, "made up", tuple("abcdefghij"), pictures, labels, pictures, labels)
    monkeypatch.setattr(images.data, "load", lambda name: fake)


def test_a_run_that_was_cut_goes_on_and_the_record_is_the_same(tmp_path):
    small = presets.Settings((dataclasses.replace(WIDTHS, epochs=20), presets.fast().studies[1]))
    experiment = dataclasses.replace(module.experiment, presets={"tiny": lambda: small})

    def dies(job, *rest):
        if job.key.startswith("slopes"):
            raise RuntimeError("no more")
        return module.run_job(job, *rest)

    with ThreadPoolExecutor(1) as pool:

        def run(experiment, folder, resume=False):
            settings = {"out": tmp_path / folder, "resume": resume, "executor": pool, "progress": False}
            return load_record(runner.run(experiment, "tiny", device="cpu", **settings))

        whole = run(experiment, "whole")
        with pytest.raises(runner.RunFailed):
            run(dataclasses.replace(experiment, run_job=dies), "cut")
        assert same_result(whole, run(experiment, "cut", resume=True))


@pytest.mark.parametrize("preset", presets.PRESETS)
def test_keys_are_distinct_in_every_preset(preset):
    assert len(module.experiment.plan(module.experiment.settings(preset))) >= 4


def test_the_fast_preset_needs_no_download():
    assert module.experiment.datasets(presets.fast()) == ["digits"]


def test_a_training_set_is_drawn_with_wrong_labels_as_many_as_asked():
    drawn = images.training_images("digits", 500, generator_of(0, 0), 0.0)
    noisy = images.training_images("digits", 500, generator_of(0, 0), 0.2)
    assert (
        torch.equal(drawn[0], noisy[0]) and drawn[0].shape == (500, 64) and 0 <= drawn[0].min() <= drawn[0].max() <= 1
    )
    assert 0.12 < float((drawn[1] != noisy[1]).double().mean()) < 0.28


# --- optimisers ------------------------------------------------------------------------------------------------------


def gradients_of(net, X, y):
    return torch.autograd.grad(functional.cross_entropy(net(X), y), list(net.parameters()))


def steps_of_torch(net, X, y, optimiser, epochs, generator):
    """The same descent by automatic differentiation, net by net."""
    for _ in range(epochs):
        for chosen in torch.randperm(len(X), generator=generator).split(optimiser.batch or len(X)):
            found = gradients_of(net, X[chosen], y[chosen])
            if optimiser.radius:
                length = torch.cat([each.flatten() for each in found]).norm()
                before = copy.deepcopy(net.state_dict())
                with torch.no_grad():
                    for parameter, g in zip(net.parameters(), found):
                        parameter += optimiser.radius * g / length
                found = gradients_of(net, X[chosen], y[chosen])
                net.load_state_dict(before)
            with torch.no_grad():
                for parameter, g in zip(net.parameters(), found):
                    parameter -= optimiser.rate * g


@pytest.mark.parametrize("optimiser", [Optimiser(0.3), Optimiser(0.2, batch=7), Optimiser(0.2, batch=10, radius=0.1)])
def test_nets_side_by_side_take_the_steps_they_would_take_alone(optimiser):
    X, y = images.training_images("digits", 30, generator_of(0, 0))
    nets = [perceptron(64, [5], 10, seed).double() for seed in range(3)]
    alone = copy.deepcopy(nets)
    taken = descend(nets, X.double(), y, optimiser, 0.0, 4, torch.Generator().manual_seed(1), **SILENT)
    assert taken == [4, 4, 4]
    for net, other in zip(nets, alone):
        steps_of_torch(other, X.double(), y, optimiser, 4, torch.Generator().manual_seed(1))
        for mine, theirs in zip(net.parameters(), other.parameters()):
            assert_close(mine, theirs, rtol=1e-9, atol=1e-11)


def test_a_net_that_has_arrived_stays_where_it_is():
    study = Optimisers((Optimiser(0.5, batch=10),), 40, 0.0, 8, 0.3, 500, splits=1, repeats=3)
    rows = rows_of(study)
    assert all(row["train_loss"] <= 0.3 and 1 < row["epochs"] < 500 for row in rows)
    assert len({row["epochs"] for row in rows}) > 1  # some waited for the others
    longer = rows_of(dataclasses.replace(study, repeats=1))
    assert longer[0]["epochs"] == rows[0]["epochs"] and longer[0]["trace"] == pytest.approx(rows[0]["trace"], rel=1e-3)


def test_trace_and_largest_eigenvalue_are_those_of_the_mean_loss():
    row = select(small_record().rows, study="optimisers")[0]
    study = next(each for each in small_record().settings["studies"] if each["study"] == "optimisers")
    X, y = images.training_images("digits", study["n"], generator_of(0, 0, 0), study["noise"])
    net = perceptron(64, [study["hidden"]], 10, seed_of(0, 0, 1, 0))
    other = copy.deepcopy(net)
    descend(
        [net, other], X, y, Optimiser(1.0), study["until"], study["epochs"], generator_of(0, 0, 2), **SILENT
    )  # fmt: skip
    found = theory.curvature(net.double(), X.double(), y, "classification")
    assert row["trace"] == pytest.approx(found.trace() / len(X), rel=1e-3)
    assert row["largest"] == pytest.approx(float(found.eigenvalues()[-1]) / len(X), rel=1e-3)


# --- widths ----------------------------------------------------------------------------------------------------------


def test_widths_measure_the_curvature_at_a_mode_and_the_same_in_output_space():
    rows = select(small_record().rows, study="widths", decay=0.1, z=0.1)
    assert [row["width"] for row in rows[:3]] == [2, 5, 20] and rows[2]["parameters"] == 1_510 > 60 * 9
    for row in rows:
        assert row["effective_dimension"] < min(row["parameters"], 60 * 9) and row["largest"] > 1
        assert 2 * row["log_determinant"] > row["effective_dimension"]


def test_features_without_a_ridge_interpolate_when_there_are_as_many_as_examples():
    rows = rows_of(FeatureWidths(40, 0.0, (20, 40, 200), 1, measured=1e-10))
    assert [row["train_error"] == 0 for row in rows][1:] == [True, True]
    for row, most in zip(rows, (20, 40, 40)):
        assert 0.85 * most < row["effective_dimension"] <= most


# --- what is exact ---------------------------------------------------------------------------------------------------


def test_slopes_are_those_of_the_issue():
    """From n = 1e7 to 1e8 at the crossing: .447 exactly, 0 by Laplace, 1 by BIC."""
    (study,) = (each for each in presets.fast().studies if each.study == "slopes")
    small, large = select(rows_of(study), truth=0.0)[-2:]
    assert (small["n"], large["n"]) == (1e7, 1e8)
    found = {name: (large[name] - small[name]) / math.log(10) for name in ("exact", "laplace", "bic")}
    assert found["exact"] == pytest.approx(0.447, abs=0.005)
    assert found["laplace"] == pytest.approx(0, abs=1e-6) and found["bic"] == pytest.approx(1)


# --- the larger nets, on images that are made up ---------------------------------------------------------------------


def test_structures_of_a_lenet_are_those_of_the_library(monkeypatch):
    fake_images("mnist", monkeypatch)
    study = Structures(12, 1, prior_precision=2.0, steps=2)
    rows = study.rows("tanh-0", 0, CPU, lambda fraction, note: None, None)
    exact, kron, diag = select(rows, study="structures")
    assert exact["evidence"] > kron["evidence"] > diag["evidence"]
    assert exact["evidence"] == pytest.approx(exact["fit"] + exact["prior"] + exact["occam"])
    total = select(rows, study="shares", of="log det", z=1.0)[0]
    assert 0 < total["share"] < 1 and select(rows, study="shares", of="log det", z=0.1)[0]["sum"] > total["sum"]
    places = [row["place"] for row in select(rows, study="eigenvalues")]
    assert places == sorted(set(places)) and places[0] == 1 and places[-1] == 12 * 9


def test_the_largest_eigenvalues_by_lanczos_are_those_in_output_space(monkeypatch):
    fake_images("mnist", monkeypatch)
    study, seen = Spectra(20, 1, epochs=1, steps=40), {}
    monkeypatch.setattr(
        "course.flat_minima.studies.lenets.theory.product",
        lambda net, X, y, likelihood: seen.update(net=net, X=X, y=y) or theory.products.product(net, X, y, likelihood),
    )
    rows = study.rows("relu-0", 0, CPU, lambda fraction, note: None, None)
    net, X, y = seen["net"].double(), seen["X"].double(), seen["y"]
    h = theory.output_eigenvalues(net, X, y, "classification").flip(0)
    for row in rows[:6]:
        assert row["eigenvalue"] == pytest.approx(float(h[row["place"] - 1]), rel=1e-3)


def test_a_resnet_of_the_paper_has_its_size_and_a_cut_run_goes_on(monkeypatch, tmp_path):
    assert sum(each.numel() for each in resnet(64, 3, 0).parameters()) == 11_173_962
    fake_images("cifar10", monkeypatch, n=20, side=32, channels=3)
    study = ResNets((1, 2), 20, 0.0, 20, 10, 0.05, 5e-4, measured=10, steps=5, prior_precisions=(1.0, 10.0))
    rows = {}
    for name, halves in (("whole", [20]), ("cut", [10, 20])):
        checkpoint = Checkpoint(tmp_path / name)
        for epochs in halves:
            part = dataclasses.replace(study, epochs=epochs)
            # The rate's schedule is that of the whole run, so the first half is stopped, not finished.
            if epochs < study.epochs:
                monkeypatch.setattr(Checkpoint, "save", stop_after_saving(Checkpoint.save))
                with pytest.raises(KeyboardInterrupt):
                    study.rows("1", 0, CPU, lambda fraction, note: None, checkpoint)
                monkeypatch.undo()
                fake_images("cifar10", monkeypatch, n=20, side=32, channels=3)
            else:
                rows[name] = part.rows("1", 0, CPU, lambda fraction, note: None, checkpoint)
    assert rows["whole"] == rows["cut"] and [row["z"] for row in rows["whole"]] == [1.0, 10.0]
    assert rows["whole"][0]["effective_dimension"] > rows["whole"][1]["effective_dimension"] > 0


def stop_after_saving(save):
    def saved(self, state):
        save(self, state)
        raise KeyboardInterrupt

    return saved


def test_jacobians_are_the_derivatives_of_the_outputs():
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    X = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    J = jacobians(net, X)
    assert J.shape == (5, 2, sum(each.numel() for each in net.parameters()))
    (gradient,) = torch.autograd.grad(net(X)[3, 1], [net[0].weight])
    assert_close(J[3, 1, : gradient.numel()], gradient.flatten())


# --- the record that is shipped --------------------------------------------------------------------------------------


def test_the_shipped_record_is_its_preset_as_it_stands_from_a_clean_commit():
    record, settings = load_record(module.RECORD), module.experiment.settings("full")
    assert (record.lesson, record.preset, record.seed) == ("flat_minima", "full", 0)
    assert record.settings == json_settings(settings)
    assert record.dirty is False and record.commit
    assert [each["name"] for each in record.data] == module.experiment.datasets(settings)
