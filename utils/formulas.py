"""Text with formulas between dollars, as HTML that every browser sets by itself (MathML): no script, no network.

>>> to_html("At $t = 0$ it is < 1.")[:5]
'At <m'
"""

import html
import re
from functools import lru_cache

from latex2mathml.converter import convert

# A minus after an opening bracket, a comma or a relation is a sign: without saying so it is spaced as a difference.
SIGN = re.compile("(<mo[^>]*>&#x000(?:28|2C|3C|3D|3E|5B);</mo>)<mo>&#x02212;</mo>")


def to_html(text: str) -> str:
    """The text escaped, each formula between two dollars as MathML.

    Raises:
        ValueError: a dollar has no second one.
    """
    parts = text.split("$")
    if len(parts) % 2 == 0:
        raise ValueError(f"a formula is not closed: the dollars in {text!r} must come in pairs")
    return "".join(_formula(part) if place % 2 else html.escape(part) for place, part in enumerate(parts))


@lru_cache(maxsize=1024)
def _formula(latex: str) -> str:
    return SIGN.sub(r'\1<mo form="prefix">&#x02212;</mo>', convert(latex))
