"""What people read after grading: a page for each student and lesson, and an overview of the class."""

import base64
import io
from collections import Counter
from collections.abc import Sequence

import jinja2
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course.classroom.mark import Graded
from course.syllabus import Lesson
from utils import plotting
from utils.exercise import Exercise, WrittenExercise

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .5rem; }
.sub { color: #666; margin-top: .2rem; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; color: #666; }
th, td { padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #e6e6e6; vertical-align: top; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
code, pre { font-size: .9em; } .reason { white-space: pre-wrap; overflow-wrap: anywhere; }
.full { color: #00694d; } .none { color: #a34000; } .open { color: #005a8c; }
img { max-width: 100%; } blockquote { white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px solid #ddd;
margin: .5rem 0; padding-left: 1rem; }
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
<td><code>{{ mark.exercise }}</code></td>
<td class="number {{ state(mark) }}">{{ "–" if mark.pending else "%g" % mark.points }} of {{ mark.max_points }}</td>
<td class="reason">{{ "Waits for a person." if mark.pending else mark.reason or "Right." }}</td>
</tr>{% endfor %}</table>
{% if graded.notes %}<h2>About your notebook</h2>
<ul>{% for note in graded.notes %}<li class="reason">{{ note }}</li>{% endfor %}</ul>{% endif %}
<p class="sub">Every exercise was run on cases drawn for grading, besides those of the lesson's own check.</p>
{% endblock %}""",
    "overview": """{% extends "frame" %}{% block body %}
<h1>{{ title }}</h1>
{% for part in parts %}
<h2>{{ part.lesson.number }}. {{ part.lesson.title }}</h2>
<p class="sub">{{ part.handed_in }} of {{ part.students }} students handed in; they have
{{ "%.1f" % part.mean }} of {{ part.possible }} points on average
{%- if part.pending %}, and {{ part.pending }} answers in words wait for a person{% endif %}.</p>
<img alt="How many students have how many points, and the share that solved each exercise" src="{{ part.picture }}">
<table><tr><th>Exercise</th><th class="number">Solved</th><th class="number">Points</th></tr>
{% for row in part.exercises %}<tr><td><code>{{ row.name }}</code></td>
<td class="number">{% if row.open %}{{ row.open }} open{% else %}{{ row.solved }} of {{ part.handed_in }}{% endif %}</td>
<td class="number">{{ row.points }}</td></tr>{% endfor %}</table>
{% if part.mistakes %}<h2>The commonest mistakes</h2>
<table><tr><th class="number">Students</th><th>Exercise</th><th>What they were told</th></tr>
{% for row in part.mistakes %}<tr><td class="number">{{ row.count }}</td><td><code>{{ row.name }}</code></td>
<td class="reason">{{ row.hint }}</td></tr>{% endfor %}</table>{% endif %}
{% if part.noted %}<h2>Worth a look</h2>
<ul>{% for graded in part.noted %}<li><strong>{{ graded.student }}</strong>
{% for note in graded.notes %}<br><span class="reason">{{ note }}</span>{% endfor %}</li>{% endfor %}</ul>{% endif %}
{% endfor %}
{% endblock %}""",
}
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.DictLoader(_PAGES), autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
)
MOST_MISTAKES = 12


def feedback(graded: Graded, lesson: Lesson) -> str:
    """A student's page: points, what went wrong, and no answer."""
    return _ENVIRONMENT.get_template("feedback").render(
        title=f"{lesson.title}: {graded.student}",
        style=STYLE,
        lesson=lesson,
        graded=graded,
        pending=sum(mark.max_points for mark in graded.marks if mark.pending),
        state=lambda mark: "open" if mark.pending else "full" if mark.points == mark.max_points else "none",
    )


def overview(graded: Sequence[Graded], lessons: Sequence[Lesson]) -> str:
    """The class's page: who has how much, which exercises are hard, which mistakes are common."""
    parts = [_part([each for each in graded if each.lesson == lesson.name], lesson) for lesson in lessons]
    return _ENVIRONMENT.get_template("overview").render(title="The class", style=STYLE, parts=parts)


def _part(graded: Sequence[Graded], lesson: Lesson) -> dict:
    exercises = lesson.room("exercises").EXERCISES
    present = [each for each in graded if each.handed_in]
    marks = {
        each.name: [mark for one in present for mark in one.marks if mark.exercise == each.name] for each in exercises
    }
    return {
        "lesson": lesson,
        "students": len(graded),
        "handed_in": len(present),
        "mean": sum(each.points for each in present) / max(1, len(present)),
        "possible": sum(each.points for each in exercises),
        "pending": sum(mark.pending for some in marks.values() for mark in some),
        "picture": _picture(present, exercises, marks),
        "exercises": [
            {
                "name": each.name,
                "points": each.points,
                "solved": sum(mark.points == each.points for mark in marks[each.name]),
                "open": sum(mark.pending for mark in marks[each.name]),
            }
            for each in exercises
        ],
        "mistakes": _mistakes(exercises, marks),
        "noted": [each for each in present if each.notes],
    }


def _mistakes(exercises: Sequence[Exercise | WrittenExercise], marks: dict[str, list]) -> list[dict]:
    """Known mistakes that somebody made, the commonest first."""
    made = Counter(
        (name, mark.mistake) for name, some in marks.items() for mark in some if mark.mistake is not None
    )  # fmt: skip
    by_name = {each.name: each for each in exercises}
    return [
        {"name": name, "count": count, "hint": by_name[name].mistakes[number].hint}
        for (name, number), count in made.most_common(MOST_MISTAKES)
    ]


def _picture(present: Sequence[Graded], exercises: Sequence[Exercise | WrittenExercise], marks: dict[str, list]) -> str:
    """How the points are spread, and how many solved each exercise, as an image for a page."""
    coded = [each for each in exercises if isinstance(each, Exercise)]
    possible = sum(each.points for each in exercises)
    figure: Figure = plotting.new_figure(9.0, 0.9 + 0.4 * max(6, len(coded)))
    left, right = figure.subplots(1, 2, gridspec_kw={"width_ratios": (1, 1.2)})
    left.hist(
        [each.points for each in present], bins=[point - 0.5 for point in range(possible + 2)], color=plotting.BLUE
    )
    left.set(xlabel="points", ylabel="students", title="Points", xlim=(-0.7, possible + 0.7))
    left.yaxis.set_major_locator(MaxNLocator(integer=True))
    shares = [
        100 * sum(mark.points == each.points for mark in marks[each.name]) / max(1, len(present)) for each in coded
    ]
    right.barh([each.name for each in coded], shares, color=plotting.BLUE)
    right.invert_yaxis()
    right.grid(False, axis="y")
    right.set(xlabel="% of those who handed in", title="Solved", xlim=(0, 100))
    figure.tight_layout()
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return f"data:image/png;base64,{base64.b64encode(image.getvalue()).decode()}"
