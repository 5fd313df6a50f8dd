"""Label noise against plain draws with the same generator, and as the lessons expose it."""

import pytest
import torch

from course.double_descent.experiment import wrong_labels
from course.minimum_norm.experiment import resample_labels
from course.random_labels.theory import corrupt_labels
from utils.labels import incorrect_noise, uniform_noise

CLASSES = 10
LABELS = torch.arange(500) % CLASSES


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
def test_uniform_noise_is_the_draw_with_which_records_were_made(fraction, precision):
    generator = seeded()
    replaced = torch.rand(500, generator=generator, dtype=precision) < fraction
    expected = torch.where(replaced, torch.randint(CLASSES, (500,), generator=generator), LABELS)
    noisy = uniform_noise(LABELS, fraction, classes=CLASSES, generator=seeded(), precision=precision)
    assert torch.equal(noisy, expected) and noisy.dtype == torch.int64
    of_lesson_1 = resample_labels(LABELS, fraction, CLASSES, seeded())
    of_lesson_2, changed = corrupt_labels(LABELS, fraction, CLASSES, "uniform", seeded())
    assert torch.equal(noisy, of_lesson_1 if precision == torch.float32 else of_lesson_2)
    assert torch.equal(changed, of_lesson_2 != LABELS)


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
def test_incorrect_noise_is_the_draw_with_which_records_were_made(fraction):
    generator = seeded()
    replaced = torch.rand(500, generator=generator, dtype=torch.float64) < fraction
    steps = torch.randint(1, CLASSES, (500,), generator=generator)
    noisy = incorrect_noise(LABELS, fraction, classes=CLASSES, generator=seeded())
    assert torch.equal(noisy, torch.where(replaced, (LABELS + steps) % CLASSES, LABELS))
    assert torch.equal(noisy != LABELS, replaced)
    assert torch.equal(noisy, wrong_labels(LABELS, fraction, seeded()))
    assert torch.equal(noisy, corrupt_labels(LABELS, fraction, CLASSES, "incorrect", seeded())[0])


@pytest.mark.parametrize("noise", [uniform_noise, incorrect_noise])
def test_the_labels_keep_their_type_and_are_not_changed_in_place(noise):
    given = LABELS.int()
    noisy = noise(given, 1.0, classes=CLASSES, generator=seeded())
    assert noisy.dtype == torch.int32 and torch.equal(given, LABELS.int())
    assert noise(LABELS[:0], 0.5, classes=CLASSES, generator=seeded()).shape == (0,)


@pytest.mark.parametrize("noise", [uniform_noise, incorrect_noise])
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"fraction": 1.5}, "fraction is 1.5"),
        ({"fraction": float("nan")}, "fraction is nan"),
        ({"classes": 1}, "classes is 1"),
        ({"classes": 3}, "must be 0 to 2"),
        ({"labels": torch.zeros(3)}, "give whole numbers"),
    ],
)
def test_what_is_out_of_range_is_refused(noise, changed, told):
    good = {"labels": torch.tensor([0, 3]), "fraction": 0.5, "classes": 4, "generator": seeded()}
    with pytest.raises(ValueError, match=told):
        noise(**(good | changed))
