"""Links that open the course elsewhere, made from the repository's remote."""

import re
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from typer.testing import CliRunner

from course import cli
from course.classroom import Refusal
from course.classroom.learning import links
from course.classroom.learning.links import Repository, for_binder, for_hub, parse, repository
from course.syllabus import LESSONS

HOME = Repository("github.com", "somebody/course", "main")
HUB = "https://hub.school.edu/"


def git(folder: Path, *arguments: str) -> str:
    named = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    return subprocess.run(
        ["git", *named, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with a commit on the branch `autumn/2026`, and no remote."""
    git(tmp_path, "init", "-q", "-b", "autumn/2026")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    return tmp_path


def addresses(text: str) -> list[str]:
    return re.findall(r"\((https://[^)]+)\)", text)


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://github.com/somebody/course.git", ("github.com", "somebody/course")),
        ("https://github.com/somebody/course/", ("github.com", "somebody/course")),
        ("git@github.com:somebody/course.git", ("github.com", "somebody/course")),
        ("ssh://git@gitlab.com:22/group/part/course.git", ("gitlab.com", "group/part/course")),
        ("https://ada:s3cret@git.school.edu/course", ("git.school.edu", "course")),
        ("git.school.edu:maths/course", ("git.school.edu", "maths/course")),
        ("git@GitHub.com:/somebody/course.git", ("github.com", "somebody/course")),
        ("ssh://git@ssh.github.com:443/somebody/course.git", ("github.com", "somebody/course")),
        ("https://git.school.edu:8443/maths/course.git", ("git.school.edu:8443", "maths/course")),
        ("https://github.com:443/somebody/course", ("github.com", "somebody/course")),
    ],
)
def test_every_form_of_a_remote_is_understood(remote: str, expected: tuple[str, str]) -> None:
    assert parse(remote) == expected


@pytest.mark.parametrize(
    "remote",
    [
        "/home/ada/course",
        "../course",
        "file:///home/ada/course",
        "ssh://git@box/course",
        "box:course",
        "x",
        "http://127.0.0.1/ada/course",
        "git@192.168.1.5:ada/course",
        "git@box.local:ada/course",
        "https://[git.school.edu/course",
        "https://git.school.edu:port/course",
    ],
)
def test_what_nobody_else_can_fetch_is_refused(remote: str) -> None:
    with pytest.raises(Refusal, match="others can fetch it"):
        parse(remote)


@pytest.mark.parametrize("remote", ["https://ada.l:s3/cret@github.com/a/course", "ada.l:s3cret@github.com:a/course"])
def test_a_password_that_git_would_not_take_for_one_is_not_taken_for_a_path(remote: str) -> None:
    with pytest.raises(Refusal) as refusal:
        parse(remote)
    assert "cret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (HOME, "gh/somebody/course/main"),
        (Repository("gitlab.com", "group/part/course", "v1"), "gl/group%2Fpart%2Fcourse/v1"),
        (Repository("git.school.edu", "maths/course", "a/b"), "git/https%3A%2F%2Fgit.school.edu%2Fmaths%2Fcourse/a/b"),
    ],
)
def test_a_binder_link_names_repository_branch_and_page(source: Repository, named: str) -> None:
    link = urlsplit(links.binder(source, "voila/render/01_a b/demo.ipynb"))
    assert (link.hostname, link.path) == ("mybinder.org", f"/v2/{named}")
    assert parse_qs(link.query) == {"urlpath": ["voila/render/01_a b/demo.ipynb"]}


def test_there_is_a_link_to_every_lesson_and_demo_and_each_leads_to_a_file() -> None:
    pages = [parse_qs(urlsplit(link).query).get("urlpath", [""])[0] for link in addresses(for_binder(HOME))]
    assert {"lab/tree/start.ipynb", "voila/tree"} < set(pages)
    files = [re.sub("^(lab/tree|voila/render)/", "", page) for page in pages if page.endswith(".ipynb")]
    assert all((cli.ROOT / "lessons" / file).is_file() for file in files)
    assert {f"{each.folder}/{name}" for each in LESSONS for name in (f"{each.name}.ipynb", "demo.ipynb")} < set(files)


def test_a_hubs_links_need_no_repository_and_nbgitpullers_bring_it() -> None:
    source = Repository(HOME.host, HOME.path, "weeks 1&2")
    found = [link for link in addresses(for_hub(HUB, source)) if "hub.school.edu" in link]
    assert f"{HUB}hub/user-redirect/lab/tree/start.ipynb" in found and f"{HUB}hub/user-redirect/voila/tree" in found
    pulled = [parse_qs(urlsplit(link).query) for link in found if "/git-pull?" in link]
    assert len(pulled) == 1 + len(LESSONS)
    for asked in pulled:
        assert asked["repo"] == ["https://github.com/somebody/course"] and asked["branch"] == ["weeks 1&2"]
        (page,) = asked["urlpath"]
        assert page.startswith("lab/tree/course/") and (cli.ROOT / page.removeprefix("lab/tree/course/")).is_file()


def test_the_branch_is_the_one_checked_out_and_another_can_be_named(clone: Path) -> None:
    git(clone, "remote", "add", "upstream", "git@github.com:somebody/course.git")
    assert repository(clone) == Repository("github.com", "somebody/course", "autumn/2026")
    git(clone, "remote", "add", "origin", "https://gitlab.com/me/mine")
    assert repository(clone, "v2") == Repository("gitlab.com", "me/mine", "v2")
    git(clone, "checkout", "-q", "--detach")
    assert repository(clone).ref == git(clone, "rev-parse", "HEAD")


def test_without_a_remote_there_are_no_links_and_it_says_what_to_do(clone: Path, monkeypatch) -> None:
    monkeypatch.setattr(cli, "ROOT", clone)
    done = CliRunner().invoke(cli.app, ["links"])
    assert done.exit_code == 1 and "git remote add origin" in done.output and "mybinder" not in done.output


def test_a_handout_in_its_authors_repository_does_not_link_to_the_solutions(clone: Path) -> None:
    git(clone, "remote", "add", "origin", "git@github.com:somebody/solutions.git")
    (clone / "handout").mkdir()
    with pytest.raises(Refusal, match="only a folder, handout/"):
        repository(clone / "handout")


def test_a_hub_without_a_scheme_is_refused_since_a_page_would_take_it_for_a_file() -> None:
    with pytest.raises(Refusal, match="and not hub.school.edu"):
        for_hub("hub.school.edu", HOME)


def test_outside_a_repository_there_are_no_links(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="in no git repository"):
        repository(tmp_path)


def test_the_command_prints_links_and_never_a_password(clone: Path, monkeypatch) -> None:
    git(clone, "remote", "add", "origin", "https://ada:s3cret@github.com/somebody/course.git")
    monkeypatch.setattr(cli, "ROOT", clone)
    done = CliRunner().invoke(cli.app, ["links", "--hub", HUB])
    assert done.exit_code == 0 and len(addresses(done.output)) > 4 * len(LESSONS)
    assert "s3cret" not in unquote(done.output) and "ada" not in unquote(done.output)
    assert "gh/somebody/course/autumn/2026" in done.output


def test_a_hub_needs_no_repository(clone: Path, monkeypatch) -> None:
    monkeypatch.setattr(cli, "ROOT", clone)
    done = CliRunner().invoke(cli.app, ["links", "--hub", HUB])
    found = addresses(done.output)
    assert done.exit_code == 0 and f"{HUB}hub/user-redirect/lab/tree/start.ipynb" in found
    assert all(link.startswith(HUB) for link in found) and "git-pull" not in done.output
