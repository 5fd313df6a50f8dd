"""A prediction is made once, before the reveal; a notebook run without a person goes on."""

import pytest

from utils.prediction import Prediction


def make():
    return Prediction("Heads or tails?", options=("heads", "tails"))


def test_without_a_person_it_says_so_and_goes_on(capsys):
    prediction = make()
    assert len(prediction.widget.children) == 3
    prediction.reveal(answer="tails", because="It landed.")
    shown = capsys.readouterr().out
    assert "No prediction was made" in shown and "tails" in shown and "It landed." in shown


@pytest.mark.parametrize(
    "chosen, says", [("tails", "You predicted: tails. So it is."), ("heads", "You predicted: heads. It is: tails.")]
)
def test_the_reveal_meets_what_was_committed(chosen, says, capsys):
    prediction = make()
    prediction.widget
    prediction.choice.value = chosen
    prediction.button.click()
    prediction.reveal(answer="tails", because="It landed.")
    assert says in capsys.readouterr().out


def test_committing_needs_a_choice_and_closes_the_question():
    prediction = make()
    prediction.widget
    assert prediction.button.disabled
    prediction.commit()
    assert prediction.committed is None
    prediction.choice.value = "heads"
    assert not prediction.button.disabled
    prediction.button.click()
    assert prediction.choice.disabled and prediction.button.disabled
    prediction.choice.value = "tails"
    prediction.commit()
    assert prediction.committed == "heads"


def test_the_answer_must_be_an_option():
    with pytest.raises(ValueError, match="'edge' is not among the options: heads, tails"):
        make().reveal(answer="edge", because="It landed.")
