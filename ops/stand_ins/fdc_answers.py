"""The shapes in which FoodData Central answers: search result, food in full, food abridged."""

from collections.abc import Sequence

from ops.stand_ins.fdc_search import FoodSearch, Hit
from ops.stand_ins.food_data import LOCAL_LABEL
from ops.stand_ins.usda_foods import DataType, UsdaFood
from ops.stand_ins.usda_nutrients import Nutrient

Json = dict[str, object]

_LOCAL_ID_NOTE = "The fdcId is the local environment's own: USDA's for this food is not known here."


def search_answer(search: FoodSearch, hits: Sequence[Hit]) -> Json:
    """One page of hits, with the counts over all of them."""
    pages = -(-len(hits) // search.page_size)
    first = (search.page_number - 1) * search.page_size
    return {
        "totalHits": len(hits),
        "currentPage": search.page_number,
        "totalPages": pages,
        "pageList": list(range(1, min(pages, 10) + 1)),
        "foodSearchCriteria": {
            "query": search.query,
            "dataType": [str(data_type) for data_type in search.data_types],
            "pageNumber": search.page_number,
            "pageSize": search.page_size,
            "requireAllWords": search.require_all_words,
        },
        "foods": [_search_row(hit) for hit in hits[first : first + search.page_size]],
        "aggregations": {"dataType": _count_by_type(hits), "nutrients": {}},
    }


def _count_by_type(hits: Sequence[Hit]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for hit in hits:
        counts[hit.food.data_type] = counts.get(hit.food.data_type, 0) + 1
    return counts


def labelled(data_type: str) -> str:
    """The kind of record, saying that it comes from the local table: clients keep it as the food's provenance."""
    return f"{data_type} {LOCAL_LABEL}"


def _search_row(hit: Hit) -> Json:
    food = hit.food
    row: Json = {
        "fdcId": food.fdc_id,
        "description": food.description,
        "lowercaseDescription": food.description.lower(),
        "dataType": labelled(food.data_type),
        "foodCategory": food.category,
        "allHighlightFields": "",
        "score": hit.score,
        "foodNutrients": _search_nutrients(food),
        "foodMeasures": [],
        "foodAttributes": _attributes(food),
    }
    return row | _names(food) | _serving(food)


def _names(food: UsdaFood) -> Json:
    """What searches say of a food beside its description, as far as its data type has it."""
    if food.data_type is DataType.BRANDED:
        return {"brandOwner": food.brand_owner} if food.brand_owner else {}
    names: Json = {"commonNames": food.common_names, "scientificName": food.scientific_name}
    return names | ({"ndbNumber": int(food.ndb_number)} if food.ndb_number else {})


def _search_nutrients(food: UsdaFood) -> list[Json]:
    """Rows as searches have them. An unknown amount has a row without `value`, for brands no row at all."""
    found: list[Json] = []
    for nutrient, amount in food.amounts.items():
        if amount is None and food.data_type is DataType.BRANDED:
            continue
        row: Json = {
            "nutrientId": nutrient.id,
            "nutrientName": nutrient.name,
            "nutrientNumber": nutrient.number,
            "unitName": nutrient.unit,
            "rank": nutrient.rank,
            "indentLevel": 1,
            "foodNutrientId": _row_id(food, nutrient),
        }
        found.append(row if amount is None else row | {"value": amount})
    return found


def food_in_full(food: UsdaFood) -> Json:
    """Everything known of a food; a nutrient that is not known has a row without `amount`."""
    nutrients: list[Json] = []
    for nutrient, amount in food.amounts.items():
        row: Json = {
            "type": "FoodNutrient",
            "id": _row_id(food, nutrient),
            "nutrient": {
                "id": nutrient.id,
                "number": nutrient.number,
                "name": nutrient.name,
                "rank": nutrient.rank,
                "unitName": _detail_unit(nutrient),
            },
        }
        nutrients.append(row if amount is None else row | {"amount": amount})
    answer: Json = {
        "fdcId": food.fdc_id,
        "description": food.description,
        "dataType": labelled(food.data_type),
        "foodClass": "Branded" if food.data_type is DataType.BRANDED else "FinalFood",
        "foodNutrients": nutrients,
        "foodAttributes": _attributes(food),
        "foodPortions": [],
    }
    if food.data_type is DataType.BRANDED:
        answer |= {"brandedFoodCategory": food.category, "labelNutrients": _label(food)}
    else:
        answer["foodCategory"] = {"description": food.category}
    if food.ndb_number:
        answer["ndbNumber"] = int(food.ndb_number)
    return answer | _serving(food)


def food_abridged(food: UsdaFood) -> Json:
    """A food with its known nutrients by number."""
    nutrients = [
        {"number": nutrient.number, "name": nutrient.name, "amount": amount, "unitName": nutrient.unit}
        for nutrient, amount in food.amounts.items()
        if amount is not None
    ]
    return {
        "fdcId": food.fdc_id,
        "description": food.description,
        "dataType": labelled(food.data_type),
        "foodNutrients": nutrients,
    }


def _detail_unit(nutrient: Nutrient) -> str:
    return nutrient.unit if nutrient.unit == "kJ" else nutrient.unit.lower()


def _label(food: UsdaFood) -> Json:
    """The label of a brand is per serving, where `foodNutrients` are per 100 g."""
    energy = next((value for key, value in food.amounts.items() if key.number == "208"), None)
    if energy is None or food.serving_g is None:
        return {}
    return {"calories": {"value": round(energy * food.serving_g / 100, 1)}}


def _serving(food: UsdaFood) -> Json:
    return {} if food.serving_g is None else {"servingSize": food.serving_g, "servingSizeUnit": "g"}


def _attributes(food: UsdaFood) -> list[Json]:
    return [{"name": "Local environment", "value": _LOCAL_ID_NOTE}] if food.has_local_id else []


def _row_id(food: UsdaFood, nutrient: Nutrient) -> int:
    """An id of the row itself, which is not the nutrient's."""
    return food.fdc_id * 10_000 + nutrient.id
