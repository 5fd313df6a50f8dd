"""Links that open the course, made from the repository's own remote: on Binder, and on a class's JupyterHub.

A Binder link names a repository, a branch and a page; what it builds is what `environment.yml` says. On a hub that runs
the same image the links need no repository; `git-pull` is nbgitpuller, on a hub whose image has it and the course.
"""

import re
import subprocess
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from course.classroom import Refusal
from course.syllabus import LESSONS, Lesson

BINDER = "https://mybinder.org"
START = "lab/tree/start.ipynb"
ALL_DEMOS = "voila/tree"
# name@host:path, as ssh has it.
SHORT = re.compile(r"(?:[^@/:]+@)?(?P<host>[^/:]+):(?P<path>.+)")
# Where ssh is reached by way of a firewall, and the host that it stands for.
BY_ANOTHER_PORT = {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com"}


@dataclass(frozen=True)
class Repository:
    """A repository that others can fetch.

    Attributes:
        host: such as github.com, with the port if it is an unusual one.
        path: such as owner/name.
        ref: a branch, tag or commit.
    """

    host: str
    path: str
    ref: str

    @property
    def address(self) -> str:
        """Where it is cloned from, by everybody."""
        return f"https://{self.host}/{self.path}"

    @property
    def binder(self) -> str:
        """The part of a Binder link that names it."""
        if self.host == "github.com":
            where = f"gh/{quote(self.path)}"
        elif self.host == "gitlab.com":
            where = f"gl/{quote(self.path, safe='')}"
        else:
            where = f"git/{quote(self.address, safe='')}"
        return f"{where}/{quote(self.ref)}"


def repository(root: Path, ref: str | None = None) -> Repository:
    """The repository that `root` was cloned from, or is pushed to.

    Args:
        root: the course.
        ref: a branch, tag or commit; default: the branch that is checked out, or the commit where there is none.

    Raises:
        Refusal: there is no repository of the course's own, no remote, or none that Binder can fetch.
    """
    # A handout that lies in its author's repository must not link to the solutions.
    if folder := _git(root, "rev-parse", "--show-prefix"):
        raise Refusal(
            f"{root} is only a folder, {folder}, of another git repository, and links open a repository. Make it one of "
            "its own with `git init`, put that where others can fetch it, and ask again."
        )
    names = _git(root, "remote").split()
    if not names:
        raise Refusal(
            f"{root} has no remote, so there is nothing to link to. Put the repository where others can fetch it, "
            "`git remote add origin ADDRESS`, and ask again."
        )
    host, path = parse(_git(root, "remote", "get-url", "origin" if "origin" in names else names[0]))
    ref = ref or _git(root, "branch", "--show-current") or _git(root, "rev-parse", "HEAD")
    return Repository(host, path, ref)


def parse(remote: str) -> tuple[str, str]:
    """Host and path of a remote's address; a name, a password or a token in it is left out.

    Raises:
        Refusal: nobody else can fetch from there.
    """
    try:
        scheme, host, path = _parts(remote)
    except ValueError:  # urlsplit's, which may hold a password
        scheme, host, path = "", "", ""
    path = path.strip("/").removesuffix(".git")
    # An @ in the path is what is left of a password that was not quoted.
    if scheme not in ("https", "http", "ssh", "git") or not _public(host) or not path or "@" in path:
        raise Refusal(
            "The remote is a folder, or on a machine that others cannot reach, or no proper address, so there is nothing "
            "to link to. Put the repository where others can fetch it, `git remote set-url origin ADDRESS`, and ask again."
        )
    return BY_ANOTHER_PORT.get(host, host), path


def binder(source: Repository, page: str) -> str:
    """The Binder link of a page, such as `lab/tree/start.ipynb`."""
    return f"{BINDER}/v2/{source.binder}?{urlencode({'urlpath': page})}"


def on_hub(hub: str, page: str) -> str:
    """The link of a page on a JupyterHub that runs the course's image: everybody comes to a server of their own."""
    return f"{hub.rstrip('/')}/hub/user-redirect/{page}"


def pulled(hub: str, source: Repository, page: str) -> str:
    """The link by which nbgitpuller, on a JupyterHub, brings the repository to its reader and opens a page of it.

    Args:
        page: a file of the repository.
    """
    folder = source.path.rsplit("/", 1)[-1]
    asked = {"repo": source.address, "branch": source.ref, "urlpath": f"lab/tree/{folder}/{page}"}
    return on_hub(hub, f"git-pull?{urlencode(asked)}")


def for_binder(source: Repository, lessons: tuple[Lesson, ...] = LESSONS) -> str:
    """A badge and a table of links to Binder, in Markdown."""
    badge = f"[![Open on Binder]({BINDER}/badge_logo.svg)]({binder(source, START)})"
    rows = _rows(lessons, lambda page: binder(source, page))
    return f"{badge}\n\n{_table(['Binder: JupyterLab', 'Binder: demo'], rows)}"


def for_hub(hub: str, source: Repository | None, lessons: tuple[Lesson, ...] = LESSONS) -> str:
    """A table of links to a JupyterHub, in Markdown.

    Args:
        hub: its address.
        source: for nbgitpuller's links; None: without them.

    Raises:
        Refusal: what names the hub is no address.
    """
    if not hub.startswith(("https://", "http://")):
        raise Refusal(f"--hub takes the hub's address, such as https://hub.school.edu, and not {hub}.")
    heads, rows = ["Hub: JupyterLab", "Hub: demo"], _rows(lessons, lambda page: on_hub(hub, page))
    if source is not None:
        heads.append("Hub: by nbgitpuller")
        files = ["start.ipynb", *(f"{lesson.folder}/{lesson.name}.ipynb" for lesson in lessons)]
        for row, file in zip(rows, files, strict=True):
            row.append(pulled(hub, source, f"lessons/{file}"))
    return _table(heads, rows)


def _parts(remote: str) -> tuple[str, str, str]:
    """Scheme, host and path of a remote's address.

    Raises:
        ValueError: it is no address.
    """
    if "://" in remote:
        parts = urlsplit(remote)
        scheme, host, path = parts.scheme, parts.hostname or "", parts.path
        if scheme == "https" and parts.port not in (None, 443):  # a port of ssh is of no use to https
            host = f"{host}:{parts.port}"
        return scheme, host, path
    if short := SHORT.fullmatch(remote):
        return "ssh", short["host"].lower(), short["path"]
    return "file", "", ""


def _public(host: str) -> bool:
    """Whether a host's name or address is one of the internet's, as far as it shows."""
    name = host.partition(":")[0]
    try:
        return ip_address(name).is_global
    except ValueError:
        return "." in name and not name.endswith((".local", ".localhost"))


def _rows(lessons: tuple[Lesson, ...], link) -> list[list[str]]:
    """A row for the start page and all demos, and one for each lesson: what it is, and its links."""
    rows = [["Start", link(START), link(ALL_DEMOS)]]
    for lesson in lessons:
        name, demo = f"{lesson.folder}/{lesson.name}.ipynb", f"{lesson.folder}/demo.ipynb"
        rows.append([f"{lesson.number}. {lesson.title}", link(f"lab/tree/{name}"), link(f"voila/render/{demo}")])
    return rows


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [["", *heads], ["---"] * (1 + len(heads))]
    lines += [[what, *(f"[open]({link})" for link in links)] for what, *links in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _git(root: Path, *arguments: str) -> str:
    """What git answers in `root`.

    Raises:
        Refusal: it lies in no repository, or there is no git.
    """
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    except OSError as error:
        raise Refusal(
            f"git cannot be run ({error.strerror}), and links are made from what it knows: install it."
        ) from error
    if done.returncode != 0:
        raise Refusal(f"{root} is in no git repository, so there is nothing to link to: {done.stderr.strip()}")
    return done.stdout.strip()
