"""What passes between grading and the sandbox: our own messages come back as they were, others are refused."""

import base64
import json
import math

import numpy as np
import pytest
import torch

from course.classroom.sandbox.inside import messages
from course.classroom.sandbox.inside.messages import Malformed
from course.syllabus import LESSONS
from utils.exercise import PUBLIC_SEED, Exercise, Response


def there_and_back(value):
    return messages.unpacked(json.loads(json.dumps(messages.packed(value), allow_nan=False)))


@pytest.mark.parametrize(
    "value",
    [3, -2.5, True, None, "text", [1, 2.0], (1, (2, "a"), []), np.float64(0.25), np.int64(7), math.inf, -math.inf],
    ids=repr,
)
def test_numbers_strings_and_lists_come_back_as_they_were(value):
    back = there_and_back(value)
    assert back == value and (isinstance(value, np.generic) or type(back) is type(value))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.int64, torch.bool, torch.uint8])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4)])
def test_tensors_and_arrays_come_back_bit_for_bit(dtype, shape):
    tensor = (10 * torch.randn(shape)).to(dtype)
    back = there_and_back(tensor)
    assert back.dtype == dtype and back.shape == tensor.shape and torch.equal(back, tensor)
    array = there_and_back(tensor.numpy())
    assert isinstance(array, np.ndarray) and np.array_equal(array, tensor.numpy())
    assert torch.equal(there_and_back(torch.arange(6).view(2, 3).T), torch.arange(6).view(2, 3).T)
    assert math.isnan(there_and_back(torch.tensor([math.nan]))[0])


def test_every_lessons_cases_can_be_sent():
    for lesson in LESSONS:
        for exercise in lesson.exercises.EXERCISES:
            if isinstance(exercise, Exercise):
                for case in exercise.draw(PUBLIC_SEED):
                    for value in case:
                        back = there_and_back(value)
                        assert torch.equal(back, value) if isinstance(value, torch.Tensor) else back == value


def test_what_no_case_may_hold_is_refused():
    for value in ({"a": 1}, object(), np.array(["text"]), torch.tensor([1j])):
        with pytest.raises(TypeError, match=r"it may (hold|be)"):
            messages.packed(value)


@pytest.mark.parametrize(
    "response",
    [
        Response((np.arange(3.0), np.array([[True]]))),
        Response(problem="raised", error="ValueError"),
        Response(problem="none"),
        Response(()),
    ],
)
def test_responses_come_back_as_they_were(response):
    (message,) = messages.in_output(messages.line(messages.sent(response)))
    back = messages.received(message)
    assert (back.problem, back.error) == (response.problem, response.error)
    assert (back.arrays is None) == (response.arrays is None)
    for mine, theirs in zip(back.arrays or (), response.arrays or (), strict=True):
        assert np.array_equal(mine, theirs) and mine.dtype == theirs.dtype


def array(**changed):
    return {"dtype": "<f8", "shape": [2], "data": base64.b64encode(bytes(16)).decode()} | changed


@pytest.mark.parametrize(
    "forged",
    [
        None, [], "text", {}, {"arrays": None, "problem": None, "error": None}, {"arrays": [], "problem": "both", "error": None},
        {"arrays": {}, "problem": None, "error": None}, {"arrays": None, "problem": 3, "error": None},
        *(
            {"arrays": [each], "problem": None, "error": None}
            for each in (
                3, {}, array(extra=1), array(dtype="|O"), array(dtype="O"), array(dtype="<U4"), array(dtype="<c8"),
                array(dtype=["<f8"]), array(dtype="<f8,<f8"), array(dtype="nonsense"), array(dtype="<m8"), array(shape=[3]),
                array(shape=[-2]), array(shape=[2.0]), array(shape=[True, 2]), array(shape="2"), array(shape=[1] * 9),
                array(shape=[2**40]), array(shape=[2**31, 2**31]), array(data="???"), array(data=5), array(data=""),
            )
        ),
        {"arrays": [array()] * 101, "problem": None, "error": None},
    ],
)  # fmt: skip
def test_a_forged_response_is_refused(forged):
    with pytest.raises(Malformed):
        messages.received(forged)


def test_messages_end_at_the_first_line_that_is_none_and_a_line_that_was_cut_off_is_not_read():
    said = b'{"a": 1}\n{"b": 2}\nnot json\n{"c": 3}\n'
    assert messages.in_output(said) == [{"a": 1}, {"b": 2}]
    assert messages.in_output(b'{"a": 1}\n{"b": 2') == [{"a": 1}]
    assert (
        messages.in_output(b"[" * 200_000 + b"\n") == []
        and messages.in_output(b"3\n") == []
        and messages.in_output(b"") == []
    )


def test_texts_are_cut_and_hold_nothing_that_cannot_be_written():
    assert messages.text("x" * 10_000).endswith(" ...") and len(messages.text("x" * 10_000)) < 4_100
    messages.text(json.loads('"\\ud800"')).encode("utf-8")
