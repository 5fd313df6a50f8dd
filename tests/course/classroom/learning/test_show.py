"""Figures of a record, in files."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from course.classroom import Refusal
from course.classroom.learning.show import draw, records
from course.syllabus import LESSONS

SHIPPED = LESSONS[0].experiment.GROWTH


@pytest.fixture
def changed(tmp_path):
    """A shipped record with some entries replaced."""

    def changed(**entries) -> Path:
        content = json.loads(SHIPPED.read_text()) | entries
        (tmp_path / "a.json").write_text(json.dumps(content))
        return tmp_path / "a.json"

    return changed


def test_figures_are_a_png_and_an_svg_that_are_the_same_every_time(tmp_path):
    record, files = draw(SHIPPED, tmp_path / "first")
    assert record.preset == "growth"
    png, svg = files
    assert Image.open(png).size == (1800, 800)
    assert ElementTree.parse(svg).getroot().tag.endswith("svg")
    again = draw(SHIPPED, tmp_path / "again")[1]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in files]


def test_a_file_is_meant_before_a_lesson(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert SHIPPED in records(LESSONS[0].name)
    (tmp_path / LESSONS[0].name).mkdir()
    assert SHIPPED in records(LESSONS[0].name), "a folder is no record"
    (tmp_path / LESSONS[1].name).touch()
    assert records(LESSONS[1].name) == [Path(LESSONS[1].name)]


def test_a_lesson_that_ships_no_record_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setattr(LESSONS[0].experiment, "RECORDS", tmp_path / "none")
    with pytest.raises(Refusal, match=f"ships no record: `course run {LESSONS[0].name}` makes one"):
        records(LESSONS[0].name)


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"lesson": "maximum_norm"}, "no lesson is called 'maximum_norm'; the lessons are"),
        ({"rows": []}, "has no figure for the rows of this record"),
        ({"rows": [{"study": "growth", "solver": "cg"}]}, "its rows lack what .* run the experiment again"),
        ({"rows": [{"study": "growth", "solver": "cg", "n": "many", "seconds": 1, "peak_bytes": 1}]}, "its rows lack"),
        ({"rows": [{"study": "growth", "solver": "cg", "n": 3, "seconds": None, "peak_bytes": 1}]}, "its rows lack"),
        ({"schema": 99}, "schema: 99"),
        ({"wall_s": "long"}, "of the wrong kind: wall_s"),
    ],
)
def test_a_record_that_cannot_be_drawn_is_refused_with_a_sentence_and_nothing_is_written(
    changed, tmp_path, entries, told
):
    with pytest.raises(Refusal, match=f"a.json.*{told}"):
        draw(changed(**entries), tmp_path / "out")
    assert not (tmp_path / "out").exists()
