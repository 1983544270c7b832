"""Print how well foods are matched: python -m tests.foods [LIST.csv]"""

import sys
from pathlib import Path

from adapters.food_table import FoodTable
from tests.foods.evaluation import LABELLED, judge, labelled_foods, report

table = FoodTable()
foods = labelled_foods(Path(sys.argv[1]) if len(sys.argv) > 1 else LABELLED)
for line in report([judge(table, food) for food in foods]):
    print(line)  # noqa: T201 - a report for people
