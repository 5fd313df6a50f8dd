r"""Captions with formulas: LaTeX between dollars, as HTML that every browser sets by itself, or as words alone.

    >>> plain(r"The norm $\|w\|$ is 3.")
    'The norm ‖w‖ is 3.'

HTML gets MathML, which needs no script, no fonts and no other machine. `\$` is a dollar.
"""

import html
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from xml.etree import ElementTree

from latex2mathml.converter import convert

FORMULA = re.compile(r"(?<!\\)\$(.+?)(?<!\\)\$", re.DOTALL)
# A minus after an opening bracket, a comma or a relation is a sign: without saying so it is spaced as a difference.
SIGN = re.compile("(<mo[^>]*>&#x000(?:28|2C|3C|3D|3E|5B);</mo>)<mo>&#x02212;</mo>")
ACCENTS = {"^": "\u0302", "¯": "\u0304", "‾": "\u0304", "~": "\u0303", "→": "\u20d7", "˙": "\u0307"}


def to_html(text: str) -> str:
    """The text as HTML: formulas as MathML, all else as it is written, `<` and `&` included.

    Raises:
        ValueError: a formula that cannot be set; the message holds it, and what is wrong where that is known.
    """
    return _replaced(text, mathml, html.escape)


def plain(text: str) -> str:
    """The text without markup, formulas in Unicode (`10^-3`, `w_1`, `‖w‖`): for alt texts and terminals.

    Raises:
        ValueError: as `to_html`.
    """
    words = _replaced(text, lambda latex: _words(ElementTree.fromstring(mathml(latex))), str)
    return unicodedata.normalize("NFC", words.replace("\N{NO-BREAK SPACE}", " "))


@lru_cache(maxsize=1024)
def mathml(latex: str) -> str:
    """One formula as a `<math>` element.

    Raises:
        ValueError: as `to_html`.
    """
    try:
        made = convert(latex)
    except Exception as error:  # the converter has a dozen kinds, without a common one
        kind = re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__.removesuffix("Error")).lower()
        raise ValueError(f"The formula ${latex}$ cannot be set ({kind}). Mend its LaTeX.") from error
    # A command that the converter does not know comes out as the text of an identifier.
    if unknown := re.search(r">(\\[A-Za-z]*)<", made):
        raise ValueError(f"The formula ${latex}$ cannot be set: {unknown[1]} is not known. Use a command that is.")
    return SIGN.sub(r'\1<mo form="prefix">&#x02212;</mo>', made)


def _replaced(text: str, formula: Callable[[str], str], between: Callable[[str], str]) -> str:
    # `split` by one group gives the text between formulas at even places, and formulas at odd ones.
    parts = FORMULA.split(text)
    if any(re.search(r"(?<!\\)\$", part) for part in parts[::2]):
        raise ValueError(
            f"A formula is not closed: the dollars in {text!r} must come in pairs. One that is a dollar is written \\$."
        )
    return "".join(
        formula(part) if number % 2 else between(part.replace("\\$", "$")) for number, part in enumerate(parts)
    )


def _words(element: ElementTree.Element) -> str:
    """A MathML element in Unicode, on one line."""
    kind = element.tag.rpartition("}")[2]
    parts = [_words(child) for child in element]
    match kind, parts:
        case "msup" | "mover" | "msub" | "munder" | "msubsup" | "munderover", [base, *marks]:
            if kind == "mover" and marks[0] in ACCENTS:
                return base + ACCENTS[marks[0]]
            signs = {"msup": "^", "mover": "^", "msub": "_", "munder": "_"}.get(kind, "_^")
            return base + "".join(
                mark if mark in "′″‴" else sign + (mark if len(mark.lstrip("−")) <= 2 else f"({mark})")
                for sign, mark in zip(signs, marks)
            )
        case "mfrac", [above, below]:
            return "/".join(part if len(part) == 1 or part.isdigit() else f"({part})" for part in (above, below))
        case "msqrt", _:
            return f"√({''.join(parts)})"
        case "mroot", [inner, degree]:
            return f"root_{degree}({inner})"
        case "mspace", _:
            return " "
        case "mo", _ if (element.text or "") in "=<>≤≥≈≪≫∝→∈":
            return f" {element.text} "
    return (element.text or "") + "".join(parts)
