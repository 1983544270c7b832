"""The eyes of the local model: it sees no picture, only the dish hint and the words in the photo's file name."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from ops.stand_ins.fdc_search import local_index
from ops.stand_ins.file_name_parser import FileNameParser
from ops.stand_ins.hint_parser import HintParser
from ops.stand_ins.plate_words import PlateFood, PlateWords, State
from ops.stand_ins.stemming import stems

_SAMPLE = (
    PlateFood("chicken breast", 150.0, State.COOKED),
    PlateFood("white rice", 160.0, State.COOKED),
    PlateFood("broccoli", 90.0, State.COOKED),
)
_NOTHING = ({"empti"}, {"no", "food"}, {"nothing"})
_LONGEST_DISH_NAME = 120


@dataclass(frozen=True, slots=True)
class Plate:
    """The foods on the plate, and how sure the model claims to be (0 to 1)."""

    dish_name: str | None
    foods: tuple[PlateFood, ...]
    confidence: float


class Recognizer:
    """Recognises from the hint, else from the file name, else answers with one fixed sample plate."""

    def __init__(self) -> None:
        words = PlateWords()
        self._hints = HintParser(words)
        self._file_names = FileNameParser(words, local_index())

    def recognize(self, *, dish_hint: str | None, image_url: str | None) -> Plate:
        """The plate; without foods when the first of the two that says anything says that it is empty."""
        hint, file_name = dish_hint or "", words_of_file_name(image_url or "")
        for text, read, confidence in (
            (hint, self._hints.read, 0.95),
            (file_name, self._file_names.read, 0.9),
        ):
            foods = tuple(read(text))
            if foods:
                return Plate(" ".join(text.split())[:_LONGEST_DISH_NAME], foods, confidence)
            if any(words <= set(stems(text)) for words in _NOTHING):
                return Plate(None, (), confidence)
        return Plate("Sample plate of the local environment", _SAMPLE, 0.5)


def words_of_file_name(url: str) -> str:
    """The words in the last part of a URL's path: ".../Chicken%20and-rice_2.jpg" → "Chicken and rice"."""
    if urlsplit(url).scheme not in ("http", "https"):
        return ""
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    name = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", name)
    return " ".join(re.sub(r"[^\w,]|[\d_]", " ", name).split())
