"""Formulas as MathML, text as text."""

import re

import pytest

from utils.formulas import plain, to_html


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


def test_a_formula_that_cannot_be_set_is_an_error_and_not_shown_as_it_is_written():
    for latex, told in {
        r"\foo + 1": r"\foo is not known",
        "a_": "missing super script or subscript",
        "{": "cannot be set",
    }.items():
        with pytest.raises(ValueError, match=re.escape(told)):
            to_html(f"it is ${latex}$")


def test_a_dollar_can_be_a_dollar():
    assert to_html(r"5\$ and $x$").startswith("5$ and <math") and plain(r"5\$ and $x$") == "5$ and x"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r"norm $\|w\|$", "norm ‖w‖"),
        (r"$10^{-3}$", "10^−3"),
        (r"$e^{-d^2/2}$", "e^(−d^2/2)"),
        (r"$w_1 \le \frac{n}{d}$", "w_1 ≤ n/d"),
        (r"$\frac{n + 1}{d}$", "(n+1)/d"),
        (r"$\hat y = \sqrt{n}$", "ŷ = √(n)"),
        (r"$\sum_{i=1}^n x_i$", "∑_(i = 1)^nx_i"),
        (r"$f'(x) \text{ is flat}$", "f′(x) is flat"),
        (r"$\sqrt[3]{x}$", "root_3(x)"),
    ],
)
def test_a_formula_is_read_as_words_where_nothing_can_be_set(text, words):
    assert plain(text) == words
