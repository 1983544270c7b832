"""Processes that measure, each with its own stores: no measurement shares an interpreter with another's threads."""

import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Concatenate, Generic, ParamSpec, TypeVar

from ops.bench.stores import Addresses, Stores
from ops.errors import OperatorError

_P = ParamSpec("_P")
_T = TypeVar("_T")

_LONGEST_SECONDS = 300.0
_GOODBYE_SECONDS = 20.0


class MeasurementFailed(OperatorError):
    """A measurement could not be made."""


class Pending(Generic[_T]):
    """The result of a call that a worker is busy with."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def result(self) -> _T:
        """Wait for it. Raises MeasurementFailed when the call failed, or has not ended in five minutes."""
        if not self._connection.poll(_LONGEST_SECONDS):
            raise MeasurementFailed(
                "a measurement does not end: look at the load of this machine, and try QUICK=1"
            )
        try:
            ok, value = self._connection.recv()
        except EOFError:
            raise MeasurementFailed(
                "a process that measures has died: look at the memory of this machine"
            ) from None
        if not ok:
            raise MeasurementFailed(f"a measurement failed: {value}")
        result: _T = value
        return result


class Worker:
    """One such process. A context manager that ends it; it also ends when this process does."""

    def __init__(self, addresses: Addresses) -> None:
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, addresses), daemon=True)
        self._process.start()
        theirs.close()

    def start(
        self, function: Callable[Concatenate[Stores, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> Pending[_T]:
        """Have the process call a function of a module with its stores."""
        self._connection.send((function, args, kwargs))
        return Pending(self._connection)

    def call(
        self, function: Callable[Concatenate[Stores, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """The same, and wait for the result."""
        return self.start(function, *args, **kwargs).result()

    def close(self) -> None:
        """Let the process close its stores and end; kill it if it does not."""
        self._connection.close()
        self._process.join(_GOODBYE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _serve(connection: Connection, addresses: Addresses) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    stores = Stores(addresses)
    try:
        while True:
            function, args, kwargs = connection.recv()
            try:
                connection.send((True, function(stores, *args, **kwargs)))
            except Exception as error:  # noqa: BLE001 - whatever it is, the other side reports it
                connection.send((False, f"{type(error).__name__}: {error}"))
    except (EOFError, ConnectionError):
        stores.close()
