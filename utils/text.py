"""Text that can be written to a file."""


def writable(text: str) -> str:
    """The text with a question mark for each half of a surrogate pair, which is no character and cannot be written."""
    return text.encode("utf-8", "replace").decode("utf-8")
