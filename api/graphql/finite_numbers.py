"""Numbers beyond what a Float can hold.

In variables the JSON decoder refuses them; in a document the library would read 1e999 as infinity.
"""

import math
from typing import Any

from graphql import FloatValueNode, IntValueNode
from graphql.validation import ASTValidationRule

from api.errors import InvalidInput


class FiniteNumbersRule(ASTValidationRule):
    """Every number that a document holds is finite."""

    def enter_float_value(self, node: FloatValueNode, *_: Any) -> None:
        self._check(node)

    def enter_int_value(self, node: IntValueNode, *_: Any) -> None:
        self._check(node)

    def _check(self, node: FloatValueNode | IntValueNode) -> None:
        if not math.isfinite(float(node.value)):
            self.report_error(InvalidInput("A number in the document is too large for a Float.", node))
