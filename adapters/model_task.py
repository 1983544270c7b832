"""What a model is asked to do, apart from the question itself."""

from msgspec import Struct


class Task(Struct, frozen=True, kw_only=True):
    """What is the same in every question of a kind: the instructions, and the strict schema of the answer.

    `version` is kept with every answer; a change of the rest is a new one.
    """

    version: str
    instructions: str
    schema_name: str
    schema: dict[str, object]
