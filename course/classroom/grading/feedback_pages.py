"""What people read after grading: a page for each student and lesson, and an overview of the class."""

import base64
import io
import re
from collections import Counter
from collections.abc import Callable, Sequence

import jinja2
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from nbformat import NotebookNode

from course.classroom.authoring.cells import grade_id
from course.classroom.grading.grades import NOTHING, Graded, Mark
from course.syllabus import Lesson
from utils import plotting
from utils.exercise import Exercise, WrittenExercise

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.3rem; margin: 2.6rem 0 .2rem; }
h3 { font-size: 1.05rem; margin: 1.8rem 0 .3rem; }
.sub { color: #666; margin-top: .2rem; } .title { overflow-wrap: anywhere; } .title code { color: #666; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; color: #666; }
th, td { padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #e6e6e6; vertical-align: top; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
code, pre { font-size: .9em; } .reason { white-space: pre-wrap; overflow-wrap: anywhere; }
.full { color: #00694d; } .some { color: #7a5c00; } .none { color: #a34000; } .open { color: #005a8c; }
img { max-width: 100%; } blockquote { white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px solid #ddd;
margin: .5rem 0; padding-left: 1rem; }
@media (max-width: 40rem) { body { margin: 1rem auto; } tr, td { display: block; } th { display: none; }
td { border: none; padding: .1rem 0; } tr { border-bottom: 1px solid #e6e6e6; padding: .5rem 0; }
.number { text-align: left; } }
"""

_PAGES = {
    "frame": """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{{ title }}</title><style>{{ style }}</style></head><body>
{% block body %}{% endblock %}
</body></html>
""",
    "feedback": """{% extends "frame" %}{% block body %}
<h1>{{ lesson.title }}</h1>
<p class="sub">{{ graded.student }}: <strong>{{ "%g" % graded.points }} of {{ graded.max_points }} points</strong>
{%- if pending %}; {{ pending }} more are open until a person has read your answer in words{% endif %}.</p>
<table><tr><th>Exercise</th><th class="number">Points</th><th>Why</th></tr>
{% for mark in graded.marks %}<tr>
<td class="title">{{ name(mark.exercise) }}</td>
<td class="number {{ state(mark) }}">{{ "–" if mark.pending else "%g" % mark.points }} of {{ mark.max_points }}</td>
<td class="reason">{{ "Waits for a person." if mark.pending else mark.reason or "Right." }}</td>
</tr>{% endfor %}</table>
{% if graded.notes %}<h2>About your notebook</h2>
<ul>{% for note in graded.notes %}<li class="reason">{{ note }}</li>{% endfor %}</ul>{% endif %}
{% if graded.handed_in %}<p class="sub">Every function that was handed in was run on cases drawn for grading, besides those of
the lesson's own check.</p>{% endif %}
{% endblock %}""",
    "overview": """{% extends "frame" %}{% block body %}
<h1>{{ title }}</h1>
{% for part in parts %}
<h2>{{ part.lesson.number }}. {{ part.lesson.title }}</h2>
<p class="sub">{{ part.handed_in }} of {{ part.students }} students handed in; they have
{{ "%.1f" % part.mean }} of the {{ "%.1f" % part.mean_possible }} points that are graded so far, on average
{%- if part.pending %}; {{ part.pending }} {{ "answers wait" if part.pending > 1 else "answer waits" }} for a person
{%- endif %}.</p>
{% if part.absent %}<p class="sub">Nothing from {{ part.absent|join(", ") }}.</p>{% endif %}
<img alt="How many students have how many points, and the share that solved each exercise" src="{{ part.picture }}">
<table><tr><th>Exercise</th><th class="number">Solved</th><th class="number">Points</th></tr>
{% for row in part.exercises %}<tr><td class="title">{{ name(row.name) }}</td>
<td class="number">{{ row.solved }} of {{ part.handed_in }}{% if row.open %}, {{ row.open }} open{% endif %}</td>
<td class="number">{{ row.points }}</td></tr>{% endfor %}</table>
{% if part.mistakes %}<h3>The commonest mistakes</h3>
<table><tr><th class="number">Students</th><th>Exercise</th><th>What they were told</th></tr>
{% for row in part.mistakes %}<tr><td class="number">{{ row.count }}</td><td class="title">{{ name(row.name) }}</td>
<td class="reason">{{ row.told }}</td></tr>{% endfor %}</table>{% endif %}
{% if part.noted %}<h3>Worth a look</h3>
<ul>{% for graded in part.noted %}<li><strong>{{ graded.student }}</strong>
{% for note in graded.notes %}<br><span class="reason">{{ note }}</span>{% endfor %}</li>{% endfor %}</ul>{% endif %}
{% endfor %}
{% endblock %}""",
}
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.DictLoader(_PAGES), autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
)
MOST_MISTAKES, LONGEST_REASON = 15, 400
EXERCISE = re.compile(r"^#+ Exercise ([^(\n]+)", re.MULTILINE)


def titles(given: NotebookNode) -> dict[str, str]:
    """The titles that a lesson's headings give its exercises, such as "1.2: where descent ends", by exercise."""
    found, title = {}, ""
    for cell in given.cells:
        if cell.cell_type == "markdown" and (headings := EXERCISE.findall(cell.source)):
            title = headings[-1].strip()
        if grade_id(cell):
            found[grade_id(cell)] = title
    return found


def _named(names: dict[str, str]) -> Callable[[str], Markup]:
    """A function that writes an exercise's title and name."""
    return lambda name: Markup("{} <code>{}</code>").format(names.get(name, ""), name)


def feedback(graded: Graded, lesson: Lesson, names: dict[str, str]) -> str:
    """A student's page. It shows points and what went wrong, and no answer.

    Args:
        graded: the student's submission.
        lesson: the lesson.
        names: the exercises' titles.
    """
    return _ENVIRONMENT.get_template("feedback").render(
        title=f"{lesson.title}: {graded.student}",
        style=STYLE,
        lesson=lesson,
        graded=graded,
        pending=sum(mark.max_points for mark in graded.marks if mark.pending),
        state=_state,
        name=_named(names),
    )


def _state(mark: Mark) -> str:
    if mark.pending:
        return "open"
    return "full" if mark.points >= mark.max_points else "some" if mark.points else "none"


def overview(graded: Sequence[Graded], lessons: Sequence[Lesson], names: dict[str, dict[str, str]]) -> str:
    """The class's page: how the points are spread, which exercises are hard, and which mistakes are common.

    Args:
        graded: everybody's submissions.
        lessons: those that were graded.
        names: the exercises' titles, by lesson.
    """
    parts = [_part([one for one in graded if one.lesson == lesson.name], lesson) for lesson in lessons]
    titles = {name: title for of_lesson in names.values() for name, title in of_lesson.items()}
    return _ENVIRONMENT.get_template("overview").render(
        title="The class", style=STYLE, parts=parts, name=_named(titles)
    )


def _part(graded: Sequence[Graded], lesson: Lesson) -> dict:
    """What the overview says of one lesson."""
    exercises = lesson.exercises.EXERCISES
    present = [submission for submission in graded if submission.handed_in]
    every_mark = [mark for submission in present for mark in submission.marks]
    marks = {exercise.name: [mark for mark in every_mark if mark.exercise == exercise.name] for exercise in exercises}
    # Where all reasons are the same, the file could not be read.
    readable = [submission for submission in present if len({mark.reason for mark in submission.marks}) > 1]
    return {
        "lesson": lesson,
        "students": len(graded),
        "handed_in": len(present),
        "mean": sum(submission.points for submission in present) / max(1, len(present)),
        "mean_possible": sum(mark.max_points for mark in every_mark if not mark.pending) / max(1, len(present)),
        "absent": [submission.student for submission in graded if not submission.handed_in and not submission.failed],
        "pending": sum(mark.pending for mark in every_mark),
        "picture": _picture(present, exercises, marks),
        "exercises": [
            {
                "name": exercise.name,
                "points": exercise.points,
                "solved": _solved(marks[exercise.name]),
                "open": sum(mark.pending for mark in marks[exercise.name]),
            }
            for exercise in exercises
        ],
        "mistakes": _mistakes(exercises, readable),
        "noted": [submission for submission in graded if submission.notes not in ((), (NOTHING,))],
    }


def _solved(marks: Sequence[Mark]) -> int:
    return sum(mark.points >= mark.max_points and not mark.pending for mark in marks)


def _mistakes(exercises: Sequence[Exercise | WrittenExercise], readable: Sequence[Graded]) -> list[dict]:
    """What cost points, known mistakes and everything else, the commonest first."""
    by_name = {exercise.name: exercise for exercise in exercises}
    made = Counter(
        (mark.exercise, mark.reason if mark.mistake is None else by_name[mark.exercise].mistakes[mark.mistake].hint)
        for submission in readable
        for mark in submission.marks
        if mark.reason and mark.points < mark.max_points and not mark.pending
    )
    return [
        {"name": name, "count": count, "told": told if len(told) <= LONGEST_REASON else f"{told[:LONGEST_REASON]} ..."}
        for (name, told), count in made.most_common(MOST_MISTAKES)
    ]


@plotting.style()
def _picture(present: Sequence[Graded], exercises: Sequence[Exercise | WrittenExercise], marks: dict[str, list]) -> str:
    """How the points are spread, and how many solved each exercise, as an image for a page."""
    coded = [exercise for exercise in exercises if isinstance(exercise, Exercise)]
    possible = sum(exercise.points for exercise in exercises)
    figure: Figure = plotting.new_figure(9.0, 0.9 + 0.4 * max(6, len(coded)))
    left, right = figure.subplots(1, 2, gridspec_kw={"width_ratios": (1, 1.2)})
    left.hist(
        [min(submission.points, possible) for submission in present],
        bins=[point - 0.5 for point in range(possible + 2)],
        color=plotting.BLUE,
    )
    left.set(xlabel="points", ylabel="students", title="Points", xlim=(-0.7, possible + 0.7))
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    shares = [100 * _solved(marks[exercise.name]) / max(1, len(present)) for exercise in coded]
    right.barh([exercise.name for exercise in coded], shares, color=plotting.BLUE)
    right.invert_yaxis()
    right.grid(False, axis="y")
    right.set(xlabel="% of those who handed in", title="Solved", xlim=(0, 100))
    figure.tight_layout()
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return f"data:image/png;base64,{base64.b64encode(image.getvalue()).decode()}"
