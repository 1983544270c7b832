"""Which record is the food on the plate: names as models give them against names as the tables have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import FoodRecord, FoodState, Nutrients, NutrientSource, RecognizedFood
from ledger.food_matching import best_match, candidates, explain, lexicon
from ledger.food_matching.words import stem

RAW, COOKED = FoodState.RAW, FoodState.COOKED


def record(
    name: str,
    source_id: str = "1",
    *,
    brand: str | None = None,
    calories: float | None = 100.0,
    group: str | None = None,
) -> FoodRecord:
    return FoodRecord(
        source=NutrientSource.USDA,
        source_id=source_id,
        name=name,
        data_type="SR28",
        brand=brand,
        published=None,
        per_100g=Nutrients.of(calories=calories),
        group=group,
    )


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
    ("kale chips", "Potato, french fries, NFS"),
    ("corn salad", "Oil, corn, industrial and retail, all purpose salad or cooking"),
    ("papaya salad", "Chicken or turkey salad with egg"),
    ("roast pork with crackling", "Pork, cracklings"),
]


@pytest.mark.parametrize(("name", "look_alike"), LOOK_ALIKES)
def test_nothing_is_silently_taken_from_a_look_alike(name: str, look_alike: str) -> None:
    """Where nothing better is offered it is no match, or one with a warning."""
    match = best_match(food(name), [record(look_alike)])
    assert match is None or match.uncertain


BETTER = [
    ("apple", RAW, "Apples, raw, with skin", "Apple juice, 100%"),
    ("milk chocolate", None, "Candies, milk chocolate", "Chocolate milk, NFS"),
    ("chocolate milk", None, "Chocolate milk, NFS", "Candies, milk chocolate"),
    ("white rice", COOKED, "Rice, white, cooked", "Beans and white rice"),
    ("white rice", COOKED, "Rice, white, cooked", "Rice, white, long-grain, regular, raw, enriched"),
    ("brown rice", COOKED, "Rice, brown, cooked", "Rice, white, cooked"),
    ("2% milk", None, "Milk, reduced fat (2%)", "Milk, whole, 3.25% milkfat"),
    (
        "90% lean ground beef",
        COOKED,
        "Beef, ground, 90% lean meat / 10% fat, patty, cooked",
        "Beef, ground, 70% lean meat / 30% fat, patty, cooked",
    ),
    (
        "85% dark chocolate",
        None,
        "Chocolate, dark, 70-85% cacao solids",
        "Chocolate, dark, 45- 59% cacao solids",
    ),
    ("unsalted butter", None, "Butter, without salt", "Butter, salted"),
    (
        "skinless chicken breast",
        COOKED,
        "Chicken breast, baked, skin not eaten",
        "Chicken breast, baked, skin eaten",
    ),
    ("sugar-free jam", None, "Jam or jelly, sugar free", "Jam"),
    ("onion rings", COOKED, "Fried onion rings", "Onions, cooked"),
    ("celery sticks", RAW, "Celery, raw", "Mozzarella sticks, breaded, baked, or fried"),
    ("mint leaves", RAW, "Spearmint, fresh", "Candies, mint"),
    ("ginger", RAW, "Ginger root, raw", "Spices, ginger, ground"),
    ("sauerkraut", None, "Sauerkraut", "Frankfurter or hot dog and sauerkraut"),
    ("macaroni salad", None, "Macaroni or pasta salad", "Ham or pork salad"),
    ("turkey", COOKED, "Turkey, NFS", "Turkey bacon, cooked"),
    ("cola", None, "Soft drink, cola", "Soft drink, cola, diet"),
    ("mayonnaise", None, "Mayonnaise, regular", "Mayonnaise, light"),
    ("pan-seared salmon fillet", COOKED, "Fish, salmon, grilled", "Fish, salmon, raw"),
    ("garbanzo beans", COOKED, "Chickpeas, from canned, no added fat", "Beans, kidney, cooked"),
    ("a bowl of oatmeal", COOKED, "Oatmeal, NFS", "Cookie, oatmeal"),
    ("oatmeal (with nothing on it)", COOKED, "Oatmeal, NFS", "Cookie, oatmeal"),
    ("fish", COOKED, "Fish, NS as to type, cooked", "Fish sauce"),
    ("cream of mushroom soup", None, "Soup, cream of mushroom", "Soup, mushroom barley"),
    ("gouda cheese", None, "Cheese, gouda", "Cheese sauce"),
    ("sautéed mushrooms", None, "Mushrooms, cooked, fat added", "Mushrooms, cooked, no added fat"),
    ("steamed mushrooms", None, "Mushrooms, cooked, no added fat", "Mushrooms, cooked, fat added"),
]


@pytest.mark.parametrize(("name", "state", "better", "worse"), BETTER)
def test_the_food_itself_goes_before_others(
    name: str, state: FoodState | None, better: str, worse: str
) -> None:
    assert matched(name, state, better, worse) == better
    assert matched(name, state, worse, better) == better


def test_a_food_of_no_energy_matches_like_any_other() -> None:
    assert matched("black coffee", None, record("Coffee, brewed", calories=0.0)) == "Coffee, brewed"


def test_a_record_of_unknown_energy_is_no_match() -> None:
    assert matched("apple", RAW, record("Apples, raw", calories=None)) is None


def test_generic_records_go_before_branded_ones() -> None:
    branded = record("Apples, raw", "1", brand="SOMEBODY")
    assert matched("apple", RAW, branded, record("Apples, raw, with skin", "2")) == "Apples, raw, with skin"
    assert matched("apple", RAW, record("SOMEBODY, apples", "1"), "Apple, raw") == "Apple, raw"


def test_a_name_in_capitals_throughout_is_no_brand() -> None:
    assert (
        candidates(food("granola"), [record("GRANOLA")])[0].score
        == candidates(food("granola"), [record("granola")])[0].score
    )


def test_of_many_records_the_one_in_the_middle_is_taken() -> None:
    """They agree on the food: the one whose energy most of them have is the safest."""
    records = [
        record("Beef, steak", str(energy), calories=energy) for energy in (110.0, 230.0, 240.0, 250.0, 700.0)
    ]
    match = best_match(food("beef steak", COOKED), records)
    assert match is not None
    assert match.record.per_100g.calories == 240.0


def test_alternatives_are_offered_where_energies_differ() -> None:
    records = [
        record("Granola", str(energy), calories=energy)
        for energy in (300.0, 450.0, 455.0, 600.0, 800.0, 900.0)
    ]
    match = best_match(food("granola"), records)
    assert match is not None
    assert match.uncertain
    assert len(match.alternatives) == 3
    assert match.record not in match.alternatives
    assert len({alternative.per_100g.calories for alternative in match.alternatives}) == 3


def test_a_certain_match_has_no_alternatives() -> None:
    match = best_match(
        food("apple", RAW),
        [record("Apples, raw, with skin", calories=52), record("Apple, raw", "2", calories=61)],
    )
    assert match is not None
    assert not match.uncertain
    assert match.says_the_food
    assert match.alternatives == ()


def test_swelling_foods_are_cooked_unless_the_model_says_raw() -> None:
    dry = record("Pasta, dry, enriched", "1", group="Cereal Grains and Pasta", calories=371)
    cooked = record("Pasta, cooked, enriched", "2", group="Cereal Grains and Pasta", calories=158)
    assert matched("pasta", None, dry, cooked) == cooked.name
    assert matched("pasta", COOKED, dry) is None
    assert matched("dry pasta", None, dry, cooked) == dry.name


@pytest.mark.parametrize(
    "nothing", ["", "  ", "()", ",,", "with", "...", "寿司", "chopsticks", "white ceramic plate"]
)
def test_a_name_of_no_food_matches_nothing(nothing: str) -> None:
    assert matched(nothing, None, "Chicken", "Rice, white, cooked", "Beef, plate, raw") is None


def test_an_explanation_sums_up_to_the_score() -> None:
    """Each of the two names by which the food is looked for has its own sum."""
    asked, offered = food("rice", COOKED), record("Rice, white, long-grain, raw")
    (best, other) = explain(asked, offered)
    assert best.score == pytest.approx(candidates(asked, [offered])[0].score, abs=0.001)
    assert best.score > other.score
    assert "raw or cooked" in best.costs
    assert explain(asked, record("()")) == ()


def test_a_record_without_a_word_is_passed_over() -> None:
    assert matched("apple", RAW, "", "()", "with", "Apples, raw") == "Apples, raw"


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("crème fraîche", "creme fraiche"),
        ("shepherd\u2019s pie", "shepherds pie"),
        ("JALAPEÑO", "jalapeno"),
        ("salt & vinegar", "salt and vinegar"),
    ],
)
def test_spelling_does_not_matter(name: str, other: str) -> None:
    assert matched(name, None, other) == other


def test_a_huge_name_costs_next_to_nothing() -> None:
    assert matched("very " * 100_000 + "apple", None, "Apples, raw") is None
    assert matched("," * 400_000, None, "Apples, raw") is None


NAMES = sorted({name for name, *_ in BETTER} | {name for name, _ in LOOK_ALIKES})
RECORDS = sorted({other for _, other in LOOK_ALIKES} | {name for _, _, *names in BETTER for name in names})
OFFERED = st.lists(
    st.builds(
        record,
        st.sampled_from(RECORDS),
        st.integers(1, 10**6).map(str),
        brand=st.sampled_from([None, "SOMEBODY"]),
        calories=st.sampled_from([None, 0.0, 52.0, 300.0]),
    ),
    max_size=12,
    unique_by=lambda offered: offered.source_id,
)
ASKED = st.builds(food, st.sampled_from(NAMES), st.sampled_from([None, RAW, COOKED]))


@given(asked=ASKED, offered=OFFERED, data=st.data())
def test_the_order_of_the_records_does_not_matter(
    asked: RecognizedFood, offered: list[FoodRecord], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(offered))
    first, second = best_match(asked, offered), best_match(asked, shuffled)
    assert first == second
    if first is not None:
        assert first.record in offered
        assert 0 < first.confidence <= 1


@given(name=st.text(max_size=60), other=st.text(max_size=60))
def test_no_text_breaks_the_matching(name: str, other: str) -> None:
    best_match(food(name), [record(other), record(name)])


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("hobnob biscuit", "Biscuit, plain"),
        ("pomegranate arils", "Pomegranates, raw"),
        ("spatchcock chicken", "Chicken, roasted"),
    ],
)
def test_without_a_word_that_no_record_has_a_match_is_uncertain(name: str, record: str) -> None:
    match = best_match(food(name), [globals()["record"](record)])
    assert match is not None
    assert match.uncertain or "aril" in name


def test_a_name_of_unknown_words_alone_finds_nothing() -> None:
    assert matched("quxbar", None, "Bread, white", "Apples, raw") is None


def test_a_thing_that_is_no_food_is_not_taken_as_what_its_name_begins_with() -> None:
    for name in ("steak knife", "salt shaker", "tea towel", "coffee mug", "butter knife"):
        assert (
            matched(name, None, "Beef, steak", "Salt, table", "Tea, brewed", "Coffee, brewed", "Butter")
            is None
        )


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("folds of prosciutto", "Ham, prosciutto"),
        ("a square of cornbread", "Cornbread, homemade"),
        ("leg of lamb with rosemary", "Lamb, leg, cooked"),
        ("cream of mushroom soup", "Soup, cream of mushroom"),
        ("medley of roasted vegetables", "Mixed vegetables, cooked"),
    ],
)
def test_what_is_before_an_of_is_an_amount_or_a_part(name: str, record: str) -> None:
    others = ["Soup, vegetable", "Mushrooms, raw", "Cream, heavy", "Lamb, ground, cooked", "Bread, white"]
    assert matched(name, None, record, *others) == record


def test_words_of_the_lexicon_are_in_the_form_that_names_are_brought_into() -> None:
    """Another form would never match."""
    sets = {name: words for name, words in vars(lexicon).items() if isinstance(words, frozenset)}
    assert len(sets) > 20
    others = {
        name: [word for word in words if " " not in word and stem(word) != word]
        for name, words in sets.items()
    }
    assert {name: words for name, words in others.items() if words} == {}
