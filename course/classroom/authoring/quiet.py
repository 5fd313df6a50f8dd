"""Cells that nobody should read start collapsed in what a learner opens: code that only asks, reveals or shows.

A prediction's code says its question a second time, its reveal gives the answer away before it is due, and an explorer or
a figure is for looking. An author who wants it otherwise tags the cell: `hide-input` collapses any code, `show-input`
leaves it open. A cell that the learner writes in, and its check, are always open.

JupyterLab and Jupyter Notebook leave the first line of a collapsed cell to be seen and open it at a click. Voila shows no
code at all. VS Code does not look at the metadata, and shows the code.
"""

import ast
from collections.abc import Sequence

from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_solution

from course.classroom.authoring.source import tags

HIDE, SHOW = "hide-input", "show-input"
SHOWING = {"explorers", "figures", "plotting"}  # the modules whose calls are for looking at
PREDICTION = "Prediction"


def collapse(notebook: NotebookNode) -> None:
    """Mark the cells that start collapsed, in place."""
    for cell in notebook.cells:
        if cell.cell_type != "code" or is_grade(cell) or is_solution(cell) or SHOW in tags(cell):
            continue
        if HIDE in tags(cell) or only_shows(cell.source):
            cell.metadata["jupyter"] = {"source_hidden": True}


def only_shows(source: str) -> bool:
    """Whether code does no more than ask for a prediction, reveal one, or show explorers, figures and tables.

    What these need may stand before them: imports of their modules, and a record that is loaded; so may a record's
    provenance, printed.
    """
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return False  # a magic command: code of another kind
    predictions = {_target(each) for each in statements if _called(_value(each)) == PREDICTION}
    shown = [_shows(each) for each in statements]
    return any(shown) and all(
        shows or _prepares(each) or _names(each, predictions) for shows, each in zip(shown, statements)
    )


def _shows(statement: ast.stmt) -> bool:
    value = _value(statement)
    if _called(value) == PREDICTION:
        return True
    return isinstance(statement, ast.Expr) and (_called(value) == "reveal" or _root(value) in SHOWING)


def _prepares(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.name.split(".")[-1] for alias in statement.names} <= SHOWING | {PREDICTION}
    value = _value(statement)
    if isinstance(statement, ast.Assign):
        return _called(value) == "load_record" or _root(value) in SHOWING
    return _called(value) == "print" and all(_tells_provenance(each) for each in value.args)


def _names(statement: ast.stmt, names: set[str | None]) -> bool:
    """Whether a statement is one of these names alone: the notebook displays it."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Name) and statement.value.id in names


def _tells_provenance(argument: ast.expr) -> bool:
    return isinstance(argument, ast.Constant) or _called(argument) == "provenance"


def _value(statement: ast.stmt) -> ast.expr | None:
    return statement.value if isinstance(statement, ast.Expr | ast.Assign) else None


def _target(statement: ast.stmt) -> str | None:
    targets: Sequence[ast.expr] = statement.targets if isinstance(statement, ast.Assign) else ()
    return next((target.id for target in targets if isinstance(target, ast.Name)), None)


def _called(value: ast.expr | None) -> str | None:
    """The last part of the name of what an expression calls: "c" of `a.b.c(...)`."""
    if not isinstance(value, ast.Call):
        return None
    function = value.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)


def _root(value: ast.expr | None) -> str | None:
    """The first part of the name that an expression is, or calls: "a" of `a.b` and `a.b.c(...)`; None of `a` alone."""
    while isinstance(value, ast.Call):
        value = value.func
    if not isinstance(value, ast.Attribute):
        return None
    while isinstance(value, ast.Attribute | ast.Call):
        value = value.value if isinstance(value, ast.Attribute) else value.func
    return value.id if isinstance(value, ast.Name) else None
