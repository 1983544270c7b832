"""Of records with one name one stays: the newest version, the brand asked for, the one nearest the median energy."""

from ledger import FoodRecord, Nutrients, NutrientSource, without_alike


def record(
    calories: float | None, *, name: str = "A bar", brand: str | None = None, published: str | None = None
) -> FoodRecord:
    return FoodRecord(
        source=NutrientSource.OPENFOODFACTS,
        source_id=f"{calories}",
        name=name,
        data_type=None,
        brand=brand,
        published=published,
        per_100g=Nutrients.of(calories=calories, fat=1),
    )


def kept(*records: FoodRecord, asked: str = "bar") -> list[float | None]:
    return [one.per_100g.calories for one in without_alike(records, asked)]


def test_the_newest_version_of_a_product_stays() -> None:
    older, newer = record(380, published="2019-03-01"), record(460, name="a  BAR", published="2025-03-01")
    assert kept(older, newer) == kept(newer, older) == [460]


def test_a_version_without_energy_does_not_replace_one_with() -> None:
    assert kept(record(380, published="2019-03-01"), record(None, published="2025-03-01")) == [380]


def test_records_of_other_names_stay_in_their_order() -> None:
    assert kept(record(100), record(200, name="Another bar"), record(300, name="Third")) == [100, 200, 300]


def test_of_two_brands_the_newer_one_stays() -> None:
    one, other = record(300, brand="A", published="2021"), record(500, brand="B", published="2020")
    assert kept(one, other) == [300]


def test_of_many_brands_the_one_nearest_their_median_stays() -> None:
    brands = [record(energy, brand=f"Mill {energy}") for energy in (900, 450, 40, 470)]
    assert kept(*brands, record(None, brand="Other")) == [450]


def test_the_versions_of_one_brand_do_not_move_the_median() -> None:
    versions = [record(40, brand="A", published=f"20{year}") for year in range(10, 20)]
    assert kept(*versions, record(450, brand="B"), record(470, brand="C")) == [450]


def test_the_brand_that_was_asked_for_goes_first() -> None:
    brands = [record(energy, brand=f"Mill {energy}") for energy in (300, 450, 470)]
    assert kept(*brands, asked="MILL 300  bar") == [300]
