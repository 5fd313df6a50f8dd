"""What passes between grading and the sandbox: JSON, with arrays as their plain bytes.

Nothing is pickled. What comes out of the sandbox may have been written by anybody: it is decoded by rules, and what
breaks them is a `Malformed`.
"""

import base64
import binascii
import json
import math
from typing import Any

import numpy as np
import torch

from utils.exercise import Response
from utils.text import writable

KINDS = "biuf"  # booleans, whole numbers, floating-point numbers
DEEPEST, LONGEST_TEXT = 8, 4_000


class Malformed(ValueError):
    """What came out of the sandbox is nothing that our side of it sends."""


def packed(value: Any) -> Any:
    """A case's argument as JSON values.

    Raises:
        TypeError: it is none of tensor, array, number, string, boolean, None, or a list or tuple of those.
    """
    if isinstance(value, torch.Tensor):
        return {"tensor": _array(value.detach().cpu().numpy())}
    if isinstance(value, np.ndarray):
        return {"array": _array(value)}
    if isinstance(value, np.generic):
        return packed(value.item())
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [packed(each) for each in value]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return {"value": value}
    raise TypeError(
        f"a case holds a {type(value).__name__}; it may hold tensors, arrays, numbers, strings, lists and tuples"
    )


def unpacked(value: Any) -> Any:
    """The argument that `packed` packed; for our own messages."""
    ((kind, content),) = value.items()
    if kind == "tensor":
        return torch.from_numpy(_to_array(content))
    if kind == "array":
        return _to_array(content)
    if kind in ("list", "tuple"):
        return {"list": list, "tuple": tuple}[kind](unpacked(each) for each in content)
    return float(content) if kind == "float" else content


def line(message: dict[str, Any]) -> bytes:
    """One message, a line of its own."""
    return json.dumps(message, allow_nan=False).encode() + b"\n"


def messages(said: bytes) -> list[dict[str, Any]]:
    """The messages in what a sandbox said, up to the first that is none: later ones may be anybody's."""
    found = []
    for each in said.split(b"\n")[:-1]:
        try:
            message = json.loads(each)
        except (ValueError, RecursionError):
            break
        if not isinstance(message, dict):
            break
        found.append(message)
    return found


def sent(response: Response) -> dict[str, Any]:
    """A student's response as a message."""
    arrays = None if response.arrays is None else [_array(np.asarray(each)) for each in response.arrays]
    return {"arrays": arrays, "problem": response.problem, "error": response.error}


def received(message: Any) -> Response:
    """The response in a message from the sandbox.

    Raises:
        Malformed: it is none.
    """
    if not isinstance(message, dict) or message.keys() != {"arrays", "problem", "error"}:
        raise Malformed("a response lacks its parts")
    arrays = message["arrays"]
    if arrays is not None:
        if not isinstance(arrays, list) or len(arrays) > 100:
            raise Malformed("a response's arrays are no short list")
        arrays = tuple(map(_to_array, arrays))
    problem, error = text(message["problem"]), text(message["error"])
    if (arrays is None) == (problem is None):
        raise Malformed("a response is either arrays or a problem")
    return Response(arrays, problem, error)


def text(value: Any) -> str | None:
    """A string from the sandbox, cut to a length that a page can show.

    Raises:
        Malformed: it is neither a string nor None.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise Malformed("a text is no text")
    value = writable(value)
    return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]} ..."


def _array(array: np.ndarray) -> dict[str, Any]:
    if array.dtype.kind not in KINDS:
        raise TypeError(f"an array is of {array.dtype}; it may be of booleans, whole or floating-point numbers")
    plain = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    return {"dtype": plain.dtype.str, "shape": list(array.shape), "data": base64.b64encode(plain.tobytes()).decode()}


def _to_array(content: Any) -> np.ndarray:
    """An array from its dtype, shape and bytes.

    Raises:
        Malformed: they do not fit.
    """
    if not isinstance(content, dict) or content.keys() != {"dtype", "shape", "data"}:
        raise Malformed("an array lacks its parts")
    shape, name = content["shape"], content["dtype"]
    if not isinstance(name, str) or len(name) > 4 or not isinstance(content["data"], str):
        raise Malformed("an array's dtype or data is no text")
    if not isinstance(shape, list) or len(shape) > DEEPEST or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
        raise Malformed("an array's shape is none")
    try:
        dtype = np.dtype(name)
        data = base64.b64decode(content["data"], validate=True)
    except (TypeError, ValueError, binascii.Error, SyntaxError) as error:
        raise Malformed(f"an array cannot be decoded: {error}") from error
    if dtype.kind not in KINDS or dtype.itemsize not in (1, 2, 4, 8):
        raise Malformed(f"an array is of {dtype}")
    if len(data) != dtype.itemsize * math.prod(shape):
        raise Malformed("an array's data do not fit its shape")
    try:
        return np.frombuffer(data, dtype).reshape(shape).copy()
    except ValueError as error:  # no bytes, and a shape that no array can have
        raise Malformed(f"an array's shape is none: {error}") from error
