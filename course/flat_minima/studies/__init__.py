"""The studies of the lesson's experiment: of each its settings, the parts it falls into, and the rows of a part.

A study is a frozen dataclass with

    study: str                                                  its name, in its settings and in its rows
    parts() -> list[str]                                        what can run by itself, each under a name of its own
    rows(part, seed, device, progress, checkpoint) -> list      the rows of one part
"""
