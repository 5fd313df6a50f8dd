"""The page on which drawn frames are moved: real controls, the first picture, and the script that does the rest.

Everything lies in one folder and is asked of no other machine; opened from the folder it works as from a server. Without
JavaScript the page shows each explorer as it starts.
"""

import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from utils.files import whole_folder, write_whole
from utils.frames import INDEX

if TYPE_CHECKING:
    from utils.explorer import Explorer

BESIDE = ("frames.js", "frames.css")  # what a page with figures links to
_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("utils", "frames"), autoescape=True, undefined=jinja2.StrictUndefined
)


def figure_html(folder: Path, source: str) -> Markup:
    """A figure with the controls and the first picture of the frames in `folder`.

    Args:
        folder: what `draw_frames` wrote.
        source: the folder's address, relative to the page.
    """
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    start = 0
    for control in index["controls"]:
        for line in control["lines"]:
            start = start * len(line["shown"]) + line["start"]
    figure = _TEMPLATES.get_template("figure.html")
    return Markup(
        figure.render(
            index=index,
            data=index | {"source": source},
            source=source,
            id=index["explorer"],
            start=index["pictures"][start],
        )
    )


def write_page(
    explorers: Iterable["Explorer"], out: Path | str, title: str, stops: dict[str, dict[str, int]] | None = None
) -> Path:
    """Write a page with these explorers, and a folder of frames for each, into a folder that appears whole or not at all.

    Args:
        explorers: with names that differ.
        out: the folder; one that holds such a page is replaced.
        title: the page's heading.
        stops: for an explorer's name, what `draw_frames` takes as `stops`.

    Returns:
        The page, `index.html` in the folder.

    Raises:
        As `draw_frames`.
    """
    with whole_folder(out, mark=BESIDE[0]) as folder:
        figures = []
        for explorer in explorers:
            drawn = explorer.frames(folder / explorer.name, (stops or {}).get(explorer.name))
            figures.append(figure_html(drawn, explorer.name))
        for name in BESIDE:
            write_whole(folder / name, (files("utils.frames") / name).read_bytes())
        write_whole(folder / "index.html", _TEMPLATES.get_template("page.html").render(title=title, figures=figures))
    return Path(out) / "index.html"
