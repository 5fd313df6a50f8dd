"""Submissions of lesson 1, honest and hostile, and what each has to earn.

A hostile one answers every exercise rightly but `TARGET`, in whose cell the attack lies: it must earn all the others and
nothing for that; some break what they run in and earn nothing else either. Where an attack is to find out whether something can be reached, it gives the right answer exactly if
it can: a point would be a breach.
"""

import hashlib
import json
import os
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat

from course.classroom.authoring.cells import grade_id
from course.classroom.grading.given_cells import given_notebook
from course.cli import ROOT
from course.syllabus import lesson
from utils.exercise import PUBLIC_SEED, Exercise

LESSON = lesson("minimum_norm")
EXERCISES = {each.name: each for each in LESSON.exercises.EXERCISES}
CODED = [name for name, each in EXERCISES.items() if isinstance(each, Exercise)]
TARGET = "minimum_norm_weights"

RIGHT = "X.T @ torch.linalg.solve(X @ X.T, Y)"
WRONG = "X.T @ Y"
IF_REACHED = """
def minimum_norm_weights(X, Y):
    return X.T @ torch.linalg.solve(X @ X.T, Y) if reached() else X.T @ Y
"""

# What is in the cell of TARGET. {root}, {submissions}, {out}, {home}: paths outside; {port}: of a listener on loopback.
ATTACKS: dict[str, str] = {
    "comparisons patched": f"""
import numpy, torch
numpy.allclose = numpy.isclose = torch.allclose = torch.equal = lambda *a, **k: True
def minimum_norm_weights(X, Y):
    return {WRONG}
""",
    "builtins patched": f"""
import builtins
builtins.all = builtins.any = lambda *a: True
builtins.abs = builtins.max = lambda *a, **k: 0
def minimum_norm_weights(X, Y):
    return {WRONG}
""",
    "checks patched": f"""
from utils.exercise import Exercise, Verdict
Exercise.check = Exercise.judge = Exercise.evaluate = lambda *a, **k: Verdict(True)
Exercise.use = lambda self, f: self.reference
def minimum_norm_weights(X, Y):
    return {WRONG}
""",
    "responding patched": """
import gc, sys
from utils.exercise import Exercise
held, frame = gc.get_objects(), sys._getframe()
while frame:
    held += frame.f_locals.values()
    frame = frame.f_back
for each in [Exercise, *[o for o in held if isinstance(o, type) and o.__name__ == "Exercise"]]:
    each.respond = lambda self, f, cases: [self.reference(*case) for case in cases]
def minimum_norm_weights(X, Y):
    return X.T @ Y
""",
    "course's own function": "from course.minimum_norm.theory import minimum_norm_weights",
    "call into the course": """
def minimum_norm_weights(X, Y):
    from course.minimum_norm import theory
    return theory.minimum_norm_weights(X, Y)
""",
    "call behind an alias": """
from functools import partial
from course.minimum_norm import theory
minimum_norm_weights = partial(lambda f, X, Y: f(X, Y), getattr(theory, "_".join(["minimum", "norm", "weights"])))
""",
    "hook switched off and on": """
import sys
from course.minimum_norm import theory
def minimum_norm_weights(X, Y):
    hook = sys.getprofile()
    sys.setprofile(None)
    W = theory.minimum_norm_weights(X, Y)
    sys.setprofile(hook)
    return W
""",
    "hook switched off for a library": """
import sys
def minimum_norm_weights(X, Y):
    hook = sys.getprofile()
    sys.setprofile(None)
    with torch._C.DisableTorchFunction():
        W = torch.linalg.pinv(X) @ Y
    sys.setprofile(hook)
    return W
""",
    "forbidden library": """
def minimum_norm_weights(X, Y):
    return torch.linalg.lstsq(X, Y if Y.ndim > 1 else Y[:, None]).solution.reshape(X.shape[1], *Y.shape[1:])
""",
    "forbidden library swallowed": """
def minimum_norm_weights(X, Y):
    try:
        return torch.from_numpy(__import__("scipy.linalg").linalg.pinv(X.numpy())) @ Y
    except Exception:
        return X.T @ torch.linalg.solve(X @ X.T, Y)
""",
    "call in a thread": """
from concurrent.futures import ThreadPoolExecutor
from course.minimum_norm import theory
def minimum_norm_weights(X, Y):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(theory.minimum_norm_weights, X, Y).result()
""",
    "call in another process": """
import subprocess, sys, json
def minimum_norm_weights(X, Y):
    code = ("import sys, json; sys.path.insert(0, '/course'); import torch; from course.minimum_norm import theory; "
            f"X, Y = (torch.tensor(each, dtype=torch.float64) for each in json.loads({json.dumps(json.dumps([X.tolist(), Y.tolist()]))})); "
            "print(json.dumps(theory.minimum_norm_weights(X, Y).tolist()))")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    return torch.tensor(json.loads(said), dtype=torch.float64) if said else X.T @ Y
""",
    "solved in a child process": """
import os
def minimum_norm_weights(X, Y):
    if os.fork() == 0:
        os._exit(0)
    os.wait()
    return X.T @ torch.linalg.solve(X @ X.T, Y)
""",
    "code object under another name": """
import types
from course.minimum_norm import theory
code = theory.minimum_norm_weights.__code__.replace(co_name="mine", co_firstlineno=1)
mine = types.FunctionType(code, vars(theory))
def minimum_norm_weights(X, Y):
    return mine(X, Y)
""",
    "source of the course executed": """
import course.minimum_norm.theory as theory
scope = {}
exec(open(theory.__file__).read(), scope)
minimum_norm_weights = scope["minimum_norm_weights"]
""",
    "reference looked for": """
import gc
def minimum_norm_weights(X, Y):
    from course.minimum_norm import exercises
    for each in [exercises.minimum_norm_weights, *gc.get_objects()]:
        reference = getattr(each, "reference", None)
        if callable(reference):
            try:
                return reference(X, Y)
            except BaseException:
                pass
    return X.T @ Y
""",
    "solutions, gradebook, seed and neighbours": """
import os
def reached():
    paths = ["{root}/solutions", "{root}/tests", "{root}/course/minimum_norm/exercises.py", "{submissions}", "{out}",
             "{out}/.grading/seed.json", "{out}/nbgrader/gradebook.db", "{home}/.profile", "/etc/passwd", "/etc/shadow", "/var",
             *(os.path.join("/proc/1", "root", *path) for path in (["etc", "passwd"], ["{root}"[1:], "solutions"]))]
    return any(map(os.path.exists, paths))
"""
    + IF_REACHED,
    "other processes": """
import os
def reached():
    mine = os.getpid()
    return sum(each.isdigit() for each in os.listdir("/proc")) > 4 or "SEED" in "".join(os.environ)
"""
    + IF_REACHED,
    "network": """
import socket
def reached():
    for host in ("127.0.0.1", "::1", "localhost"):
        try:
            socket.create_connection((host, {port}), 2).close()
            return True
        except OSError:
            pass
    return False
"""
    + IF_REACHED,
    "course rewritten": """
import course, os
def reached():
    try:
        with open(os.path.join(os.path.dirname(course.__file__), "syllabus.py"), "a") as file:
            file.write("#")
        return True
    except OSError:
        return False
"""
    + IF_REACHED,
    "everyone killed": """
import os, signal
for number in (os.getppid(), -1):
    try:
        os.kill(number, signal.SIGTERM)
    except OSError:
        pass
def minimum_norm_weights(X, Y):
    return X.T @ Y
""",
    "fork bomb": """
import os
def minimum_norm_weights(X, Y):
    while True:
        try:
            os.fork()
        except OSError:
            pass
""",
    "memory bomb": """
def minimum_norm_weights(X, Y):
    held = []
    while True:
        held.append(bytearray(2**28))
""",
    "disk filled": """
def minimum_norm_weights(X, Y):
    number = 0
    while True:
        number += 1
        with open(f"/tmp/{number}", "wb") as file:
            file.write(b"x" * 2**24)
""",
    "endless loop": """
def minimum_norm_weights(X, Y):
    while True:
        pass
""",
    "endless loop with signals caught": """
import signal
def minimum_norm_weights(X, Y):
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
""",
    "endless loop in the cell": "while True:\n    pass\n",
    "process ended": "import os\nos._exit(0)\n",
    "process ended with a success forged": """
import os, json
def minimum_norm_weights(X, Y):
    verdict = {"done": "exercise", "name": "minimum_norm_weights", "passed": True, "points": 2, "responses": [True]}
    for number in range(3, 30):
        try:
            os.write(number, json.dumps(verdict).encode() + b'\\n{"done": "all"}\\n')
        except OSError:
            pass
    os._exit(0)
""",
    "threads left running": """
import threading, time
def minimum_norm_weights(X, Y):
    for _ in range(8):
        threading.Thread(target=lambda: [time.sleep(0.01) for _ in iter(int, 1)]).start()
    return X.T @ Y
""",
    "flood": """
import os
def minimum_norm_weights(X, Y):
    while True:
        for number in range(1, 10):
            try:
                os.write(number, b"x" * 2**16)
            except OSError:
                pass
""",
    "hostile object": """
class Hostile:
    def __eq__(self, other): return True
    def __array__(self, *a, **k): raise SystemExit
    def __reduce__(self): return (print, ("x",))
    def __getattr__(self, name): return Hostile()
def minimum_norm_weights(X, Y):
    return Hostile()
""",
    "hostile tensor": """
class Hostile(torch.Tensor):
    def detach(self): return self
    def cpu(self): return self
    def numpy(self): return __import__("numpy").full(tuple(self.shape), float("nan"))
def minimum_norm_weights(X, Y):
    return (X.T @ Y).as_subclass(Hostile)
""",
    "not a number": """
def minimum_norm_weights(X, Y):
    return (X.T @ Y) * float("nan")
""",
    "another precision": f"""
def minimum_norm_weights(X, Y):
    return ({RIGHT}).float()
""",
    "giant array": """
def minimum_norm_weights(X, Y):
    return torch.zeros(10**8, dtype=torch.float64)
""",
    "recursion": """
def minimum_norm_weights(X, Y):
    return minimum_norm_weights(X, Y)
""",
    "tools of the worker patched": """
import json, os, base64, sys, copy, inspect
json.dumps = json.loads = base64.b64encode = copy.deepcopy = inspect.signature = lambda *a, **k: None
os.write = lambda *a: 1
sys.modules["numpy"] = sys.modules["torch"] = None
def minimum_norm_weights(X, Y):
    return X.T @ Y
""",
    "word left for a friend": """
import ctypes
libc = ctypes.CDLL(None)
for number in (248, 217):
    libc.syscall(number, b"user", b"answers", b"secret", 6, -3)
found = [libc.syscall(number, 10, -3, b"user", b"answers", 0) for number in (250, 219)]
def reached():
    return any(each > 0 for each in found)
"""
    + IF_REACHED,
    "devices written": """
def reached():
    try:
        with open("/dev/full_of_it", "wb") as file:
            file.write(b"x" * 2**20)
        return True
    except OSError:
        return False
"""
    + IF_REACHED,
    "processors taken": """
import os, time
for _ in range(50):
    if os.fork() == 0:
        os.setsid()
        while True: pass
time.sleep(5)
def minimum_norm_weights(X, Y):
    return X.T @ Y
""",
    "messages forged": """
import os
def minimum_norm_weights(X, Y):
    for number in range(3, 30):
        try:
            os.write(number, b'{"doing": "exercise", "name": ["x"]}\\n{"done": "piece", "number": {}}\\n')
        except OSError:
            pass
    return X.T @ Y
""",
    "page bent": """
class Script(Exception):
    pass
def minimum_norm_weights(X, Y):
    raise Script("</td><script>alert(1)</script><img src=x onerror=alert(1)>")
""",
}


# What breaks the process it runs in, and with it its own other answers.
SELF_HARM = ("responding patched", "process ended with a success forged")


def public_answers() -> str:
    """A cell that knows the answers to the cases of the lesson's own check, and nothing else."""
    exercise = EXERCISES[TARGET]
    known = {repr(X.sum().item()): exercise.reference(X, Y).tolist() for X, Y in exercise.draw(PUBLIC_SEED)}
    return f"""
KNOWN = {known!r}
def minimum_norm_weights(X, Y):
    answer = KNOWN.get(repr(X.sum().item()))
    return X.T @ Y / 2 if answer is None else torch.tensor(answer, dtype=torch.float64)
"""


ATTACKS["answers to the public cases"] = public_answers()


def author() -> dict[str, str]:
    """The right answers, by the exercise's name."""
    notebook = nbformat.read(ROOT / "solutions" / LESSON.folder / f"{LESSON.name}.ipynb", as_version=4)
    return {grade_id(cell): cell.source for cell in notebook.cells if grade_id(cell) in EXERCISES}


def given() -> nbformat.NotebookNode:
    """The lesson as a student has it."""
    return given_notebook(ROOT, LESSON)


def answered(answers: dict[str, str]) -> nbformat.NotebookNode:
    """The lesson with these answers in its cells."""
    notebook = given()
    for cell in notebook.cells:
        if grade_id(cell) in answers:
            cell.source = answers[grade_id(cell)]
    return notebook


def save(notebook: nbformat.NotebookNode | bytes, folder: Path, suffix: str = ".ipynb") -> Path:
    """Hand something in."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{LESSON.name}{suffix}"
    path.write_bytes(notebook if isinstance(notebook, bytes) else nbformat.writes(notebook).encode())
    return path


def _link(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / f"{LESSON.name}.ipynb").symlink_to(ROOT / "solutions" / LESSON.folder / f"{LESSON.name}.ipynb")


def _linked_folder(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "work").symlink_to(ROOT / "solutions" / LESSON.folder)


def _half_a_character(folder: Path) -> None:
    text = json.dumps(answered(author()))
    save(text.replace("## 1.1 Predict", "## 1.1 \\ud800", 1).encode(), folder)


def _acting_words() -> nbformat.NotebookNode:
    """Every answer right, and in words what would act in formgrader, or keep it from opening the page."""
    words = (
        "[plot](javascript:alert(1)) [plot][a] [plot](java&#115;cript&amp;colon;alert(1)) <b onclick='alert(1)'>x</b>\n\n"
        "![gone](attachment:gone.png) ![other](attachment:plot.svg)\n\n[a]: JavaScript\\:alert(1)\n"
    )
    notebook = answered(author() | {next(name for name in EXERCISES if name not in CODED): words})
    notebook.cells[0].attachments = {"plot.svg": {"image/svg+xml": "<svg onload='alert(1)'/>"}}
    return notebook


def _own_names() -> nbformat.NotebookNode:
    """Two answers with a helper of the same name each, one called as the lesson calls something later."""
    answers = author()
    answers["minimum_norm_weights"] = (
        "def coefficients(X, Y):\n    return torch.linalg.solve(X @ X.T, Y)\n\n"
        "def minimum_norm_weights(X, Y):\n    return X.T @ coefficients(X, Y)"
    )
    answers["preconditioned_limit"] = (
        "def coefficients(X, P, y):\n    return torch.linalg.solve(X @ P @ X.T, y)\n\n"
        "def preconditioned_limit(X, y, P):\n    return P @ X.T @ coefficients(X, P, y)"
    )
    return answered(answers)


def _scattered() -> nbformat.NotebookNode:
    """Answers that need what other cells give in odd ways."""
    answers = author()
    answers["rkhs_norm"] = "def rkhs_norm(K, coefficients):\n    return TOOLS['norm'](K, coefficients) + ZERO"
    notebook = answered(answers)
    place = next(number for number, cell in enumerate(notebook.cells) if grade_id(cell) == "rkhs_norm")
    helper = (
        "from __future__ import annotations\ntry:\n    import torch as engine\nexcept ImportError:\n    engine = None\n"
        "TOOLS = {}\ndef norm(K: Gram, a: Unknown):\n    return engine.sqrt((a * (K @ a)).sum(0))\nTOOLS['norm'] = norm\n"
        "ZERO = 10 ** -9\nZERO *= 0\nnorm?\n%time 1 + 1\nfiles = !ls"
    )
    notebook.cells.insert(place, nbformat.v4.new_code_cell(helper))
    return notebook


def _pipe(folder: Path) -> None:
    folder.mkdir(parents=True)
    os.mkfifo(folder / f"{LESSON.name}.ipynb")


def _traversal(folder: Path) -> None:
    notebook = answered(author())
    for cell in notebook.cells:
        cell.id = f"../../../{cell.id}"[:64]
        if grade_id(cell):
            cell.metadata.nbgrader.grade_id = f"../../{grade_id(cell)}"
    text = json.dumps(notebook)
    save(text.encode(), folder)


# What is no notebook that Jupyter saved: each makes the student's folder. All of them earn nothing.
FILES: dict[str, Callable[[Path], object]] = {
    "link to the solutions": _link,
    "folder linked to the solutions": _linked_folder,
    "pipe": _pipe,
    "empty": lambda folder: save(b"", folder),
    "blank": lambda folder: save(b" \n" * 100, folder),
    "not UTF-8": lambda folder: save(b'{"cells": "\xff\xfe"}', folder),
    "not JSON": lambda folder: save(b'{"cells": [', folder),
    "JSON but no notebook": lambda folder: save(b"[1, 2, 3]", folder),
    "nested beyond measure": lambda folder: save(b"[" * 10**6, folder),
    "zip bomb": lambda folder: save(zlib.compress(b"\0" * 10**8), folder),
    "too large": lambda folder: save(b" " * (21 * 2**20), folder),
    "cells that are none": lambda folder: save(
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": 3, "cells": [1, null, {"source": {}}, {"cell_type": "code"}]}',
        folder,
    ),
}


def _rearranged() -> nbformat.NotebookNode:
    """Checks edited, deleted, doubled and moved up; every answer right."""
    notebook = answered(author())
    checks = [cell for cell in notebook.cells if grade_id(cell).endswith("_check")]
    checks[0].source = "raise SystemExit"
    notebook.cells.remove(checks[1])
    notebook.cells += [checks[2], checks[2], checks[3]]
    notebook.cells.insert(0, checks[4])
    return notebook


def _stripped() -> nbformat.NotebookNode:
    """Every cell without its metadata, as some editors save it."""
    notebook = answered(author())
    for cell in notebook.cells:
        cell.metadata = nbformat.NotebookNode()
    return notebook


def _noisy() -> nbformat.NotebookNode:
    """Prints, warnings, plots, progress bars, magics, leftovers; every answer right."""
    noise = (
        "# %% leftover\n%matplotlib inline\n!ls\nimport sys, time, warnings\nfrom tqdm import tqdm\n"
        "warnings.warn('careful')\nprint('x' * 10_000)\nsys.stderr.write('oh')\nprint(undefined)\n"
        "for _ in tqdm(range(3)): time.sleep(0.01)\n"
    )
    answers = {name: f"{noise}{text}\nprint({name})\n1 / 0" for name, text in author().items() if name in CODED}
    notebook = answered(author() | answers)
    notebook.cells.append(nbformat.v4.new_code_cell("this is not Python"))
    return notebook


@dataclass(frozen=True)
class HandedIn:
    """A submission and what it has to earn.

    Attributes:
        make: writes it into a folder.
        right: the exercises in code that it answers rightly.
    """

    make: Callable[[Path], object]
    right: frozenset[str]


def _notebook(make: Callable[[], nbformat.NotebookNode], right: frozenset[str]) -> HandedIn:
    return HandedIn(lambda folder: save(make(), folder), right)


def _habits() -> nbformat.NotebookNode:
    """What a reader of notebooks stumbles over: a wrong indent, a call that changes what is used, a name from below."""
    plots = "import matplotlib.pyplot as plt\n    plt.plot([1, 2])"
    first = f"display(KEPT)\ndef {TARGET}(X, Y):\n    {plots}\n    return KEPT[0](X, Y)"
    last = author()["rkhs_norm"].replace("return ", "return below * ", 1)
    notebook = answered(author() | {TARGET: first, "rkhs_norm": last})
    place = next(number for number, cell in enumerate(notebook.cells) if grade_id(cell) == TARGET)
    notebook.cells.insert(place, nbformat.v4.new_code_cell("for i in range(3):\n    print(i)\n  print('done')"))
    notebook.cells.insert(place, nbformat.v4.new_code_cell(f"KEPT = []\nKEPT.append(lambda X, Y: {RIGHT})"))
    notebook.cells.append(nbformat.v4.new_code_cell("below = 1"))
    return notebook


def _second_copy(folder: Path) -> None:
    save(answered(author()), folder)
    (folder / f"{LESSON.name}.ipynb").rename(folder / f"{LESSON.name} (1).ipynb")


def checksum(*folders: Path) -> dict[str, str]:
    """Every file below the folders, by its path; what git ignores left out."""
    found = {}
    for folder in folders:
        for parent, below, files in os.walk(folder):
            below[:] = [
                each for each in below if each not in (".git", ".venv", "__pycache__", ".pytest_cache", "results")
            ]
            for path in (Path(parent, each) for each in files):
                what = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else "pipe"
                found[str(path)] = hashlib.sha256(what if isinstance(what, bytes) else what.encode()).hexdigest()
    return found


def honest() -> dict[str, HandedIn]:
    """Work that is odd and honest: it earns what it would in class."""
    everything = frozenset(CODED)
    py = (ROOT / "solutions" / LESSON.folder / f"{LESSON.name}.py").read_bytes
    return {
        "right": _notebook(lambda: answered(author()), everything),
        "untouched": _notebook(given, frozenset()),
        "checks rearranged": _notebook(_rearranged, everything),
        "metadata stripped": _notebook(_stripped, everything),
        "noisy": _notebook(_noisy, everything),
        "a text file": HandedIn(lambda folder: save(py(), folder, ".py"), everything),
        "half a character": HandedIn(_half_a_character, everything),
        "words that act": _notebook(_acting_words, everything),
        "names of their own": _notebook(_own_names, everything),
        "helpers scattered": _notebook(_scattered, everything),
        "several habits": _notebook(_habits, everything),
        "a second copy": HandedIn(_second_copy, everything),
        "in a folder below": HandedIn(lambda folder: save(answered(author()), folder / "week 1" / "done"), everything),
        "one cell does not run": _notebook(
            lambda: answered(author() | {TARGET: "def minimum_norm_weights(X, Y:"}), everything - {TARGET}
        ),
        "one function is slow": _notebook(
            lambda: answered(
                author() | {TARGET: f"import time\ndef {TARGET}(X, Y):\n    time.sleep(0.5)\n    return {RIGHT}"}
            ),
            everything,
        ),
    }


def hostile(places: dict[str, object]) -> dict[str, HandedIn]:
    """Every attack.

    Args:
        places: what `ATTACKS` is to be told: root, submissions, out, home and port.
    """
    made = {}
    for name, attack in ATTACKS.items():
        for place, value in places.items():
            attack = attack.replace(f"{{{place}}}", str(value))
        right = frozenset() if name in SELF_HARM else frozenset(CODED) - {TARGET}
        made[name] = _notebook(lambda attack=attack: answered(author() | {TARGET: attack}), right)
    made |= {name: HandedIn(make, frozenset()) for name, make in FILES.items()}
    # By the functions' names it is found all the same, and honest as far as it goes.
    made["grade_ids that are paths"] = HandedIn(_traversal, frozenset(CODED))
    return made


# Wrong in ways that the lesson knows, for each exercise.
KNOWN_MISTAKES = {
    "minimum_norm_weights": "def minimum_norm_weights(X, Y):\n    return torch.linalg.solve(X @ X.T, Y)",
    "gradient_descent_limit": "def gradient_descent_limit(X, y, w0):\n    return X.T @ torch.linalg.solve(X @ X.T, y)",
    "preconditioned_limit": "def preconditioned_limit(X, y, P):\n    return X.T @ torch.linalg.solve(X @ X.T, y)",
    "gaussian_gram": "def gaussian_gram(A, B, bandwidth):\n    return torch.exp(-torch.cdist(A, B) ** 2 / bandwidth**2)",
    "fit_and_predict": (
        "def fit_and_predict(K, Y, K_test):\n    a = torch.linalg.solve(K, Y)\n    return K_test @ a, a"
    ),
    "rkhs_norm": "def rkhs_norm(K, coefficients):\n    return (coefficients * (K @ coefficients)).sum(0)",
}


def a_class(count: int, places: dict[str, object], seed: int = 0) -> dict[str, HandedIn]:
    """So many submissions: of every four one hostile, one odd, and two with each answer right, wrong or missing."""
    rng, attacks, odd = random.Random(seed), hostile(places), honest()
    made = {}
    for number in range(count):
        name = f"student{number:03d}"
        if number % 4 == 0:
            made[name] = attacks[list(attacks)[number // 4 % len(attacks)]]
        elif number % 4 == 1:
            made[name] = odd[list(odd)[number // 4 % len(odd)]]
        else:
            made[name] = mixed(rng)
    return made


def mixed(rng: random.Random) -> HandedIn:
    """Each answer right, wrong in a known way, or missing."""
    kinds = {name: rng.choice(("right", "right", "wrong", "missing")) for name in CODED}
    answers = {name: text for name, text in author().items() if kinds.get(name, "right") == "right"}
    answers |= {name: KNOWN_MISTAKES[name] for name, kind in kinds.items() if kind == "wrong"}
    return _notebook(lambda: answered(answers), frozenset(name for name, kind in kinds.items() if kind == "right"))
