"""What the names in the tables cannot say: other Englishes and kitchens, and which words of a name mean little.

Everything else follows from where a word stands in a name (`names`, `scoring`). Words are written as people write them;
`words` brings both sides into one form.
"""

SAME_WORD = {
    "0%": "nonfat",
    "aubergine": "eggplant",
    "barbecued": "barbecue",
    "barbeque": "barbecue",
    "bbq": "barbecue",
    "beetroot": "beet",
    "bell": "sweet",
    "calamari": "squid",
    "capsicum": "sweet pepper",
    "catsup": "ketchup",
    "chile": "chili",
    "chilli": "chili",
    "cornichon": "pickle",
    "courgette": "zucchini",
    "daal": "dal",
    "dahl": "dal",
    "decaf": "decaffeinated",
    "doner": "gyro",
    "donut": "doughnut",
    "filet": "fillet",
    "filled": "stuffed",
    "fizzy": "carbonated",
    "flavoured": "flavored",
    "flaxseed": "flax seed",
    "gammon": "ham",
    "garbanzo": "chickpea",
    "gherkin": "pickle",
    "guac": "guacamole",
    "houmous": "hummus",
    "icecream": "ice cream",
    "jalapeno": "jalapeno pepper",
    "kebab": "kabob",
    "kumara": "sweet potato",
    "lasagne": "lasagna",
    "litchi": "lychee",
    "maize": "corn",
    "mayo": "mayonnaise",
    "milkshake": "milk shake",
    "minced": "ground",
    "omelette": "omelet",
    "passionfruit": "passion fruit",
    "pitta": "pita",
    "porridge": "oatmeal",
    "prawn": "shrimp",
    "ribeye": "rib eye",
    "rocket": "arugula",
    "roquette": "arugula",
    "satsuma": "tangerine",
    "skim": "nonfat",
    "skimmed": "nonfat",
    "sourdough": "sour dough",
    "soya": "soy",
    "soymilk": "soy milk",
    "sultana": "raisin",
    "swede": "rutabaga",
    "slaw": "coleslaw",
    "tinned": "canned",
    "treacle": "molasses",
    "cornflour": "cornstarch",
    "souvlaki": "kabob",
    "sweetcorn": "sweet corn",
    "toast": "toasted",
    "veg": "vegetable",
    "veggie": "vegetable",
    "whisky": "whiskey",
    "wholegrain": "whole grain",
    "wholemeal": "whole wheat",
    "wholewheat": "whole wheat",
    "yoghurt": "yogurt",
    "yuca": "cassava",
    "yucca": "cassava",
}
"""Words that mean the same; the tables' own on the right."""

PHRASES = {
    # amounts of fat
    "fat free": "nonfat",
    "non fat": "nonfat",
    "zero fat": "nonfat",
    "low fat": "lowfat",
    "semi nonfat": "reduced fat",
    "part nonfat": "part skim",
    # vegetables, fruit, herbs
    "chickpea bean": "chickpea",
    "string bean": "green bean",
    "snap bean": "green bean",
    "runner bean": "green bean",
    "french bean": "green bean",
    "haricot vert": "green bean",
    "haricot bean": "navy bean",
    "broad bean": "fava bean",
    "butter bean": "lima bean",
    "sugar snap pea": "edible podded pea",
    "snap pea": "edible podded pea",
    "snow pea": "edible podded pea",
    "mangetout": "edible podded pea",
    "garden pea": "green pea",
    "green onion": "spring onion",
    "scallion": "spring onion",
    "pak choi": "bok choy",
    "pak choy": "bok choy",
    "cos lettuce": "romaine lettuce",
    "spring mix": "mixed salad green",
    "coriander leaf": "cilantro",
    "fresh coriander": "cilantro",
    "corn on the cob": "corn cob",
    # dairy
    "double cream": "heavy cream",
    "whipping cream": "heavy cream",
    "single cream": "light cream",
    # meat
    "streaky bacon": "bacon",
    "bacon rasher": "bacon",
    "rasher": "bacon",
    "back bacon": "canadian bacon",
    "beef mince": "ground beef",
    "lamb mince": "ground lamb",
    "pork mince": "ground pork",
    "turkey mince": "ground turkey",
    "chicken mince": "ground chicken",
    "lean beef": "ground beef",
    "meat and skin": "skinon",
    "with skin": "skinon",
    "skin coating eaten": "skinon",
    "skin coating not eaten": "without skin",
    "skin not eaten": "without skin",
    "skin eaten": "skinon",
    "skin on": "skinon",
    "meat only": "",
    "separable lean only": "",
    "separable lean and fat": "",
    "lean only": "",
    "lean and fat": "",
    "separable fat": "fatonly",
    "fat only": "fatonly",
    "variety meat": "offal",
    "by product": "offal",
    # potatoes
    "jacket potato": "baked potato",
    "potato crisp": "potato chip",
    "french fried": "french fry",
    "steak fry": "french fry",
    "shoestring fry": "french fry",
    "curly fry": "french fry",
    "waffle fry": "french fry",
    "crinkle cut fry": "french fry",
    "tater tot": "potato tot",
    # ways of cooking
    "pan fried": "sauteed",
    "pan seared": "sauteed",
    "pan cooked": "sauteed",
    "stir fried": "stirfry",
    "stir fry": "stirfry",
    "deep fried": "fried",
    "air fried": "baked",
    "oven baked": "baked",
    "oven roasted": "roasted",
    "fire roasted": "roasted",
    "spit roasted": "rotisserie",
    "slow cooked": "braised",
    "char grilled": "grilled",
    "flame grilled": "grilled",
    "sunny side up": "fried",
    "over easy": "fried",
    "hard boiled": "boiled",
    "soft boiled": "boiled",
    "dry heat": "",
    "moist heat": "",
    "dry roasted": "roasted",
    "freeze dried": "dried",
    "sun dried": "sundried",
    # what a table says of the fat of the pan
    "fat added": "fatadded",
    "added fat": "fatadded",
    "cooked with oil": "fatadded",
    "cooked with butter": "fatadded",
    "made with oil": "fatadded",
    "made with butter": "fatadded",
    "made with margarine": "fatadded",
    "no added fat": "fatless",
    "without fat": "fatless",
    "ns as to fat": "maybefat",
    "ns as to fat added in cooking": "maybefat",
    "as ingredient": "ingredient",
    # dishes and bakery
    "mac and cheese": "macaroni and cheese",
    "cole coleslaw": "coleslaw",
    "candy floss": "cotton candy",
    "fish finger": "fish stick",
    "chicken mcnugget": "chicken nugget",
    "popcorn chicken": "chicken nugget",
    "buffalo wing": "chicken wing with hot sauce",
    "cottage pie": "shepherd pie",
    "shrimp cracker": "shrimp chip",
    "spring roll": "egg roll",
    "meat loaf": "meatloaf",
    "cream cracker": "cracker",
    "digestive biscuit": "graham cracker",
    "soft drink": "softdrink",
    "icing sugar": "powdered sugar",
    "confectioner sugar": "powdered sugar",
    "burger patty": "ground patty",
    "2% greek yogurt": "lowfat greek yogurt",
    "nut mix": "mixed nut",
    "frozen yogurt": "frozenyogurt",
    "water chestnut": "waterchestnut",
    "water chesnut": "waterchestnut",
    "collard green": "collard",
    "carbonated beverage": "softdrink",
    "english breakfast tea": "black tea",
    "earl grey": "black",
    "hot cocoa": "hot chocolate",
    "frankfurter": "hot dog",
    "miscellaneous": "",
    # what says nothing
    "ready to eat": "",
    "ready to serve": "",
    "ready to drink": "",
    "ready to heat": "",
    "commercially prepared": "",
    "mature seed": "",
    "year round average": "",
    "total can content": "",
    "with peel": "",
    "with salt": "",
    "with salt added": "",
    "salt added": "",
    "with added vitamin": "",
}
"""Phrases and their wording in the tables, or nothing where a phrase says nothing of the food."""

_CURRY = ("chicken curry",)
_LETTUCE_SALAD = ("lettuce, salad with assorted vegetables", "mixed salad greens")
_PASTA = ("pasta, cooked",)

OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "alfredo": ("pasta with cream sauce",),
    "arrabbiata": ("pasta with tomato-based sauce",),
    "baguette": ("bread, french or vienna",),
    "bechamel": ("white sauce",),
    "brownie": ("cookie, brownie",),
    "champagne": ("wine, sparkling",),
    "chicken katsu": ("chicken breast, fried, coated",),
    "chocolate brownie": ("cookie, brownie",),
    "ciabatta": ("bread, french or vienna",),
    "coconut flake": ("coconut, dried, shredded",),
    "dolma": ("stuffed grape leaves",),
    "dolmade": ("stuffed grape leaves",),
    "gummy bear": ("candy, gumdrops", "gummies"),
    "gyro": ("gyro sandwich",),
    "jello": ("gelatin dessert",),
    "latke": ("potato pancake",),
    "lamb gyro": ("gyro sandwich",),
    "marshmallow": ("candies, marshmallows",),
    "mocha": ("coffee, cafe mocha",),
    "nori": ("seaweed, dried",),
    "pesto": ("pesto sauce",),
    "pesto pasta": ("pasta with sauce, pesto",),
    "prosciutto": ("ham, prosciutto",),
    "roasted vegetable": ("mixed vegetables, cooked",),
    "grilled vegetable": ("mixed vegetables, cooked",),
    "steamed vegetable": ("mixed vegetables, cooked",),
    "schnitzel": ("pork, cutlet, breaded, fried",),
    "shawarma": ("gyro sandwich",),
    "sriracha": ("sauce, hot chile, sriracha",),
    "tabasco": ("hot pepper sauce",),
    "tonkatsu": ("pork chop, breaded, fried",),
    "tuna sandwich": ("tuna salad sandwich",),
    "tzatziki": ("tzatziki dip",),
    "vegetable": ("mixed vegetables, cooked",),
    "vinaigrette": ("salad dressing, vinegar and oil",),
    "cheesesteak": ("cheese steak sandwich", "steak and cheese sandwich"),
    "chicken gravy": ("gravy, poultry",),
    "chicken wrap": ("wrap sandwich, chicken", "chicken fillet sandwich"),
    "polenta": ("cornmeal mush", "grits, cooked"),
    "sweet tea": ("tea, iced, bottled, black",),
    "beef pho": ("soup, pho, with meat",),
    "brown gravy": ("gravy, beef",),
    "chana masala": ("chickpeas, from canned, fat added",),
    "hamburger bun": ("rolls, hamburger or hotdog, plain", "roll, white, hamburger bun"),
    "hot dog bun": ("rolls, hamburger or hotdog, plain",),
    "ice cube": ("water, tap",),
    "milk chocolate bar": ("candies, milk chocolate",),
    "pho": ("soup, pho, with meat",),
    "quiche lorraine": ("quiche with meat",),
    "sake": ("wine, rice",),
    "salmon sashimi": ("fish, salmon, raw",),
    "string cheese": ("cheese, mozzarella, part skim milk",),
    "tuna sashimi": ("fish, tuna, raw",),
    "coffee with milk": ("coffee, pre-lightened",),
    "white coffee": ("coffee, pre-lightened",),
    "lemonade": ("lemonade, fruit juice drink",),
    "zucchini": ("squash, summer, zucchini, includes skin", "zucchini, cooked"),
    "apple crumble": ("crisp, apple",),
    "balsamic glaze": ("vinegar, balsamic",),
    "barbecue rib": ("pork, spareribs, barbecued",),
    "beef and broccoli": ("beef and broccoli",),
    "black coffee": ("coffee, brewed",),
    "black tea": ("tea, hot, leaf, black",),
    "bread": ("bread, white",),
    "bread roll": ("roll, white",),
    "butter chicken": _CURRY,
    "chicken korma": _CURRY,
    "chicken masala": _CURRY,
    "chicken tikka masala": _CURRY,
    "buttered toasted": ("bread, white, toasted",),
    "cereal": ("cereal, ready to eat, nfs",),
    "cherry tomato": ("tomatoes, raw",),
    "chicken burger": ("chicken fillet sandwich",),
    "chicken parmesan": ("chicken or turkey parmigiana",),
    "chicken sandwich": ("chicken fillet sandwich",),
    "chicken stirfry": ("chicken or turkey and vegetables, soy-based sauce",),
    "chicken strip": ("chicken tenders or strips",),
    "chicken tender": ("chicken tenders or strips",),
    "chili con carne": ("chili con carne with beans", "chili with meat and beans"),
    "chili pepper": ("peppers, hot chili, red, raw",),
    "chip": ("potato, french fries", "potato chips"),
    "chow mein": ("chicken chow mein with noodles",),
    "chili": ("chili with beans",),
    "cinnamon roll": ("cinnamon bun, no frosting", "cinnamon bun, frosted"),
    "clementine": ("tangerine, raw",),
    "coconut water": ("coconut water, unsweetened",),
    "coffee": ("coffee, brewed",),
    "coffee with cream": ("coffee, brewed, with cream",),
    "coke": ("soft drink, cola",),
    "cola": ("soft drink, cola",),
    "corn": ("corn, yellow, cooked",),
    "crisp": ("potato chips, plain",),
    "decaffeinated coffee": ("coffee, brewed, decaffeinated",),
    "diet coke": ("soft drink, cola, diet",),
    "diet cola": ("soft drink, cola, diet",),
    "eggplant parmesan": ("eggplant parmesan casserole",),
    "eggplant parmigiana": ("eggplant parmesan casserole",),
    "fettuccine": _PASTA,
    "fish and chip": ("fish, battered, fried",),
    "french fry": ("potato, french fries",),
    "fry": ("potato, french fries",),
    "garden salad": _LETTUCE_SALAD,
    "ginger": ("ginger root, raw",),
    "grape tomato": ("tomatoes, raw",),
    "grape leaf": ("grape leaves, raw",),
    "green salad": _LETTUCE_SALAD,
    "green tea": ("tea, hot, leaf, green",),
    "ham steak": ("ham, sliced",),
    "house salad": _LETTUCE_SALAD,
    "iced tea": ("tea, iced, brewed",),
    "milk chocolate": ("candies, milk chocolate",),
    "nigiri": ("sushi",),
    "salmon nigiri": ("sushi roll, salmon",),
    "tuna nigiri": ("sushi roll, tuna",),
    "shrimp nigiri": ("sushi roll, shrimp",),
    "meatloaf": ("meat loaf, ns as to type of meat",),
    "smoothy": ("fruit smoothie",),
    "beef kabob": ("beef shish kabob with vegetables",),
    "chicken kabob": ("chicken or turkey shish kabob with vegetables",),
    "lamb kabob": ("lamb shish kabob with vegetables",),
    "orange soda": ("soft drink, fruit flavored", "carbonated, orange"),
    "beef patty": ("beef, ground, patty",),
    "muesli": ("cereal, muesli", "cereal, granola"),
    "tomato sauce": ("tomato products, canned, sauce", "tomato sauce, canned"),
    "passata": ("tomato products, canned, puree",),
    "risotto": ("rice, white, cooked, fat added",),
    "kofta": ("meatballs",),
    "linguine": _PASTA,
    "macaroni": _PASTA,
    "macaron": ("cookie, macaroon",),
    "margherita pizza": ("pizza, cheese",),
    "mint": ("spearmint, fresh",),
    "mint leaf": ("spearmint, fresh",),
    "mixed salad": _LETTUCE_SALAD,
    "mixed vegetable": ("mixed vegetables, cooked",),
    "noodle": ("noodles, cooked",),
    "nutella": ("chocolate hazelnut spread",),
    "orange chicken": ("orange chicken", "general tso chicken"),
    "pasta": _PASTA,
    "pasta salad": ("macaroni or pasta salad",),
    "pea": ("green peas, cooked",),
    "penne": _PASTA,
    "pepperoni pizza": ("pizza with pepperoni",),
    "plum tomato": ("tomatoes, raw",),
    "potato crisp": ("potato chips, plain",),
    "ramen": ("ramen bowl", "soup, ramen noodle"),
    "rice": ("rice, white",),
    "rigatoni": _PASTA,
    "fusilli": _PASTA,
    "farfalle": _PASTA,
    "side salad": _LETTUCE_SALAD,
    "soda": ("soft drink, cola",),
    "spaghetti": _PASTA,
    "spaghetti and meatball": ("spaghetti with meatballs", "pasta with tomato-based sauce and meat"),
    "spaghetti bolognese": ("pasta with tomato-based sauce and meat",),
    "spaghetti carbonara": ("pasta with cream sauce and meat",),
    "spaghetti with meatball": ("pasta with tomato-based sauce and meat",),
    "sparkling water": ("water, carbonated, plain",),
    "steak": ("beef, steak",),
    "tagliatelle": _PASTA,
    "tea": ("tea, hot, leaf, black",),
    "toasted": ("bread, white, toasted",),
    "tossed salad": _LETTUCE_SALAD,
    "water": ("water, tap",),
}
"""Other names of a food in the tables' words, by its whole name; they take its place."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


JOINS = _words("and or in on over with w topped served plus of")
WITH = _words("with in on over w topped served plus")
"""What is behind these comes with the food; it is no part of its name."""
NEGATIONS = _words("without no minus")
MEASURES = _words(
    """bottle bowl can cup dash dollop drizzle glass handful mug piece pinch plate pile portion scoop serving side slice
    splash spoon spoonful sprinkle sprinkling squeeze tablespoon teaspoon tin wedge stack bunch sprig cube jar pot tub
    knob pat chunk bed layer mound helping fillet rack"""
)
STAYS_OF = _words("cream heart end hash milk")
"""Before an "of" these are the food: "cream of mushroom soup"."""
COOKING = _words(
    """baked boiled braised broiled browned cooked fried grilled heated microwaved panbroiled poached prepared
    roast roasted rotissery sauteed scrambled seared simmered steamed stewed toasted blanched
    charred caramelized breaded battered stirfry"""
)
RAW = _words("raw uncooked unprepared dry unheated")
COATED = _words("fried breaded battered coated crumbed tempura")
WAYS = {
    word: way
    for way, words in {
        "dry heat": "baked broiled grilled roast roasted roasting rotissery charred seared browned microwaved",
        "water": "boiled steamed poached simmered stewed braised blanched",
        "fat": "sauteed caramelized stirfry",
        "deep": "fried breaded battered coated crumbed",
    }.items()
    for word in words.split()
}
"""Ways of cooking that leave much the same food."""

PIECES = _words(
    """chunk clove cube fillet floret half kernel leaf piece portion segment serving side slice spear quarter
    sprig stalk skewer dice round shaving ribbon sliver bulb head ear garnish crumble medallion square swirl pulp
    sheet stack flake shred fold tentacle aril coin strand baton wedge cheek"""
)
"""Forms in which a food is cut; they do not change it."""
SHAPES = _words("ring stick strip wedge bite cutlet crumb tender patty")
"""Forms that may be a dish of their own ("onion rings"), or say nothing ("carrot sticks")."""
STOP = _words("a an as at by for from is it the to type style variety ns nfs")
NEUTRAL = STOP | _words(
    """all regular average enriched unenriched fortified unfortified added commercial fluid fresh freshly whole medium
    large small extra plain ripe organic natural original generic drained solid liquid refrigerated frozen year round
    grade choice select trimmed separable lean only meat bone boneless table vitamin d c calcium salt salted water
    purchased home homemade made recipe retail part bottled usda commodity include other broiler fatless
    farmed wild atlantic pacific domestic imported new zealand grain long short product packed can content additional
    ingredient milkfat fryer roaster class light dark free"""
) - _words("light dark free")
GENERIC = _words("ns nfs")
APPEARANCES = _words(
    """assorted baby bite sized bright cold crispy crunchy cooling delicious diced chopped cubed minced
    fluffy fresh freshly garnish garnished golden heirloom hot juicy large marinated medium moist
    perfectly plain ripe rustic seasoned shredded sized sliced small soft tender thick thin thinly cut warm crusty
    homemade house style traditional classic simple mini jumbo big long halved quartered peeled creamy
    pitted squeezed steaming toasty melted chilled drizzled tossed leftover organic
    caught buttery lightly finely roughly coarsely torn loose vine tree artisan artisanal handmade aged crumbled
    raw dried cooked prepared beautifully nicely glossy vibrant colorful rich savory spicy tangy
    flaky smooth silky chunky hearty fine coarse basmati jasmine sticky udon kalamata cremini chestnut oreo fuji gala
    granny smith honeycrisp roma navel hass yukon gold russet persian mature shaved julienned spiralized slivered
    butterflied flaked carved wilted jammy frothy foamy spreadable sprinkled dusted skewered folded stacked layered
    plated sizzling homestyle authentic braided individual ripened crispy skinned blistered fragrant zesty grated
    fudgy oven"""
) - _words("dried hot raw cooked prepared aged spicy")
"""Looks and praise, which the tables do not give."""
FORMS = _words(
    """spice babyfood infant toddler powder powdered dried dehydrated concentrate mix condensed evaporated candied
    pickled flour bran germ juice soup sauce pie cake chip oil bar jam jelly gravy salad sandwich candy cooky cracker
    bread pudding drink beverage nectar syrup paste puree dip spread dressing seasoning flavored imitation substitute
    extract dinner entree pizza burger croquette fritter loaf roll muffin tart jerky sundried smoked skin offal
    liver heart kidney brain gizzard giblet tongue foot tail neck lung spleen tripe stuffed icing glazed
    fatonly human sour fry yolk instant formula shake frosting filling topping stuffing sausage bologna
    bacon bit yogurt curry stew casserole rind hash cheese"""
)
"""Words that make another food of it."""
LIGHT = _words(
    "light lite diet reduced low lowfat nonfat lower calory dietetic sweetened vegetarian vegan meatless"
)
"""Words of a food made lighter, or sweeter."""
DECISIVE = LIGHT | _words(
    "tempeh tofu soy plant impossible beyond cauliflower oat almond coconut rice cashew caramel diet clotted"
)
"""Words of a food that is not what its last word says, or much lighter or richer ("tempeh bacon")."""
EXCLUSIVE = (
    _words("white brown red black green yellow wild purple pink dark"),
    _words("beef pork chicken turkey lamb veal duck shrimp salmon tuna fish crab ham egg"),
    _words("whole lowfat nonfat reduced"),
    _words("apple cherry peach blueberry strawberry pumpkin pecan lemon lime banana coconut"),
)
"""Words of which a food has one: a record with another one instead is of another food."""
MEATS = EXCLUSIVE[1] | {"bacon"}
"""Foods of animals: what says that it is without meat is none of them."""
OTHER_PARTS = {"egg": _words("white yolk"), "pork": _words("crackling")}
"""Words behind a food's name that make another food of this one only."""
CUTS = _words(
    """back belly breast brisket chop chuck drumstick eye flank leg loin mince prime rib roast rump shank short shoulder
    sirloin spare steak tenderloin thigh top wing tip center cut fillet ground patty round plate"""
)
"""Parts of an animal: behind its name they say which part, so that the animal stays the food."""
SUFFIX_KINDS = _words(
    "nut seed cheese lettuce squash bean pepper fish fruit berry melon mushroom root onion bulb wine sprout plum"
)
"""Kinds that a table may name behind the food ("Pistachio nuts")."""
PREFIX_KINDS = SUFFIX_KINDS | _words(
    "rice pasta green potato vegetable coffee tea cabbage shellfish product cream meat egg chicken beef pork lamb "
    "turkey vinegar spice"
)
"""Kinds that a table may name before the food ("Cheese, brie")."""
MADE_KINDS = _words(
    "bread cooky cracker cereal soup sauce pizza cake roll sandwich dish dessert sausage sushi snack sugar"
)
"""The same of dishes: the food may be one of them ("Bread, naan"), or be in it ("Bread, zucchini")."""
KINDS_BEHIND = _words(
    """ball bar beer biscuit bread cereal cheese cocktail cracker crisp dip dish drink dumpling mix noodle pastry spread
    wine"""
)
"""Kinds that a model may say behind a name that says it all ("gyoza dumplings")."""
THINGS = _words(
    """napkin fork knife spoon cutlery utensil tablecloth chopstick candle person smartphone phone menu
    toothpick placemat vase wrapper foil coaster receipt towel shaker lamp chair boat liner stand holder peeler grinder
    opener tong whisk spatula ladle"""
)
"""No foods, whatever stands before them: "steak knife"."""
NOT_FOOD = THINGS | _words(
    """plate bowl flower table glass jar cup mug tray board pan card straw bottle box bag skewer unknown item object
    food wooden paper ceramic plastic metal empty kitchen counter white red black brown green yellow wild purple pink
    dark drinking"""
)
"""What stands on a table beside the food: a name of nothing else is none."""
SWELLING = _words(
    """barley bulgur couscous farro lentil macaroni millet noodle oat pasta polenta quinoa rice spaghetti penne bean
    chickpea oatmeal pea fettuccine linguine grit"""
)
"""Foods that take up so much water that dry and cooked are two foods; eaten cooked."""
KINDS = frozenset(
    {
        "alcoholic beverage", "beverage", "chinese", "crustacean", "fast food", "finfish", "fish", "fruit", "game meat",
        "italian", "latino", "mexican", "mollusk", "nut", "poultry", "restaurant", "salad dressing",
        "seed", "shellfish", "side dish", "softdrink", "usda commodity", "vegetable", "family style",
    }
)  # fmt: skip
"""First parts of a name that say the kind of food; the food itself is the part after them."""
EATEN_COOKED = frozenset(
    {
        "Beef Products",
        "Cereal Grains and Pasta",
        "Finfish and Shellfish Products",
        "Lamb, Veal, and Game Products",
        "Legumes and Legume Products",
        "Pork Products",
        "Poultry Products",
    }
)
"""Groups of the tables whose foods are on a plate cooked, unless the model says otherwise."""
