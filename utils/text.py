"""Text that can be written to a file."""


def writable(text: str) -> str:
    """Without halves of surrogate pairs, which are no characters and cannot be written to a file."""
    return text.encode("utf-8", "replace").decode("utf-8")
