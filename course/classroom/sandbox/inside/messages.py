"""The messages between grading and the sandbox: JSON, with arrays as their plain bytes.

Nothing is pickled. A student's code may have written what comes out of the sandbox, so we decode it by strict rules and
raise `Malformed` for whatever breaks them.
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
    """What came out of the sandbox is no message that our own code in it would send."""


def packed(value: Any) -> Any:
    """An argument of a case as JSON values.

    Raises:
        TypeError: it is no tensor, array, number, string, boolean, None, nor a list or tuple of those.
    """
    if isinstance(value, torch.Tensor):
        return {"tensor": _array(value.detach().cpu().numpy())}
    if isinstance(value, np.ndarray):
        return {"array": _array(value)}
    if isinstance(value, np.generic):
        return packed(value.item())
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [packed(item) for item in value]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return {"value": value}
    raise TypeError(
        f"a case holds a {type(value).__name__}; it may hold tensors, arrays, numbers, strings, lists and tuples"
    )


def unpacked(value: Any) -> Any:
    """The argument that `packed` has packed. It trusts its input, so use it for our own messages only."""
    ((kind, content),) = value.items()
    if kind == "tensor":
        return torch.from_numpy(_to_array(content))
    if kind == "array":
        return _to_array(content)
    if kind in ("list", "tuple"):
        return {"list": list, "tuple": tuple}[kind](unpacked(item) for item in content)
    return float(content) if kind == "float" else content


def line(message: dict[str, Any]) -> bytes:
    """A message as one line of JSON."""
    return json.dumps(message, allow_nan=False).encode() + b"\n"


def in_output(said: bytes) -> list[dict[str, Any]]:
    """The messages in what a sandbox said. They end at the first line that is none, since we trust nothing after it."""
    found = []
    for text_line in said.split(b"\n")[:-1]:
        try:
            message = json.loads(text_line)
        except (ValueError, RecursionError):
            break
        if not isinstance(message, dict):
            break
        found.append(message)
    return found


def sent(response: Response) -> dict[str, Any]:
    """What a student's function gave for one case, as a part of a message."""
    arrays = None if response.arrays is None else [_array(np.asarray(array)) for array in response.arrays]
    return {"arrays": arrays, "problem": response.problem, "error": response.error}


def received(message: Any) -> Response:
    """The response that `sent` wrote into a message.

    Raises:
        Malformed: it is no response.
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
        Malformed: something is missing, is not allowed, or does not fit the rest.
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
    except ValueError as error:  # an array without bytes may still have a shape that is too large
        raise Malformed(f"an array's shape is none: {error}") from error
