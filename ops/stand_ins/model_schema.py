"""Checks that an asked JSON schema has the plate's shape, and fills it."""

from collections.abc import Iterator, Mapping

from ops.stand_ins.plate_words import State
from ops.stand_ins.recognition import Plate

Json = dict[str, object]

_PLATE_KEYS = frozenset({"dish_name", "foods"})
_FOOD_KEYS = frozenset({"name", "grams", "state", "confidence"})


class UnknownSchema(ValueError):
    """The schema is not one that the local model can fill; the message says what differs."""


class PlateSchema:
    """A schema of the shape {dish_name, foods: [{name, grams, state, confidence}]}.

    Raises UnknownSchema where the given one has other properties.
    """

    def __init__(self, schema: object) -> None:
        self._root = _object(schema, "the schema")
        plate = self._properties(self._root, _PLATE_KEYS, "the schema")
        foods = self._resolved(plate["foods"])
        if "items" not in foods:
            raise UnknownSchema("foods must be an array with items")
        food = self._properties(self._resolved(foods["items"]), _FOOD_KEYS, "an item of foods")
        named = {text.upper(): text for text in self._texts(food["state"])}
        self._states = {state: named.get(state, str(state)) for state in State}

    def fill(self, plate: Plate) -> Json:
        """The plate as the schema wants it, the states spelt as its enum spells them."""
        foods = [
            {
                "name": food.name,
                "grams": food.grams,
                "state": None if food.state is None else self._states[food.state],
                "confidence": plate.confidence,
            }
            for food in plate.foods
        ]
        return {"dish_name": plate.dish_name, "foods": foods}

    def _properties(self, schema: Mapping[str, object], keys: frozenset[str], where: str) -> Json:
        properties = _object(schema.get("properties"), f"properties of {where}")
        if set(properties) != keys:
            raise UnknownSchema(
                f"the local model fills {', '.join(sorted(keys))} only; {where} has {', '.join(sorted(properties))}"
            )
        return properties

    def _resolved(self, schema: object) -> Json:
        """The schema behind a `$ref` into this one's `$defs`."""
        found = _object(schema, "a part of the schema")
        reference = found.get("$ref")
        if reference is None:
            return found
        definitions = _object(self._root.get("$defs"), "$defs")
        return _object(definitions.get(str(reference).removeprefix("#/$defs/")), str(reference))

    def _texts(self, schema: object) -> Iterator[str]:
        """The texts that a schema allows by enum or const, through `anyOf` and references."""
        resolved = self._resolved(schema)
        allowed = [resolved.get("const")]
        for key in ("enum", "anyOf"):
            listed = resolved.get(key)
            allowed += listed if isinstance(listed, list) else []
        for one in allowed:
            if isinstance(one, str):
                yield one
            elif isinstance(one, dict):
                yield from self._texts(one)


def _object(value: object, name: str) -> Json:
    if not isinstance(value, dict):
        raise UnknownSchema(f"{name} is not an object")
    return value
