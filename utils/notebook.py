"""What a notebook shows of an exercise: that an answer is right, a hint, the author's answer.

Where there is no notebook the same words are printed.
"""

import html
import textwrap

HINT_WIDTH = 95  # a front end breaks longer lines of an error in the middle of a word
RIGHT = "#009e73"  # the green of `utils.plotting`, which exercises do not load


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return hasattr(get_ipython(), "kernel")


def show_right(text: str) -> None:
    """Show that an answer is right, beside a green line."""
    if not in_notebook():
        print(text)
        return
    from IPython.display import display

    markup = (
        f'<div style="border-left: 4px solid {RIGHT}; padding: 0.3em 0.8em; margin: 0.2em 0">{html.escape(text)}</div>'
    )
    display({"text/plain": text, "text/html": markup}, raw=True)


def show_cell(cell_type: str, source: str) -> None:
    """Show the text of a cell, "markdown" rendered and "code" as code."""
    if not in_notebook():
        print(source)
        return
    from IPython.display import Markdown, display

    display(Markdown(source if cell_type == "markdown" else f"```python\n{source}\n```"))


def hint_lines(hint: str) -> list[str]:
    """The hint's lines, those that are too long broken between words."""
    return [textwrap.fill(line, HINT_WIDTH, subsequent_indent="  ") for line in hint.splitlines()]
