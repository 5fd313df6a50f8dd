"""Print every measured figure beside its bound: `make bench [LESSON=name] [FULL=1] [JSON=file]`.

Exit 0 when all bounds hold, 1 when one does not, 2 for a wrong name. Measure on an idle machine.
"""

import argparse
import importlib.util
import json
import sys
from dataclasses import asdict
from types import ModuleType

from course.classroom.authoring import gauge
from course.cli import ROOT
from course.syllabus import LESSONS, Lesson, lesson
from tests.benchmarks import browser, demos, explorers, frame, grading, notebooks
from utils.files import write_whole


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--lesson")
    parser.add_argument("--json")
    parser.add_argument("--full", action="store_true", help="the slow figures too")
    arguments = parser.parse_args()
    try:
        lessons = [lesson(arguments.lesson)] if arguments.lesson else LESSONS
    except KeyError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    for each in lessons:
        print(gauge.line(ROOT, each), flush=True)
    figures = []
    parts = [(part.measure, each) for each in lessons for part in (notebooks, explorers, browser, demos, *_own(each))]
    if not arguments.lesson:
        parts = [(frame.measure, None), (grading.measure, None), *parts]
    for measure, each in parts:
        for figure in measure(each, arguments.full):
            figures.append(figure)
            bound = "" if figure.bound is None else f"(bound {figure.bound:.3g})"
            print(
                f"{'ok  ' if figure.holds else 'OVER'}  {figure.lesson:14} {figure.figure:58} "
                f"{figure.value:9.3g} {figure.unit:3} {bound}",
                flush=True,
            )
    if arguments.json:
        write_whole(
            arguments.json, json.dumps([asdict(each) | {"holds": each.holds} for each in figures], indent=1) + "\n"
        )
    return 0 if all(figure.holds for figure in figures) else 1


def _own(lesson: Lesson) -> list[ModuleType]:
    """What a lesson alone has to measure, in a module of its name."""
    name = f"tests.benchmarks.{lesson.name}"
    return [importlib.import_module(name)] if importlib.util.find_spec(name) else []


if __name__ == "__main__":
    sys.exit(main())
