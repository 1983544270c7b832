"""The vocabulary of food names, and the effect of each word on a match.

The names are those of USDA's tables ("Rice, white, long-grain, regular, raw, enriched"). A word outside these sets
is taken to change the food.
"""

_IRREGULAR = {"halves": "half", "leaves": "leaf", "loaves": "loaf", "feet": "foot", "geese": "goose"}


def stem(word: str) -> str:
    """A lower-case word in the one form that stands for its singular and plural ("cookies" and "cookie": "cooky")."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("ie"):
        return word[:-2] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "oes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return word[:-1]
    return word


def _words(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in text.split())


CATEGORIES = frozenset(
    {
        "alcoholic beverage",
        "beverage",
        "candy",
        "cereal",
        "crustacean",
        "dessert",
        "fast food",
        "finfish",
        "fish",
        "fruit",
        "game meat",
        "mollusk",
        "nut",
        "poultry",
        "restaurant",
        "salad dressing",
        "seed",
        "shellfish",
        "snack",
        "soft drink",
        "spice",
        "sweetener",
        "vegetable",
    }
)
"""First parts of a name that say the kind of food; the food itself is the part after them."""

COOKED = _words(
    """baked boiled braised broiled cooked fried grilled heated microwaved panbroiled panfried poached
    prepared roasted scrambled simmered steamed stewed toasted"""
)
RAW = _words("dry raw uncooked unprepared")

PLAIN = COOKED - {"fried"} | _words(
    """atlantic average bone boned boneless bottled brewed california carbonated choice chopped cleaned
    commercial common cubed cured cut diced drained enriched extra farmed fluid fortified freshly fresh
    generic granulated grated half hard homemade large lean medium municipal natural organic original
    peeled pitted plain popped processed quick raw refrigerated regular retail ripe round salted sea
    select separable shredded skinless sliced small soft solid stable standard table tap
    trimmed uncooked unenriched unfortified unprepared unsalted unsweetened unpeeled whole"""
)
"""Adjectives that leave a food what it is, before its name and after it."""

INCIDENTAL = PLAIN | _words(
    """a acid added air all an and ascorbic bone broiler can d drink eaten fat flavor flavored flesh food
    for fryer grade hot in includes including made matured meat meatless milkfat of on only or over salt
    shelf skin solid style such sulfate the to type variety vitamin water wild with year"""
)
"""Words that do not matter behind a name; before it, some of them would be a food."""

ARTICLES = _words("a an of the to")
FILLERS = _words("added all and for only salt style type variety water")
"""Words of a query that a record need not have."""

COLOURS = _words("black brown dark green light pink purple red white yellow")

CHANGED = _words(
    """babyfood bar battered bran breaded cake candied cappuccino chip chocolate concentrate condensed
    cooky crisp dehydrated diet dip dried dry evaporated extract fatonly flour formula french fried fry germ
    gratin hash human imitation infant instant jam jelly jerky juice latte liqueur macchiato mashed mix
    mocha nectar paste peel pickled pie powder powdered pudding salad sauce scalloped shake shoot skinonly smoked
    sour spread sprout sprouted strudel stuffed substitute sweetened syrup tempura topping yolk"""
)
"""Words that make another food of it: a record with one that is not in the query is never a match."""

OFTEN_DRIED = _words("nut seed spice")
"""Categories whose foods are dried as a rule."""

MEATS = _words("beef bison buffalo chicken duck goose lamb mutton pork rabbit turkey veal venison")
ORGANS = _words(
    "brain ear feet foot gizzard giblet heart intestine kidney liver lung neck spleen tail tongue tripe"
)
CUTS = _words(
    """back bacon belly breast brisket center chop chuck drumstick eye flank ham leg loin meat mince patty
    pot prime rib roast rump shank short shoulder sirloin spare steak tenderloin thigh top wing"""
)
"""Parts of an animal: after its name they say which part, so that the animal stays the head noun."""

FISHES = _words("cod haddock halibut mackerel salmon shark swordfish tilapia trout tuna")
"""Fish of which a piece is called a steak, which says nothing."""

EGG_PARTS = _words("white yolk")

PIECES = _words(
    """chunk clove cube fillet filet floret half kernel piece portion ring segment serving side slice spear
    sprig stalk strip wedge"""
)
"""Forms in which a food is cut; they do not change it."""

ADJECTIVES = _words(
    """assorted baby chilled cold crispy crunchy delicious fuji gala golden granny hass heirloom honeycrisp
    juicy marinated mixed navel persian roma russet seasoned smith sparkling still tender thick thin
    vine warm"""
)
"""Appearances and varieties, which food tables seldom give."""

LEAFY = _words("arugula basil cabbage cilantro kale lettuce mint parsley romaine spinach")
SKIN_COLOURED = _words("apple cherry grape onion pear plum potato tomato")
"""Foods whose colour is only skin deep, so that a record of another colour matches."""
TOMATO_SHAPES = _words("cherry grape plum")

SWELLING = _words(
    """barley bulgur couscous farro lentil macaroni millet noodle oat pasta polenta quinoa rice spaghetti"""
)
"""Foods that take up so much water that dry and cooked are two foods; eaten cooked."""
PULSES = _words("bean chickpea pea")
"""As above, where the record is of the ripe seeds."""
EATEN_COOKED = SWELLING | PULSES | MEATS | _words("egg potato")

CLASSES = _words(
    """bean beverage bread cake candy cereal cheese curry dessert dish dressing drink fish fruit juice meat nut
    pie salad sandwich sauce seafood seed snack soup spice stew vegetable"""
)
"""Kinds rather than foods: alone, they match a record of the kind as such and none of one of its members."""

DISHES = _words("burrito casserole chili enchilada lasagna pizza quesadilla sandwich stew taco wrap")
"""Dishes that have a filling or a topping in any case."""

SWELLING_FORMS = _words("dried dry instant")
"""Forms of a swelling food that its state already accounts for."""

MEASURES = _words(
    "bottle bowl can cup glass handful mug piece pinch plate portion scoop serving slice spoon splash tin"
)
