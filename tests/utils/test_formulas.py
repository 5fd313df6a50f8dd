"""Formulas as MathML, text as text."""

import pytest

from utils.formulas import to_html


def test_what_is_between_dollars_is_set_and_the_rest_is_escaped():
    made = to_html(r"If $\gamma < 1$ & <b>, then $w_1$.")
    assert made.startswith("If <math") and made.count("<math") == 2 and "&amp; &lt;b&gt;, then <math" in made
    assert "<msub><mi>w</mi><mn>1</mn></msub>" in made and "$" not in made
    assert to_html("no formula") == "no formula"


def test_a_formula_that_is_not_closed_is_an_error():
    with pytest.raises(ValueError, match="dollars in 'costs 5 \\$' must come in pairs"):
        to_html("costs 5 $")


def test_a_sign_is_not_spaced_as_a_difference():
    signs = {"w = (-2, -1)": 2, "t = -2": 1, "a < -1": 1, "a - b": 0, "(a) - b": 0, "-1": 0}
    for latex, count in signs.items():
        assert to_html(f"${latex}$").count('<mo form="prefix">') == count, latex
