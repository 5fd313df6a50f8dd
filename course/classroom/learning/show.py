"""Draws the figures of an experiment's record into files, with what the record says of where it comes from."""

from pathlib import Path

from course.classroom import Refusal
from course.syllabus import LESSONS, Lesson, lesson
from utils import plotting
from utils.experiment import Record, load_record
from utils.files import write_whole

OF_ROWS = (
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    ZeroDivisionError,
)  # raised by rows that lack what a figure needs


def records(name: str) -> list[Path]:
    """The record that is meant: a file, or those that ship with the lesson of that name.

    Raises:
        KeyError: it is neither; the message says what there is.
        Refusal: the lesson ships no record.
    """
    path = Path(name)
    if path.is_file():
        return [path]
    try:
        chosen = lesson(name)
    except KeyError:
        raise KeyError(f"{_nothing_at(path)}; the lessons are: {', '.join(each.name for each in LESSONS)}") from None
    shipped = sorted(chosen.experiment.RECORDS.glob("*.json"))
    if not shipped:
        raise Refusal(f"{name} ships no record: `course run {name}` makes one.")
    return shipped


def draw(path: Path, out: Path) -> tuple[Record, list[Path]]:
    """Write each figure of the record at `path` as PNG and as SVG, named after the record and the figure.

    Args:
        path: the record.
        out: the folder for the files; made if need be.

    Returns:
        The record, and the files.

    Raises:
        Refusal: it is no whole record, of no lesson here, or no figure can be drawn of it; nothing was written.
        OSError: a file cannot be read or written.
    """
    try:
        record = load_record(path)
    except ValueError as error:
        raise Refusal(str(error)) from None
    files = {}
    try:
        for function in _lesson_of(record, path).figures.of_record(record):
            figure = function(record)
            stem = f"{path.stem}-{function.__name__.removeprefix('draw_')}"
            files |= {out / f"{stem}.png": plotting.png(figure, scale=2), out / f"{stem}.svg": plotting.svg(figure)}
    except OF_ROWS as error:
        raise Refusal(
            f"{path}: its rows lack what {record.lesson}'s figures are drawn from ({error!r}); run the experiment again"
        ) from error
    if not files:
        raise Refusal(f"{path}: {record.lesson} has no figure for the rows of this record (preset {record.preset})")
    for file, content in files.items():
        write_whole(file, content)
    return record, list(files)


def _nothing_at(path: Path) -> str:
    if path.is_dir():
        inside = ", ".join(sorted(str(each) for each in path.glob("*.json"))) or "none"
        return f"{path} is a folder; name one of the records in it ({inside}), or a lesson"
    return f"there is no record at {str(path)!r}, and no lesson is called so"


def _lesson_of(record: Record, path: Path) -> Lesson:
    try:
        return lesson(record.lesson)
    except KeyError as error:
        raise Refusal(f"{path}: {error.args[0]}") from None
