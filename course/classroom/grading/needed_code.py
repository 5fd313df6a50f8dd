"""Which of a submission's code is run: the answers, and what they need of the rest.

A lesson imports pictures and widgets that no answer uses, and they take longer to load than an answer takes to run. So
a cell that answers nothing is taken apart into statements (`statement_pieces`). Of those only the ones run that an
answer needs, directly or through one another (`needed`).
"""

import ast
import builtins
import symtable
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

# What comes out of these is never needed: an answer uses neither pictures nor runs.
NEVER_RUN = {"explorers", "figures", "experiment", "runner"}
# These calls run although they bind no name, since they change what the code of the answers means.
SETTINGS = ("torch.set_default_dtype", "torch.set_default_device")


# The private cases are drawn from this class's `repr`. So its name, its fields and their order must stay as they are.
@dataclass(frozen=True)
class Piece:
    """Source that grading runs.

    Attributes:
        kind: "import"; "definition" of a function or class; "statement" for any other that binds or changes a name;
            "call" for an expression that stands by itself; or "answer" for the whole cell of an exercise.
        source: Python, without IPython's magics.
        cell: the number of its cell, from 1.
        exercise: the exercise that it answers; None for other pieces.
        given: whether its cell is the lesson's own, as it was given.
    """

    kind: str
    source: str
    cell: int
    exercise: str | None = None
    given: bool = False


def needed(pieces: Sequence[Piece], *, everything: bool = False) -> tuple[Piece, ...]:
    """The answers, and of the other pieces those that the answers need, directly or through one another.

    Args:
        pieces: of the submission, in the order of the notebook.
        everything: whether to keep also all that a student wrote besides. A statement such as `functions.append(f)`
            binds no name, so nobody can tell by looking at it what it changes.

    Returns:
        The needed pieces, in the same order. An import keeps the names that are used.
    """
    reads = [set() if piece.kind == "import" else _names_read(piece.source) for piece in pieces]
    binds = [
        set() if piece.kind == "import" or piece.exercise is not None else _names_bound(piece.source)
        for piece in pieces
    ]
    # Where a student binds a name of the lesson's, the lesson's statement need not run, unless the student's reads it.
    bound_by_student, replaced = set(), set()
    for number, piece in enumerate(pieces):
        if not piece.given:
            bound_by_student |= binds[number]
            replaced |= binds[number] - reads[number]
    never = NEVER_RUN - bound_by_student
    kept = {number for number, piece in enumerate(pieces) if piece.exercise is not None}
    if everything:
        own = (number for number, piece in enumerate(pieces) if not piece.given and piece.kind != "import")
        kept |= {number for number in own if never.isdisjoint(reads[number])}
    gives = {
        number: binds[number] - replaced if piece.given else binds[number]
        for number, piece in enumerate(pieces)
        if piece.kind not in ("import", "call")
        and number not in kept
        and (piece.kind == "definition" or never.isdisjoint(reads[number]))
    }
    settings = [number for number in gives if not binds[number]]
    kept, used = _with_what_they_read(kept, settings, gives, reads)
    pruned = [
        replace(piece, source=_pruned(piece.source, used)) if piece.kind == "import" else piece for piece in pieces
    ]
    return tuple(
        piece for number, piece in enumerate(pruned) if number in kept or piece.kind == "import" and piece.source
    )


def _with_what_they_read(
    kept: set[int], settings: Iterable[int], gives: dict[int, set[str]], reads: Sequence[set[str]]
) -> tuple[set[int], set[str]]:
    """Follow names from the kept pieces to the pieces that give them, until nothing new is found.

    Args:
        kept: the numbers of the pieces that run in any case.
        settings: the numbers of further ones, which give no name.
        gives: for each piece that may be needed, the names it gives.
        reads: for every piece, the names it reads.

    Returns:
        The numbers of all pieces that run, and the names that they read.
    """
    kept, used = set(kept), set().union(*(reads[number] for number in kept))
    givers: dict[str, list[int]] = {}
    for number, names in gives.items():
        for name in names:
            givers.setdefault(name, []).append(number)
    followed = set(used)
    waiting = [*settings, *(number for name in used for number in givers.get(name, ()))]
    while waiting:
        number = waiting.pop()
        if number not in kept:
            kept.add(number)
            used |= reads[number]
            for name in reads[number] - followed:
                followed.add(name)
                waiting += givers.get(name, ())
    return kept, used


def with_given_back(pieces: Sequence[Piece], lesson: Sequence[Piece]) -> tuple[list[Piece], list[str]]:
    """The pieces, and those of the lesson's own that give a name which needed pieces read and nothing else gives.

    Args:
        pieces: of the submission, in the order of the notebook.
        lesson: what the lesson's cells hold besides answers.

    Returns:
        The pieces, with each that is given back right after those that give what it reads; and the names for which
        they are given back.
    """
    first: dict[str, Piece] = {}
    for piece in lesson:
        for name in _names_given(piece):
            first.setdefault(name, piece)
    # To parse every piece of a long hand-in would take long.
    given = [_names_given(piece) if any(name in piece.source for name in first) else set() for piece in pieces]
    missing = set(first) - set().union(*given) - set(dir(builtins)) - NEVER_RUN
    if not missing:
        return list(pieces), []
    wanted = missing & set().union(*(_names_read(piece.source) for piece in needed(pieces, everything=True)))
    back, waiting = set(), list(wanted)
    while waiting:
        piece = first[waiting.pop()]
        if piece not in back:
            back.add(piece)
            waiting += missing & _names_read(piece.source)
    # Each stands right after the first pieces that give what it reads, those given back among them.
    after: dict[str, int] = {}
    for number, names in enumerate(given, start=1):
        for name in names:
            after.setdefault(name, number)
    places: dict[int, list[Piece]] = {}
    for piece in [piece for piece in lesson if piece in back]:
        place = max((after.get(name, 0) for name in _names_read(piece.source)), default=0)
        places.setdefault(place, []).append(piece)
        after |= dict.fromkeys(_names_given(piece), place)
    merged = [
        each for number in range(len(pieces) + 1) for each in (*places.get(number, ()), *pieces[number : number + 1])
    ]
    return merged, sorted(wanted)


def statement_pieces(
    tree: ast.Module, source: str, *, cell: int, coded: Sequence[str], asked: Container[str]
) -> Iterator[Piece]:
    """The statements at the top of a cell, in order, without those that can change nothing.

    Args:
        tree: the cell, parsed.
        source: its text.
        cell: its number, from 1.
        coded: the names of the exercises in code.
        asked: see `functions_defined`.
    """
    lines = [line.encode() for line in source.split("\n")]
    for statement in tree.body:
        text = _source_of(statement, lines)
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield Piece("import", text, cell)
        elif _names_bound(text) or _is_setting(statement):
            name = next(iter(sorted(functions_defined([statement], asked) & set(coded))), None)
            defines = isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or name
            yield Piece("definition" if defines else "statement", text, cell, name)
        elif isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant):
            if not _mentions(statement, "exercises"):
                yield Piece("call", text, cell)


def functions_defined(statements: Iterable[ast.stmt], asked: Container[str]) -> set[str]:
    """The names of the functions that the statements define, also below an `if`, `try` or `with`.

    Args:
        statements: at the top of a cell.
        asked: for these names any expression counts that is assigned to them, such as `partial(...)`.
    """
    found, waiting = set(), list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and not isinstance(node.value, (ast.Constant, type(None))):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            ours = _mentions(node.value, "exercises")
            found |= {name for name in names if isinstance(node.value, ast.Lambda) or name in asked and not ours}
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            waiting += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
            waiting += [statement for handler in getattr(node, "handlers", []) for statement in handler.body]
    return found


def _names_read(source: str) -> set[str]:
    """The names that the code takes from around it, without those that it defines or imports itself."""
    try:
        tables = [symtable.symtable(source, "<cell>", "exec")]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    symbols = tables[0].get_symbols()
    found = {symbol.get_name() for symbol in symbols if symbol.is_referenced()}
    own = {symbol.get_name() for symbol in symbols if symbol.is_namespace() or symbol.is_imported()}
    while tables:
        table = tables.pop()
        tables += table.get_children()
        found |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() and symbol.is_referenced()}
    return found - own


def _names_bound(source: str) -> set[str]:
    """The names that a statement binds or changes at the top: `h` and `F` in `F["g"] = h = 1`, a function's name."""
    found, waiting = set(), list(ast.parse(source).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {_bound_by(alias) for alias in node.names}
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
            found |= {child.id for child in ast.walk(node.value) if isinstance(child, ast.Name)}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            found.add(node.id)
        elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            found.add(node.name)
            waiting += ast.iter_child_nodes(node)
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return found


def _names_given(piece: Piece) -> set[str]:
    """The names that a piece binds: at the top, by its imports, and those that its functions call global."""
    try:
        nodes = list(ast.walk(ast.parse(piece.source)))
        found = _names_bound(piece.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return found | {name for node in nodes if isinstance(node, ast.Global) for name in node.names}


def _bound_by(alias: ast.alias) -> str:
    """The name that an import binds: `a` in `import a.b`, `c` in `import a.b as c`."""
    return alias.asname or alias.name.partition(".")[0]


def _pruned(source: str, used: set[str]) -> str:
    """The import without the names that are not in `used`; empty where none is left."""
    (statement,) = ast.parse(source).body
    if getattr(statement, "module", None) == "__future__":
        return source
    # Nobody knows here what a star binds, so it stays.
    statement.names = [alias for alias in statement.names if _bound_by(alias) in used or alias.name == "*"]
    return ast.unparse(statement) if statement.names else ""


def _source_of(statement: ast.stmt, lines: Sequence[bytes]) -> str:
    """A statement's own text. Several may share a line, columns count bytes, and decorators lie above the statement."""
    first = min([statement.lineno, *(decorator.lineno for decorator in getattr(statement, "decorator_list", []))])
    start = statement.col_offset if first == statement.lineno else 0
    own = list(lines[first - 1 : statement.end_lineno])
    own[-1] = own[-1][: statement.end_col_offset]
    own[0] = own[0][start:]
    return b"\n".join(own).decode()


def _mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(child, ast.Name) and child.id == name for child in ast.walk(node))


def _is_setting(statement: ast.stmt) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func) in SETTINGS
