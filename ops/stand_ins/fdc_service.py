"""FoodData Central's protocol over the local table: food search and single foods, behind its gateway's key check."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ops.stand_ins.fdc_answers import food_abridged, food_in_full, search_answer
from ops.stand_ins.fdc_search import BadSearch, local_index, search_of_body, search_of_query
from ops.stand_ins.usda_foods import UsdaFood, load_usda_foods

# The real hourly allowance. Nothing is limited here, so all of it always remains.
_ALLOWANCE = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "1000"}


class FdcService:
    """`routes` serve `/foods/search` and `/food/{id}`. Any key is good; a request without one is refused."""

    def __init__(self) -> None:
        self._by_id: dict[str, UsdaFood] = {str(food.fdc_id): food for food in load_usda_foods()}
        self._index = local_index()
        self.routes = [
            Route("/foods/search", self._search, methods=["GET", "POST"]),
            Route("/food/{fdc_id}", self._food, methods=["GET"]),
        ]

    async def _search(self, request: Request) -> JSONResponse:
        if not _has_key(request):
            return _key_missing()
        try:
            if request.method == "POST":
                search = search_of_body(await request.body())
            else:
                search = search_of_query(request.query_params)
        except BadSearch as error:
            return _service_error(request, 400, "Bad Request", f"Invalid request parameter or body: {error}")
        return JSONResponse(search_answer(search, self._index.search(search)), headers=_ALLOWANCE)

    async def _food(self, request: Request) -> JSONResponse:
        if not _has_key(request):
            return _key_missing()
        fdc_id: str = request.path_params["fdc_id"]
        if not fdc_id.isdecimal():
            return _service_error(request, 400, "Bad Request", "Invalid request parameter or body: fdcId")
        food = self._by_id.get(fdc_id)
        if food is None:
            return _service_error(request, 404, "Not Found", f"No food was found for fdcId {fdc_id}")
        abridged = request.query_params.get("format") == "abridged"
        return JSONResponse(food_abridged(food) if abridged else food_in_full(food), headers=_ALLOWANCE)


def _has_key(request: Request) -> bool:
    return bool(request.headers.get("x-api-key") or request.query_params.get("api_key"))


def _key_missing() -> JSONResponse:
    """As the gateway in front of the service says it."""
    message = "No api_key was supplied. Send one in the header X-Api-Key."
    return JSONResponse({"error": {"code": "API_KEY_MISSING", "message": message}}, status_code=403)


def _service_error(request: Request, status: int, error: str, message: str) -> JSONResponse:
    """As the service behind the gateway says it."""
    body = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "status": status,
        "error": error,
        "message": message,
        "path": request.url.path,
    }
    return JSONResponse(body, status_code=status, headers=_ALLOWANCE)
