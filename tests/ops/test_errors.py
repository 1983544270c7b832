"""The errors that an operator sees."""

import importlib
import pkgutil

import ops
from ops import errors

ELSEWHERE = ("ops.bench.__main__", "ops.stand_ins")


def test_every_error_of_an_operator_is_in_the_tree() -> None:
    for module in pkgutil.walk_packages(ops.__path__, "ops."):
        if not module.name.startswith(ELSEWHERE):
            importlib.import_module(module.name)
    named = [word for word in (errors.__doc__ or "").split() if word.isidentifier()]
    found = [kind for kind in _kinds(errors.OperatorError) if not kind.__module__.startswith(ELSEWHERE)]
    assert found
    assert not [kind.__name__ for kind in found if kind.__name__ not in named]


def _kinds(root: type[Exception]) -> list[type[Exception]]:
    return [kind for child in root.__subclasses__() for kind in (child, *_kinds(child))]
