"""The page of all demos: the picture, title and question of each lesson. Voila shows it where it would list files."""

from html import escape
from pathlib import Path

from matplotlib.figure import Figure

from course.syllabus import TITLE, Lesson
from utils.controls import ALL

TEMPLATE = Path("course", "classroom", "learning", "voila_template")
PAGE = TEMPLATE / "demos.html"
PICTURES = TEMPLATE / "static"

# Voila's page has put the head before it, and closes what is open.
BEGINNING = """\
<title>{title}</title>
</head>
<body>
<main class="course-demos">
<h1>{title}</h1>
<p>Each page has pictures that you can move, and a few words about them. There is nothing to install and no code to write;
some questions open to an answer.</p>
<ol>
"""
DEMO = """\
<li><a href="{{{{ base_url }}}}voila/render/{folder}/demo.ipynb">
<img src="{{{{ base_url }}}}voila/templates/course/static/{name}.png" alt="">
<div><strong>{number}. {title}</strong><span>{question}</span></div>
</a></li>
"""
END = """\
</ol>
</main>
</body>
"""


def demos_page(lessons: tuple[Lesson, ...]) -> str:
    """The page, for Voila's template to include."""
    rows = [
        DEMO.format(
            folder=lesson.folder,
            name=lesson.name,
            number=lesson.number,
            title=escape(lesson.title),
            question=escape(lesson.question),
        )
        for lesson in lessons
    ]
    return BEGINNING.format(title=escape(TITLE)) + "".join(rows) + END


def picture(lesson: Lesson) -> Figure:
    """A lesson's picture on that page: its first explorer after two thirds of its play, where more is to be seen than at
    its start.
    """
    explorer = lesson.explorers.EXPLORERS[0]
    stops = explorer.controls[explorer.play].values(ALL)
    return explorer.figure(**{explorer.play: stops[2 * len(stops) // 3]})
