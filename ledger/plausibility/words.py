"""Few words of a food's name decide what its numbers cannot: whether it may have no energy, or alcohol.

English, with the words of a few other languages for packaged products.
"""

import re

_ALCOHOLIC = re.compile(
    r"(?i)\b(?:alcohol\w*|ale|amaretto|aperitif|beers?|bi[eè]re|bier|bourbon|brandy|cerveza|champagne|cider|cocktails?"
    r"|cognac|cordial|daiquiri|extract|gin|grappa|kirsch|lager|liqueurs?|liquors?|margarita|martini|mead|mojito|pilsner"
    r"|port|porter|prosecco|punch|rum|sake|sangria|schnapps|scotch|sherry|soju|spritz|stout|tequila|vermouth|vinho|vino"
    r"|vin|vodka|wein|wh?iske?y|wines?)\b"
)
_WITHOUT_ENERGY = re.compile(
    r"(?i)\b(?:water|eau|agua|acqua|wasser|seltzer|soda|tonic|coffee|espresso|caf[eé]|kaffee|teas?|th[eé]|tee|tisane"
    r"|infusion|diet|z[eé]ro|sugar[- ]free|calorie[- ]free|unsweetened|broth|bouillon|stock|vinegar|salt|sel|sal"
    r"|salz|shirataki|konjac|bicarbonate)\b"
)
_WITH_ENERGY = re.compile(
    r"(?i)\b(?:almonds?|beef|biscuits?|bread|butter|cakes?|candy|cappuccino|caramel|chestnuts?|chicken|chips|chocolate"
    r"|coconut|cod|cookies?|crackers?|cream|crisps|fish|latte|milk|nuts|peanuts|pork|pretzels?|rolls?|scones?)\b"
)
_SWEETENER = re.compile(
    r"(?i)\b(?:sweeteners?|sugar substitutes?|stevia|monk fruit|erythritol|sucralose|saccharin|aspartame|allulose"
    r"|[eé]dulcorant|sü(?:ß|ss)stoff)\b"
)
_SWEETENED_WITHOUT_SUGAR = re.compile(r"(?i)\b(?:sugar[- ]free|sugarless|no sugar|keto|z[eé]ro|diet)\b")


def may_hold_alcohol(food: str) -> bool:
    return _ALCOHOLIC.search(food) is not None


def may_have_no_energy(food: str) -> bool:
    """Water, black coffee, tea, diet drinks, salt, sweeteners; not the coffee cake, nor the salted nuts."""
    if _SWEETENER.search(food):
        return True
    return _WITHOUT_ENERGY.search(food) is not None and _WITH_ENERGY.search(food) is None


def may_hold_polyols(food: str) -> bool:
    """Whether the carbohydrate may be of the kind that gives no energy, as erythritol."""
    return _SWEETENER.search(food) is not None or _SWEETENED_WITHOUT_SUGAR.search(food) is not None
