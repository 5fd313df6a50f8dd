"""The model that comes with the course: what it codes decodes exactly, in processes that compute otherwise, and shortly."""

import os
import subprocess
import sys

import numpy as np
import pytest

from course.bits_back.archive import read_archive, write_archive
from course.bits_back.image_model import SHIPPED, ImageModel
from course.bits_back.studies.images import images_of, mean_costs
from course.bits_back.theory import Message
from utils import data

COUNT = 500
MACHINES = (
    {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
    {"MKL_CBWR": "COMPATIBLE", "OPENBLAS_CORETYPE": "Prescott"},
)
needs_mnist = pytest.mark.skipif(not data.present("mnist"), reason="MNIST is not here, and tests download nothing")


@pytest.fixture(scope="module")
def model():
    return ImageModel.load()


def decoded_elsewhere(file, environment):
    out = file.with_suffix(".npz")
    command = [sys.executable, "-m", "course.bits_back", "decode", str(file), "--out", str(out), "--chunk", "37"]
    subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True)
    with np.load(out) as content:
        return content["images"], content["labels"]


def test_it_is_about_a_megabyte():
    assert SHIPPED.stat().st_size < 1.1e6


def test_images_that_it_draws_itself_come_back(model, tmp_path):
    latents = model.prior(60).pop(Message.random(60_000, seed=1))
    images = model.likelihood(latents).pop(Message.random(600_000, seed=2)).reshape(60, 28, 28)
    labels = np.arange(60) % 10
    write_archive(tmp_path / "drawn.bits", images, labels, model)
    for chunk in (1, 7, None):
        found = read_archive(tmp_path / "drawn.bits", model, chunk=chunk)
        assert (found[0] == images).all() and (found[1] == labels).all()


@needs_mnist
@pytest.mark.slow
def test_five_hundred_test_images_come_back_wherever_they_are_decoded(model, tmp_path):
    _, images, labels = images_of("mnist", 2)
    images, labels = images[:COUNT], labels[:COUNT]
    file = tmp_path / "mnist.bits"
    written = write_archive(file, images, labels, model)
    assert written.extra_bits == 0
    assert written.bits_per_pixel < 0.185
    for environment in MACHINES:
        found = decoded_elsewhere(file, environment)
        assert (found[0] == images).all() and (found[1] == labels).all()


@needs_mnist
@pytest.mark.slow
def test_a_file_takes_what_the_codecs_say(model, tmp_path):
    _, images, labels = images_of("mnist", 2)
    images, labels = images[:COUNT], labels[:COUNT]
    image_bits, latent_bits, refund_bits = mean_costs(model, images.reshape(COUNT, -1), seed=0)
    written = write_archive(tmp_path / "mnist.bits", images, labels, model)
    net = COUNT * (image_bits + latent_bits - refund_bits)
    assert 8 * written.bytes - written.label_bits == pytest.approx(net, rel=0.04)
