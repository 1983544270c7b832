"""JSON in what a model said: bare, in a code fence, after its thoughts or a line of prose, or more than once."""

import json
import re
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_MOST_STARTS = 20
"""How many brackets are tried as the beginning of a value: a text of nothing but brackets must cost nothing."""

_END_OF_THOUGHTS = re.compile(r"</(?:think|thinking|thought|thoughts|reasoning|analysis)>", re.IGNORECASE)
_START = re.compile(r"[{\[]")
_DECODER = json.JSONDecoder(parse_int=float)  # a number of a million digits is infinite, and costs nothing


def last_json(text: str, read: Callable[[object], T | None]) -> T | None:
    """What `read` makes of the last JSON value in `text` that it can read, or None.

    The last, since a model that corrects itself ends with what it means; what it says before the end of its thoughts
    is no answer. A value that `read` cannot read may hold one that it can. Numbers are floats, NaN and infinity too.
    """
    found = None
    position = max((end.end() for end in _END_OF_THOUGHTS.finditer(text)), default=0)
    for _ in range(_MOST_STARTS):
        start = _START.search(text, position)
        if start is None:
            break
        position = start.start() + 1
        try:
            value, end = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            continue
        answer = read(value)
        if answer is not None:
            found, position = answer, end
    return found
