"""Print how well foods are matched: python -m tests.foods [LIST.csv]"""

import sys
from pathlib import Path

from adapters.food_table import FoodTable
from tests.foods.evaluation import FURTHER, LABELLED, judge, labelled_foods, report

table = FoodTable()
for path in map(Path, sys.argv[1:] or (LABELLED, *FURTHER)):
    print(f"{path.name}:")  # noqa: T201 - a report for people
    for line in report([judge(table, food) for food in labelled_foods(path)]):
        print(line)  # noqa: T201
