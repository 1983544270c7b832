"""Small HTTP servers that stand in for OpenAI, FoodData Central and OpenFoodFacts under `make run`, and only there."""
