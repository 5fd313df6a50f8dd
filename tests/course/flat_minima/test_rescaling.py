"""Dinh's rescaling of the digits net: what stays, and what each measure becomes."""

import pytest
import torch

from course.flat_minima import rescaling, theory


@pytest.fixture(scope="module")
def rows():
    return {row.alpha: row for row in rescaling.rescaled_rows((0.125, 1.0, 2.0, 8.0))}


def test_the_function_stays_and_the_evidence_with_it_when_the_prior_moves_along(rows):
    trained = rows[1.0]
    for row in rows.values():
        assert row.change < 1e-12 and row.loss == pytest.approx(trained.loss, rel=1e-12)
        assert row.accuracy == trained.accuracy
        for name in ("moved_evidence", "moved_log_prior", "moved_log_determinant", "moved_effective_dimension"):
            assert getattr(row, name) == pytest.approx(getattr(trained, name), abs=1e-8), name
    for name in ("evidence", "log_prior", "log_determinant", "effective_dimension"):
        assert getattr(trained, name) == pytest.approx(getattr(trained, f"moved_{name}"), abs=1e-8), name


@pytest.mark.parametrize("alpha", [0.125, 8.0])
def test_with_the_prior_where_it_was_the_measures_are_those_of_the_scaled_curvature(rows, alpha):
    net, (X, y) = rescaling.digits_net(), rescaling.digits()
    w, H = theory.weights_of(net), theory.curvature(net, X, y, "classification").value
    scales = theory.weights_of(theory.rescale_relu(net, alpha)) / w
    eigenvalues = torch.linalg.eigvalsh(H / torch.outer(scales, scales))
    row, trained = rows[alpha], rows[1.0]
    assert row.trace == pytest.approx(float(eigenvalues.sum()))
    assert row.largest == pytest.approx(float(eigenvalues[-1]))
    assert row.log_determinant == pytest.approx(float(eigenvalues.clamp(min=0).log1p().sum()))
    assert row.effective_dimension == pytest.approx(float((eigenvalues / (1 + eigenvalues)).sum()))
    assert row.log_prior == pytest.approx(-float((scales * w).square().sum()) / 2)
    assert row.evidence == pytest.approx(-row.loss * len(X) + row.log_prior - row.log_determinant / 2)
    assert row.trace > trained.trace and row.log_determinant > trained.log_determinant
    assert row.evidence < trained.evidence - 500


def test_the_stops_are_the_doublings_and_more(rows):
    assert {0.125, 0.25, 0.5, 0.707, 1.0, 1.414, 2.0, 4.0, 8.0} <= set(rescaling.ALPHAS)
    assert list(rescaling.ALPHAS) == sorted(set(rescaling.ALPHAS))
    told = []
    rescaling.rescaled_rows((1.0, 2.0), lambda fraction, note: told.append(fraction))
    assert told[0] == 0 and told == sorted(told) and told[-1] < 1
