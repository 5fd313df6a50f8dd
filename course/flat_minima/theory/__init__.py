"""The lesson's mathematics: curvature, its spectrum, the evidence, and the models for which Laplace cannot work."""

from course.flat_minima.theory.backward import KINDS, LIKELIHOODS, STRUCTURES, log_likelihood_of, output_root
from course.flat_minima.theory.evidence import (
    Evidence,
    bits_for_width,
    conditional_log_evidence,
    evidence_from,
    linear_log_evidence,
    linearised_predictive,
    log_evidence,
    moved_prior_precision,
    optimise_prior_precision,
    rescale_relu,
)
from course.flat_minima.theory.gauss_newton import Curvature, curvature
from course.flat_minima.theory.output_space import output_eigenvalues, output_log_determinant
from course.flat_minima.theory.products import product, weights_of
from course.flat_minima.theory.singular import (
    ReducedRank,
    best_rank_fit,
    gibbs_chain,
    langevin_chain,
    local_learning_coefficient,
    reduced_rank_coefficient,
    singular_bic_of,
    singular_laplace_log_evidence_of,
    singular_log_evidence,
    singular_log_evidence_of,
)
from course.flat_minima.theory.spectrum import effective_dimension, lanczos, spectral_sum

__all__ = [
    "KINDS",
    "LIKELIHOODS",
    "STRUCTURES",
    "Curvature",
    "Evidence",
    "ReducedRank",
    "best_rank_fit",
    "bits_for_width",
    "conditional_log_evidence",
    "curvature",
    "effective_dimension",
    "evidence_from",
    "gibbs_chain",
    "lanczos",
    "langevin_chain",
    "linear_log_evidence",
    "linearised_predictive",
    "local_learning_coefficient",
    "log_evidence",
    "log_likelihood_of",
    "moved_prior_precision",
    "optimise_prior_precision",
    "output_eigenvalues",
    "output_log_determinant",
    "output_root",
    "product",
    "reduced_rank_coefficient",
    "rescale_relu",
    "singular_bic_of",
    "singular_laplace_log_evidence_of",
    "singular_log_evidence",
    "singular_log_evidence_of",
    "spectral_sum",
    "weights_of",
]
