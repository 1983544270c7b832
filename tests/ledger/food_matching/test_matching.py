"""Which record is the food on the plate: names as models give them against names as the tables have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import FoodRecord, FoodState, Nutrients, NutrientSource, RecognizedFood
from ledger.food_matching import best_match

RAW, COOKED = FoodState.RAW, FoodState.COOKED


def record(
    name: str,
    source_id: str = "1",
    *,
    data_type: str | None = "SR Legacy",
    brand: str | None = None,
    calories: float | None = 100.0,
    source: NutrientSource = NutrientSource.USDA,
) -> FoodRecord:
    return FoodRecord(
        source=source,
        source_id=source_id,
        name=name,
        data_type=data_type,
        brand=brand,
        published=None,
        per_100g=Nutrients.of(calories=calories),
    )


def product(name: str, brand: str | None = None, source_id: str = "1") -> FoodRecord:
    return record(name, source_id, data_type=None, brand=brand, source=NutrientSource.OPENFOODFACTS)


def food(name: str, state: FoodState | None = None) -> RecognizedFood:
    return RecognizedFood(name=name, grams=100.0, state=state, confidence=0.9)


def matched(name: str, state: FoodState | None, *offered: str | FoodRecord) -> str | None:
    records = [record(one, str(n)) if isinstance(one, str) else one for n, one in enumerate(offered)]
    match = best_match(food(name, state), records)
    return match.record.name if match else None


LOOK_ALIKES = [
    ("apple", "Rose-apples, raw"),
    ("apple", "Sugar-apples, (sweetsop), raw"),
    ("apple", "Mammy-apple, (mamey), raw"),
    ("apple", "Custard-apple, (bullock's-heart), raw"),
    ("apple", "Apple juice, canned or bottled, unsweetened"),
    ("apple", "Strudel, apple"),
    ("apple", "Apple strudel"),
    ("apple", "Pie, apple"),
    ("apple", "Apples, dried, sulfured, uncooked"),
    ("apple", "Babyfood, apples, dices, toddler"),
    ("apple", "Croissants, apple"),
    ("apple", "Pineapple, raw, all varieties"),
    ("rose apple", "Apples, raw, with skin"),
    ("egg", "Noodles, egg, cooked, enriched"),
    ("egg", "Egg noodles"),
    ("egg", "Eggplant, raw"),
    ("egg", "Eggnog"),
    ("egg", "Egg, white, raw, fresh"),
    ("egg", "Egg, yolk, raw, fresh"),
    ("egg", "Egg, whole, dried"),
    ("egg", "Egg substitute, powder"),
    ("egg", "Egg roll or spring roll, meatless"),
    ("egg white", "Egg, whole, raw, fresh"),
    ("rice", "Snacks, rice cakes, brown rice, plain"),
    ("rice", "Rice cakes, plain"),
    ("rice", "Puddings, rice, dry mix"),
    ("rice", "Rice pudding"),
    ("rice", "Rice bran, crude"),
    ("rice", "Rice noodles, cooked"),
    ("rice", "Wild rice, cooked"),
    ("rice", "Fried rice, NFS"),
    ("rice", "Oil, rice bran"),
    ("wild rice", "Rice, white, long-grain, regular, cooked"),
    ("brown rice", "Rice, white, long-grain, regular, cooked"),
    ("fried rice", "Rice, white, long-grain, regular, cooked"),
    ("chicken", "Chicken, liver, all classes, cooked, simmered"),
    ("chicken", "Chicken, broilers or fryers, skin only, cooked, roasted"),
    ("chicken", "Chicken nuggets, from fast food"),
    ("chicken", "Chicken fillet, breaded, fried"),
    ("chicken", "Soup, chicken"),
    ("chicken", "Fat, chicken"),
    ("chicken breast", "Chicken, broilers or fryers, thigh, meat only, cooked, roasted"),
    ("fried chicken", "Chicken, broilers or fryers, breast, meat only, cooked, roasted"),
    ("beef", "Beef, fresh, separable fat, raw"),
    ("coffee", "Beverages, coffee, instant, regular, powder"),
    ("coffee", "Beverages, coffee substitute, cereal grain beverage, prepared with water"),
    ("coffee", "Coffee, latte"),
    ("coffee", "Coffee with milk"),
    ("coffee with milk", "Beverages, coffee, brewed, prepared with tap water"),
    ("coffee", "Alcoholic beverage, liqueur, coffee, 53 proof"),
    ("green tea", "Beverages, tea, black, brewed, prepared with tap water"),
    ("cola", "Soft drink, cola, diet"),
    ("water", "Nuts, coconut water (liquid from coconuts)"),
    ("coconut water", "Beverages, water, tap, municipal"),
    ("honey", "Nuts, almonds, honey roasted, unblanched"),
    ("almonds", "Nuts, almond butter, plain"),
    ("almonds", "Beverages, almond milk, unsweetened, shelf stable"),
    ("almond milk", "Milk, whole, 3.25% milkfat"),
    ("milk", "Milk, dry, whole"),
    ("milk", "Milk, human, mature, fluid"),
    ("milk", "Milk, canned, evaporated, with added vitamin A"),
    ("milk", "Soy milk"),
    ("milk", "Candies, milk chocolate"),
    ("chocolate", "Hot chocolate, made with milk"),
    ("peanut butter", "Butter, salted"),
    ("butter", "Peanut butter, smooth style, with salt"),
    ("olive oil", "Oil, canola"),
    ("olives", "Oil, olive, salad or cooking"),
    ("cream", "Ice cream, vanilla"),
    ("cream", "Cream, sour, cultured"),
    ("potato", "Sweet potato, cooked, baked in skin, flesh, without salt"),
    ("potato", "Potato chips, plain"),
    ("potato", "Potato, french fries, NFS"),
    ("potato", "Potato salad"),
    ("sweet potato", "Potatoes, boiled, cooked in skin, flesh, without salt"),
    ("sweet potato", "Sweet potato leaves, raw"),
    ("grape leaves", "Grapes, raw"),
    ("tomato", "Tomato products, canned, sauce"),
    ("tomato", "Tomatoes, sun-dried"),
    ("bread", "Bread, banana, prepared from recipe"),
    ("banana", "Bread, banana, prepared from recipe"),
    ("banana", "Bananas, dehydrated, or banana powder"),
    ("spaghetti", "Spaghetti with meat sauce"),
    ("beans", "Rice and beans"),
    ("ham", "Sandwich, ham and cheese"),
    ("ham and cheese sandwich", "Sandwich, tuna salad"),
    ("salmon", "Fish, salmon, chinook, smoked"),
    ("hot dog", "Game meat, wild dog, raw"),
    ("red cabbage", "Cabbage, raw"),
]


@pytest.mark.parametrize(("name", "look_alike"), LOOK_ALIKES)
def test_a_look_alike_alone_is_no_match(name: str, look_alike: str) -> None:
    assert matched(name, None, look_alike) is None


SAME_FOOD = [
    ("apple", RAW, "Apples, raw, with skin (Includes foods for USDA's Food Distribution Program)"),
    ("apples", RAW, "Apple, raw"),
    ("rose apple", RAW, "Rose-apples, raw"),
    ("granny smith apple", RAW, "Apples, raw, granny smith, with skin"),
    ("red apple", RAW, "Apples, raw, with skin"),
    ("egg", None, "Eggs, Grade A, Large, egg whole"),
    ("egg whites", RAW, "Egg, white, raw, fresh"),
    ("2 boiled eggs", COOKED, "Egg, whole, cooked, hard-boiled"),
    ("omelette", COOKED, "Egg, whole, cooked, omelet"),
    ("chicken breast", COOKED, "Chicken, broilers or fryers, breast, meat only, cooked, roasted"),
    (
        "grilled chicken breast fillet",
        COOKED,
        "Chicken, broilers or fryers, breast, meat only, cooked, roasted",
    ),
    ("fried chicken", COOKED, "Chicken fillet, breaded, fried"),
    ("bacon", COOKED, "Pork, cured, bacon, cooked, pan-fried"),
    ("fried bacon", COOKED, "Pork, cured, bacon, cooked, pan-fried"),
    (
        "pork chop",
        COOKED,
        "Pork, fresh, loin, center loin (chops), boneless, separable lean only, cooked, broiled",
    ),
    ("beef pot roast", COOKED, "Beef, chuck, arm pot roast, separable lean only, choice, cooked, braised"),
    ("steak", COOKED, "Beef, steak, NFS"),
    ("tuna steak", COOKED, "Fish, tuna, yellowfin, fresh, cooked, dry heat"),
    ("minced beef", RAW, "Beef, ground, 80% lean meat / 20% fat, raw"),
    ("prawns", COOKED, "Crustaceans, shrimp, cooked"),
    ("salmon", COOKED, "Fish, salmon, Atlantic, farmed, cooked, dry heat"),
    ("olive oil", None, "Oil, olive, salad or cooking"),
    ("coffee", None, "Beverages, coffee, brewed, prepared with tap water"),
    ("latte", None, "Coffee, latte"),
    ("cola", None, "Beverages, carbonated, cola, regular"),
    ("red wine", None, "Alcoholic beverage, wine, table, red"),
    ("cheerios", None, "Cereals ready-to-eat, GENERAL MILLS, CHEERIOS"),
    ("almonds", None, "Nuts, almonds"),
    ("almonds", None, "Nuts, almonds, dry roasted, with salt added"),
    ("cashews", None, "Nuts, cashew nuts, raw"),
    ("hazelnuts", None, "Nuts, hazelnuts or filberts"),
    ("chia seeds", None, "Seeds, chia seeds, dried"),
    ("pumpkin seeds", None, "Seeds, pumpkin and squash seed kernels, dried"),
    ("black pepper", None, "Spices, pepper, black"),
    ("whole milk", None, "Milk, whole, 3.25% milkfat, with added vitamin D"),
    ("skim milk", None, "Milk, nonfat, fluid, with added vitamin A and vitamin D (fat free or skim)"),
    ("2% milk", None, "Milk, lowfat, fluid, 1% milkfat, with added vitamin A"),
    ("Greek yoghurt", None, "Yogurt, Greek, plain, whole milk"),
    ("parmesan", None, "Cheese, parmesan, grated"),
    ("whole-wheat bread", None, "Bread, whole-wheat, commercially prepared"),
    ("slice of white bread", None, "Bread, white, commercially prepared (includes soft bread crumbs)"),
    (
        "bowl of oatmeal",
        COOKED,
        "Cereals, oats, regular and quick and instant, cooked with water, without salt",
    ),
    ("cream of tartar", None, "Cream of tartar"),
    ("corn tortilla", None, "Tortillas, ready-to-bake or -fry, corn"),
    ("fries", COOKED, "Potato, french fries, NFS"),
    ("green beans", COOKED, "Beans, snap, green, cooked, boiled, drained, without salt"),
    (
        "chickpeas",
        None,
        "Chickpeas (garbanzo beans, bengal gram), mature seeds, cooked, boiled, without salt",
    ),
    ("courgette", RAW, "Squash, summer, zucchini, includes skin, raw"),
    ("cherry tomatoes", RAW, "Tomatoes, red, ripe, raw, year round average"),
    ("spinach leaves", RAW, "Spinach, raw"),
    ("cucumber", RAW, "Cucumber, with peel, raw"),
    ("soy sauce", None, "Soy sauce made from soy and wheat (shoyu)"),
    ("maple syrup", None, "Syrups, maple"),
    ("hot dog", COOKED, "Frankfurter or hot dog, beef"),
    ("macaroni and cheese", COOKED, "Macaroni or noodles with cheese"),
    ("spaghetti with meat sauce", COOKED, "Spaghetti with meat sauce"),
    ("ham and cheese sandwich", None, "Sandwich, ham and cheese"),
    ("pizza", COOKED, "Pizza with meat, from restaurant or fast food"),
    ("beef stew", COOKED, "Beef stew with potatoes and vegetables"),
    ("fish", COOKED, "Fish, NFS"),
    ("Egg, whole, raw", RAW, "Egg, whole, raw, fresh"),
    ("Oil, olive", None, "Oil, olive, salad or cooking"),
    ("Beverages, coffee, brewed", None, "Beverages, coffee, brewed, prepared with tap water"),
    ("jalapeño", RAW, "Jalapenos, raw"),
]


@pytest.mark.parametrize(("name", "state", "same"), SAME_FOOD)
def test_the_food_is_found_under_its_table_name(name: str, state: FoodState | None, same: str) -> None:
    assert matched(name, state, same) == same


BETTER = [
    ("apple", RAW, "Apples, raw, with skin", "Apples, raw, fuji, with skin, imported"),
    ("rice", COOKED, "Rice, white, long-grain, regular, enriched, cooked", "Rice, brown, long-grain, cooked"),
    ("tomato", RAW, "Tomatoes, red, ripe, raw", "Tomatoes, green, raw"),
    ("milk", None, "Milk, whole, 3.25% milkfat", "Milk, goat, fluid, with added vitamin D"),
    ("baked potato", COOKED, "Potatoes, baked, flesh and skin", "Potatoes, boiled, flesh"),
    ("boiled egg", COOKED, "Egg, whole, cooked, hard-boiled", "Egg, whole, cooked, poached"),
    ("egg", None, "Egg, whole, cooked, poached", "Egg, whole, raw, fresh"),
    ("carrots", COOKED, "Carrots, cooked, boiled", "Carrots, raw"),
    ("carrots", RAW, "Carrots, raw", "Carrots, cooked, boiled"),
    ("steamed carrots", None, "Carrots, cooked, boiled", "Carrots, raw"),
    ("raw carrots", None, "Carrots, raw", "Carrots, cooked, boiled"),
    ("salmon", COOKED, "Fish, salmon, Atlantic, farmed, raw", "Fish, salmon, pink, canned, drained solids"),
    ("canned salmon", None, "Fish, salmon, pink, canned", "Fish, salmon, Atlantic, raw"),
    ("pork sausage", COOKED, "Sausage, pork", "Sausage, pork and beef"),
    ("cod", COOKED, "Fish, cod, Atlantic, cooked, dry heat", "Fish, cod, Pacific, cooked"),
    ("grapes", RAW, "Grapes, raw", "Grapes, muscadine, raw"),
    ("onion", RAW, "Red onions, raw", "Onions, spring, raw"),
]


@pytest.mark.parametrize(("name", "state", "better", "worse"), BETTER)
def test_the_plainest_record_in_the_right_state_wins(
    name: str, state: FoodState | None, better: str, worse: str
) -> None:
    assert matched(name, state, worse, better) == better
    assert matched(name, state, better, worse) == better


@pytest.mark.parametrize("state", [COOKED, None])
@pytest.mark.parametrize(
    ("name", "dry"),
    [
        ("pasta", "Pasta, dry, enriched"),
        ("rice", "Rice, white, long-grain, regular, raw, enriched"),
        ("lentils", "Lentils, raw"),
        ("black beans", "Beans, black, mature seeds, raw"),
        ("oats", "Cereals, oats, regular and quick, not fortified, dry"),
    ],
)
def test_a_cooked_swelling_food_never_matches_a_dry_record(
    name: str, dry: str, state: FoodState | None
) -> None:
    assert matched(name, state, dry) is None
    assert matched(name, RAW, dry) == dry


def test_dry_pasta_is_not_found_in_a_cooked_record() -> None:
    assert matched("pasta", RAW, "Pasta, cooked, enriched") is None


def test_branded_pasta_or_pulses_are_dry_by_default() -> None:
    sold = record("PASTA", data_type="Branded", brand="SOMEBODY")
    cooked = record("COOKED PASTA", data_type="Branded", brand="SOMEBODY")
    assert matched("pasta", COOKED, sold) is None
    assert matched("pasta", COOKED, cooked) == "COOKED PASTA"
    assert matched("black beans", COOKED, record("BLACK BEANS", brand="SOMEBODY")) is None
    assert matched("pasta", RAW, sold) == "PASTA"


def test_snap_beans_match_across_the_states() -> None:
    assert matched("green beans", COOKED, "Beans, snap, green, raw") == "Beans, snap, green, raw"


def test_generic_records_go_before_branded_ones() -> None:
    brand = record("GREEK YOGURT", "1", data_type="Branded", brand="SOMEBODY")
    generic = record("Yogurt, Greek, strawberry, lowfat", "2")
    assert matched("greek yogurt", None, brand, generic) == generic.name
    assert matched("greek yogurt", None, brand) == brand.name


@pytest.mark.parametrize(
    "brand",
    [
        record("Ketchup", "1", data_type="Branded", brand=None),
        record("Ketchup", "1", data_type="Branded (local sample)", brand=None),
        product("Ketchup"),
        record("Ketchup", "1", brand="SOMEBODY"),
    ],
)
def test_brand_type_or_source_make_a_record_branded(brand: FoodRecord) -> None:
    generic = record("Ketchup, low sodium", "2")
    match = best_match(food("ketchup"), [brand, generic])
    assert match is not None
    assert match.record == generic


def test_a_food_of_0_kcal_matches_like_any_other() -> None:
    water = record("Beverages, water, tap, municipal", "9", calories=0.0)
    other = record("Beverages, water, tap, with minerals", "1", calories=20.0)
    assert matched("water", None, other, water) == water.name


def test_a_record_whose_energy_is_unknown_comes_last() -> None:
    unknown = record("Butter, salted", "1", calories=None)
    brand = record("BUTTER", "2", data_type="Branded", brand="SOMEBODY")
    assert matched("butter", None, unknown, brand) == "BUTTER"
    assert matched("butter", None, unknown) == "Butter, salted"


def test_ties_go_to_the_better_data_type() -> None:
    offered = [
        record("Hummus", "1", data_type=None),
        record("Hummus", "2", data_type="Survey (FNDDS)"),
        record("Hummus", "3", data_type="SR Legacy (local sample)"),
        record("Hummus", "4", data_type="Foundation"),
    ]
    order = []
    while offered:
        match = best_match(food("hummus"), offered)
        assert match is not None
        order.append(match.record.source_id)
        offered.remove(match.record)
    assert order == ["4", "3", "2", "1"]


def test_the_last_tie_goes_to_the_lowest_number() -> None:
    offered = [record("Honey", "1000"), record("Honey", "999"), record("Honey", "99x9")]
    match = best_match(food("honey"), offered)
    assert match is not None
    assert match.record.source_id == "99x9"
    match = best_match(food("honey"), offered[:2])
    assert match is not None
    assert match.record.source_id == "999"


def test_products_are_matched_by_their_name_and_their_brand() -> None:
    assert matched("Nutella", None, product("Nutella biscuits", "Ferrero"), product("Nutella", "Ferrero"))
    assert matched("nutella", None, product("Nutella biscuits", "Ferrero")) is None
    assert matched("Heinz mustard", None, product("Mustard", "Heinz")) == "Mustard"
    assert matched("mustard", None, product("Heinz Mustard", "Heinz")) == "Heinz Mustard"
    assert matched("Heinz mustard", None, product("Mustard", "Somebody")) is None
    assert matched("coca-cola", None, product("Coca-Cola", "Coca-Cola")) == "Coca-Cola"


@pytest.mark.parametrize("nothing", ["", "  ", "()", ",,", "with", "...", "寿司"])
def test_a_name_without_a_word_matches_nothing(nothing: str) -> None:
    assert matched(nothing, None, "Apples, raw", nothing) is None
    assert matched("apple", None, nothing) is None


def test_a_part_of_joining_words_only_is_passed_over() -> None:
    assert matched("apple", None, "with, apple") is None


def test_the_confidence_falls_with_every_difference() -> None:
    def confidence(name: str, state: FoodState | None, one: FoodRecord) -> float:
        match = best_match(food(name, state), [one])
        assert match is not None
        return match.confidence

    exact = confidence("carrots", RAW, record("Carrots, raw"))
    assert exact == 1.0
    assert confidence("carrots", RAW, record("Carrots")) < exact
    assert confidence("carrots", RAW, record("Carrots, purple, raw")) < exact
    assert confidence("carrots", RAW, product("Carrots, raw")) < exact
    assert confidence("crunchy carrots", RAW, record("Carrots, raw")) < exact
    silent = confidence("carrots", RAW, record("Carrots"))
    assert confidence("carrots", RAW, record("Carrots, cooked")) < silent
    long = "Carrots, " + ", ".join(f"{letter}onsense" for letter in "bcdfghjklmnpqrstvwxz")
    assert confidence("carrots", RAW, record(long)) == 0.2


OFFERED = st.lists(
    st.builds(
        record,
        st.sampled_from(sorted({same for _, _, same in SAME_FOOD} | {other for _, other in LOOK_ALIKES})),
        st.integers(1, 10**6).map(str),
        data_type=st.sampled_from([None, "Foundation", "SR Legacy", "Survey (FNDDS)", "Branded"]),
        brand=st.sampled_from([None, "SOMEBODY"]),
        calories=st.sampled_from([None, 0.0, 52.0]),
    ),
    max_size=12,
)
ASKED = st.builds(
    food, st.sampled_from(sorted({name for name, *_ in SAME_FOOD})), st.sampled_from([None, RAW, COOKED])
)


@given(asked=ASKED, offered=OFFERED, data=st.data())
def test_the_order_of_the_records_does_not_matter(
    asked: RecognizedFood, offered: list[FoodRecord], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(offered))
    first, second = best_match(asked, offered), best_match(asked, shuffled)
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        assert first.confidence == second.confidence
        assert first.record.source_id == second.record.source_id


@given(asked=ASKED, offered=OFFERED)
def test_a_match_does_not_depend_on_other_records(asked: RecognizedFood, offered: list[FoodRecord]) -> None:
    match = best_match(asked, offered)
    if match is None:
        assert all(best_match(asked, [one]) is None for one in offered)
    else:
        assert match.record in offered
        assert 0 < match.confidence <= 1
        assert best_match(asked, [match.record]) == match


@given(name=st.text(max_size=60), other=st.text(max_size=60))
def test_no_text_breaks_the_matching(name: str, other: str) -> None:
    best_match(food(name), [record(other), record(name)])
