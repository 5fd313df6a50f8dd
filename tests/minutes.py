"""Where the minutes of a test run went: `python -m tests.minutes REPORT.xml ...`, reports of `pytest --junitxml`."""

import sys
from collections import Counter
from xml.etree import ElementTree

FEWEST_S = 3.0  # a file with less is in its folder's line alone


def seconds(report: str) -> Counter[tuple[str, str]]:
    """Seconds of each file, by its folder below `tests` and its own name."""
    spent: Counter[tuple[str, str]] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        parts = [part for part in case.get("classname", "").split(".") if part.islower()]
        module = parts.index(next(part for part in parts if part.startswith("test_")))
        spent[".".join(parts[1:module]) or "(top)", parts[module]] += float(case.get("time", 0))
    return spent


def table(spent: Counter[tuple[str, str]]) -> str:
    """Folders from the longest to the shortest, in each its files from the longest to the shortest."""
    folders = Counter()
    for (folder, _), some in spent.items():
        folders[folder] += some
    lines = [f"{spent.total() / 60:6.1f} min  all"]
    for folder, whole in folders.most_common():
        lines.append(f"{whole / 60:6.1f} min  {folder}")
        lines += [
            f"{some:10.0f} s    {file}"
            for (owner, file), some in spent.most_common()
            if owner == folder and some >= FEWEST_S
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(sum(map(seconds, sys.argv[1:]), Counter())))
