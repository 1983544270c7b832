"""The local model's choice among numbered records: the one whose name shares the most words with the food's."""

import json
from collections.abc import Iterator, Mapping, Sequence

from ops.stand_ins.stemming import stems

Json = dict[str, object]


class ChoiceSchema:
    """A schema of the shape {choices: [{food, candidate}]}."""

    @staticmethod
    def is_schema(schema: object) -> bool:
        properties = schema.get("properties") if isinstance(schema, dict) else None
        return isinstance(properties, dict) and set(properties) == {"choices"}

    def fill(self, texts: Sequence[str]) -> Json:
        """A choice for each food of the texts, a line of JSON: {foods: [{number, name, candidates: [{number, name}]}]}.

        Null where no candidate shares a word. Of two that share as many the shorter name wins, then the first.
        """
        return {
            "choices": [
                {"food": food.get("number"), "candidate": _best(_words(food), _dicts(food.get("candidates")))}
                for food in _foods(texts)
            ]
        }


def _foods(texts: Sequence[str]) -> Iterator[Mapping[str, object]]:
    for line in "\n".join(texts).splitlines():
        try:
            asked: object = json.loads(line)
        except ValueError:
            continue  # a line of prose
        if isinstance(asked, dict):
            yield from _dicts(asked.get("foods"))


def _best(food: frozenset[str], candidates: Iterator[Mapping[str, object]]) -> object:
    sharing = [
        (len(food & words), -len(words), candidate)
        for candidate in candidates
        if food & (words := _words(candidate))
    ]
    return max(sharing, key=lambda one: one[:2])[2].get("number") if sharing else None


def _words(named: Mapping[str, object]) -> frozenset[str]:
    return frozenset(stems(str(named.get("name"))))


def _dicts(listed: object) -> Iterator[Mapping[str, object]]:
    return (one for one in listed if isinstance(one, dict)) if isinstance(listed, list) else iter(())
