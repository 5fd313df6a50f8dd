"""Tables of a few numbers: HTML in a notebook, plain text elsewhere, the numbers of a column one below the other."""

import html
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import tabulate
import torch

from utils.notebook import in_notebook

MISSING = "–"
# A space as wide as a digit, and one as wide as a decimal point, in any font whose digits are all of one width.
FIGURE_SPACE, POINT_SPACE = "\u2007", "\u2008"
# No colours: a notebook's theme has its own, light or dark. On a narrow screen the caption breaks into lines, and a wide
# table is moved sideways below it.
FIGURE = "margin: 0.4em 0"
CAPTION = "font-weight: bold"
BOX = "overflow-x: auto"
TABLE = "margin: 0.4em 0; font-variant-numeric: tabular-nums; font-size: inherit"


def table(rows: Sequence[Mapping[str, Any]], caption: str, formats: Mapping[str, str] | None = None) -> None:
    """Show rows as a table.

    Columns of numbers have their decimal points one below the other, all others begin at the left. None and NaN are
    shown as a dash.

    Args:
        rows: for each row its entries by the names of the columns, the same in all rows, in the order of the first. A
            name is what the reader sees; say the unit there.
        caption: a sentence above the table that says what to see.
        formats: column -> how Python formats its numbers, such as ".1f" or ".0%". Default: "," for whole numbers, and
            six digits.

    Raises:
        ValueError: there are no rows; a row has other columns than the first one; a format is for no column, or fits
            none of its numbers.

    Example:
        >>> table([{"kernel": "Gaussian", "error (%)": 1.5}, {"kernel": "Laplacian", "error (%)": 12}], "Both are good")
        Both are good
        <BLANKLINE>
        kernel       error (%)
        ---------  -----------
        Gaussian           1.5
        Laplacian         12
    """
    columns, numeric = _columns(rows, formats or {})
    text = f"{caption}\n\n{_text(columns, numeric)}"
    if not in_notebook():
        print(text)
        return
    from IPython.display import display

    display({"text/plain": text, "text/html": _html(columns, numeric, caption)}, raw=True)


def _columns(
    rows: Sequence[Mapping[str, Any]], formats: Mapping[str, str]
) -> tuple[dict[str, list[str]], dict[str, bool]]:
    """The entries of each column as text, and whether they are numbers."""
    if not rows:
        raise ValueError("a table needs at least one row, and was given none")
    names = list(rows[0])
    for number, row in enumerate(rows, start=1):
        if set(row) != set(names):
            raise ValueError(f"row {number} has the columns {', '.join(row)}; those of row 1 are {', '.join(names)}")
    unknown = [name for name in formats if name not in names]
    if unknown:
        raise ValueError(f"there is a format for {', '.join(unknown)}; the columns are {', '.join(names)}")
    values = {name: [_plain(row[name]) for row in rows] for name in names}
    written = {name: [_written(value, formats.get(name), name) for value in column] for name, column in values.items()}
    numeric = {name: all(value is None or _is_number(value) for value in column) for name, column in values.items()}
    return written, numeric


def _plain(value: Any) -> Any:
    """A scalar of numpy or torch as Python's; None for NaN."""
    if isinstance(value, torch.Tensor) or hasattr(value, "dtype"):
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _written(value: Any, form: str | None, name: str) -> str:
    if value is None:
        return MISSING
    if not _is_number(value):
        return str(value)
    if form is None:
        form = "," if isinstance(value, int) else ",.6g"
    try:
        return format(value, form)
    except ValueError as error:
        raise ValueError(f"{name}: {value!r} cannot be formatted by {form!r}: {error}") from None


def _text(columns: Mapping[str, list[str]], numeric: Mapping[str, bool]) -> str:
    aligned = ["decimal" if numeric[name] else "left" for name in columns]
    made = tabulate.tabulate(dict(columns), headers="keys", colalign=aligned, disable_numparse=True)
    return "\n".join(line.rstrip() for line in made.splitlines())


def _html(columns: Mapping[str, list[str]], numeric: Mapping[str, bool], caption: str) -> str:
    padded = {name: _padded(column) if numeric[name] else column for name, column in columns.items()}
    aligned = ["right" if numeric[name] else "left" for name in columns]
    made = tabulate.tabulate(
        padded, headers="keys", tablefmt="html", colalign=aligned, disable_numparse=True, preserve_whitespace=True
    )
    for cell in ("th", "td"):  # JupyterLab sets all cells flush right
        made = made.replace(f"<{cell}>", f'<{cell} style="text-align: left;">')
    made = made.replace("<table>", f'<table style="{TABLE}">', 1)
    return (
        f'<figure style="{FIGURE}">\n<figcaption style="{CAPTION}">{html.escape(caption)}</figcaption>\n'
        f'<div style="{BOX}">\n{made}\n</div>\n</figure>'
    )


def _padded(numbers: Sequence[str]) -> list[str]:
    """The numbers with spaces behind them, so that set flush right their decimal points are one below the other."""
    places = [len(number) - number.find(".") if "." in number else 0 for number in numbers]
    most = max(places)
    return [
        number + (FIGURE_SPACE * (most - own) if own or not most else POINT_SPACE + FIGURE_SPACE * (most - 1))
        for number, own in zip(numbers, places)
    ]
