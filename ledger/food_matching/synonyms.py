"""Synonyms of words, of phrases and of whole foods; every name by its stems."""

from collections.abc import Mapping

from ledger.food_matching.vocabulary import stem


def _stems(text: str) -> str:
    return " ".join(stem(word) for word in text.split())


def _by_stems(names: Mapping[str, str]) -> dict[str, str]:
    return {_stems(name): _stems(other) for name, other in names.items()}


SAME_WORD = _by_stems(
    {
        "aubergine": "eggplant",
        "beetroot": "beet",
        "catsup": "ketchup",
        "chilli": "chili",
        "courgette": "zucchini",
        "donut": "doughnut",
        "garbanzo": "chickpea",
        "hardboiled": "boiled",
        "lasagne": "lasagna",
        "maize": "corn",
        "mangoe": "mango",
        "minced": "ground",
        "omelette": "omelet",
        "prawn": "shrimp",
        "ribeye": "rib eye",
        "rocket": "arugula",
        "skim": "nonfat",
        "skimmed": "nonfat",
        "soymilk": "soy milk",
        "wholegrain": "whole grain",
        "wholemeal": "whole wheat",
        "yoghurt": "yogurt",
    }
)

PHRASES = _by_stems(
    {
        "commercially prepared": "",
        "dry heat": "",
        "dry roasted": "roasted",
        "fat free": "nonfat",
        "fat only": "fatonly",
        "long grain": "",
        "low fat": "lowfat",
        "mature seed": "matured",
        "made from": "without",
        "medium grain": "",
        "moist heat": "",
        "no meat": "meatless",
        "not fortified": "",
        "pan broiled": "panbroiled",
        "pan fried": "panfried",
        "ready to bake or fry": "",
        "ready to eat": "",
        "salad or cooking": "",
        "separable fat": "fatonly",
        "short grain": "",
        "skin only": "skinonly",
        "stir fried": "panfried",
        "with peel": "",
    }
)
"""Phrases that stand for one word, or for none."""

OTHER_NAMES = {
    _stems(name): tuple(_stems(other) for other in others)
    for name, others in {
        "bacon": ("pork bacon",),
        "basmati rice": ("white rice",),
        "bell pepper": ("sweet pepper",),
        "bread": ("white bread",),
        "cantaloupe": ("cantaloupe melon",),
        "cappuccino": ("cappuccino coffee",),
        "coke": ("cola",),
        "cheddar": ("cheddar cheese",),
        "crisp": ("potato chip",),
        "espresso": ("espresso coffee",),
        "feta": ("feta cheese",),
        "flank steak": ("beef flank steak",),
        "french fry": ("french fry potato", "french fried potato"),
        "fry": ("french fry potato", "french fried potato"),
        "ham": ("pork ham",),
        "hash brown": ("hash brown potato",),
        "honeydew": ("honeydew melon",),
        "hot dog": ("hot dog sandwich",),
        "jasmine rice": ("white rice",),
        "ketchup": ("tomato ketchup",),
        "latte": ("latte coffee",),
        "mozzarella": ("mozzarella cheese",),
        "naan": ("naan bread",),
        "oatmeal": ("oat",),
        "omelet": ("omelet egg",),
        "parmesan": ("parmesan cheese",),
        "pesto": ("pesto sauce",),
        "pita": ("pita bread",),
        "porridge": ("oat", "oatmeal"),
        "ramen noodle soup": ("ramen",),
        "rib eye": ("beef rib eye steak",),
        "rib eye steak": ("beef rib eye steak",),
        "ricotta": ("ricotta cheese",),
        "rice": ("white rice",),
        "sirloin": ("beef sirloin",),
        "sirloin steak": ("beef sirloin steak",),
        "smoothy": ("fruit smoothy",),
        "spaghetti": ("pasta",),
        "steak": ("beef steak",),
        "toast": ("toasted white bread",),
        "tomato": ("red tomato",),
        "zucchini": ("zucchini squash",),
    }.items()
}
"""Other names of a food in the tables, by its whole name."""
