"""Telling the person at the terminal."""

import os
import sys
from typing import TextIO


def say(line: str, stream: TextIO | None = None) -> None:
    """Write a line to `stream` (stderr) at once.

    Once the reader has gone, the line and all that follow are dropped: the children must still be stopped in order.
    """
    output = stream if stream is not None else sys.stderr
    try:
        print(line, file=output, flush=True)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, output.fileno())
        os.close(nowhere)
