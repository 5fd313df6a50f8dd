"""Which of a submission's code is run: the answers, and what they need of the rest."""

import ast
import symtable
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

NEVER_RUN = {"explorers", "experiment", "runner"}
# Calls that are run though they give no name: they change what the answers' own code means.
SETTINGS = ("torch.set_default_dtype", "torch.set_default_device")


@dataclass(frozen=True)
class Piece:
    """Source that grading runs.

    Attributes:
        kind: "import", "definition", "statement" for another one that gives or changes a name, "call" for an expression
            that stands by itself, or "answer" for the whole cell of an exercise.
        source: Python, without IPython's magics.
        cell: the number of its cell, from 1.
        exercise: whose answer it is; None for the others.
        given: whether its cell is the lesson's own, as it was given.
    """

    kind: str
    source: str
    cell: int
    exercise: str | None = None
    given: bool = False


def needed(pieces: Sequence[Piece], everything: bool = False) -> tuple[Piece, ...]:
    """The answers, and of the other pieces those that they need, directly or through one another.

    With `everything` also all that a student wrote besides, such as `functions.append(f)`, of which nobody can tell by
    looking what it changes. A lesson imports pictures and widgets that no answer uses, and they take longer to load than
    an answer to run. What comes out of explorers and experiments is never needed.
    """
    read = [_read(each.source) if each.kind != "import" else set() for each in pieces]
    bound = [_bound(each.source) if each.kind != "import" and each.exercise is None else set() for each in pieces]
    # What a student puts in a name's place, the lesson need not put there; unless the student's makes it from that.
    mine, hers = set(), set()
    for number, each in enumerate(pieces):
        if not each.given:
            hers |= bound[number]
            mine |= bound[number] - read[number]
    kept = {number for number, each in enumerate(pieces) if each.exercise is not None}
    never = NEVER_RUN - hers
    if everything:
        own = (number for number, each in enumerate(pieces) if not each.given and each.kind != "import")
        kept |= {number for number in own if never.isdisjoint(read[number])}
    used = set().union(*(read[number] for number in kept))
    waiting = {
        number: bound[number] - mine if each.given else bound[number]
        for number, each in enumerate(pieces)
        if each.kind not in ("import", "call")
        and number not in kept
        and (each.kind == "definition" or never.isdisjoint(read[number]))
    }
    gives: dict[str, list[int]] = {}
    for number, names in waiting.items():
        for name in names:
            gives.setdefault(name, []).append(number)
    added = [number for number in waiting if not bound[number]]
    looked = set(used)
    added += [number for name in used for number in gives.get(name, ())]
    while added:
        number = added.pop()
        if number not in kept:
            kept.add(number)
            used |= read[number]
            for name in read[number] - looked:
                looked.add(name)
                added += gives.get(name, ())
    pruned = (replace(each, source=_pruned(each.source, used)) if each.kind == "import" else each for each in pieces)
    return tuple(each for number, each in enumerate(pruned) if number in kept or each.kind == "import" and each.source)


def _read(source: str) -> set[str]:
    """The names that the code takes from around it, without those that it defines or imports itself."""
    try:
        tables = [symtable.symtable(source, "<cell>", "exec")]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found = {each.get_name() for each in tables[0].get_symbols() if each.is_referenced()}
    given = {each.get_name() for each in tables[0].get_symbols() if each.is_namespace() or each.is_imported()}
    while tables:
        table = tables.pop()
        tables += table.get_children()
        found |= {each.get_name() for each in table.get_symbols() if each.is_global() and each.is_referenced()}
    return found - given


def _bound(source: str) -> set[str]:
    """The names that a statement gives or changes at the top: `h`, `F` in `F["g"] = h`, a function's name."""
    found, waiting = set(), list(ast.parse(source).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {each.asname or each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
            found |= {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            found.add(node.id)
        elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            found.add(node.name)
            waiting += ast.iter_child_nodes(node)
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return found


def _pruned(source: str, used: set[str]) -> str:
    """An import of those names alone; empty where none is used."""
    (statement,) = ast.parse(source).body
    if getattr(statement, "module", None) == "__future__":
        return source
    # What a star binds is known to nobody here.
    statement.names = [
        each for each in statement.names if (each.asname or each.name.partition(".")[0]) in used or each.name == "*"
    ]
    return ast.unparse(statement) if statement.names else ""


def functions_defined(statements: Iterable[ast.stmt], asked: Container[str]) -> set[str]:
    """The functions that the statements define, be it below an `if`; one that is asked for also by any expression."""
    found, waiting = set(), list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and not isinstance(node.value, (ast.Constant, type(None))):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {each.id for each in targets if isinstance(each, ast.Name)}
            ours = _names(node.value, "exercises")
            found |= {name for name in names if isinstance(node.value, ast.Lambda) or name in asked and not ours}
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            waiting += [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt)]
            waiting += [each for handler in getattr(node, "handlers", []) for each in handler.body]
    return found


def statement_pieces(
    tree: ast.Module, source: str, number: int, coded: Sequence[str], asked: Sequence[str]
) -> Iterator[Piece]:
    """The statements at the top of a cell, in order; without those that can change nothing."""
    lines = [line.encode() for line in source.split("\n")]
    for statement in tree.body:
        text = _source_of(statement, lines)
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield Piece("import", text, number)
        elif _bound(text) or _is_setting(statement):
            name = next(iter(sorted(functions_defined([statement], asked) & set(coded))), None)
            defines = isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or name
            yield Piece("definition" if defines else "statement", text, number, name)
        elif isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant):
            if not _names(statement, "exercises"):
                yield Piece("call", text, number)


def _source_of(statement: ast.stmt, lines: Sequence[bytes]) -> str:
    """A statement's own text; several may share a line. Columns count bytes, and decorators lie above."""
    first = min([statement.lineno, *(each.lineno for each in getattr(statement, "decorator_list", []))])
    start = statement.col_offset if first == statement.lineno else 0
    own = list(lines[first - 1 : statement.end_lineno])
    own[-1] = own[-1][: statement.end_col_offset]
    own[0] = own[0][start:]
    return b"\n".join(own).decode()


def _names(node: ast.AST, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node))


def _is_setting(statement: ast.stmt) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func) in SETTINGS
