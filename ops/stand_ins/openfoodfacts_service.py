"""OpenFoodFacts' protocol over the local table: product by barcode (v2) and search by name (v1)."""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ops.stand_ins.packaged_foods import Json, PackagedFood, load_packaged_foods, product_document
from ops.stand_ins.stemming import stems

_DEFAULT_PAGE_SIZE = 24
_MAX_PAGE_SIZE = 100


class OpenFoodFactsService:
    """`routes` serve `/api/v2/product/{code}` and `/cgi/search.pl`. No key, no limit."""

    def __init__(self) -> None:
        products = load_packaged_foods()
        self._by_code = {product.code: product for product in products}
        self._by_words = [
            (frozenset(stems(f"{product.name} {product.brands}")), product) for product in products
        ]
        self.routes = [
            Route("/api/v2/product/{code}", self._product, methods=["GET"]),
            Route("/cgi/search.pl", self._search, methods=["GET"]),
        ]

    async def _product(self, request: Request) -> JSONResponse:
        code = normalized_code(request.path_params["code"].removesuffix(".json"))
        product = self._by_code.get(code)
        if product is None:
            missing = {"code": code, "status": 0, "status_verbose": "product not found"}
            return JSONResponse(missing, status_code=404)
        document = _only(request.query_params.get("fields"), product_document(product))
        return JSONResponse(
            {"code": code, "product": document, "status": 1, "status_verbose": "product found"}
        )

    async def _search(self, request: Request) -> JSONResponse:
        asked = request.query_params
        if asked.get("json") not in ("1", "true"):
            return JSONResponse(
                {"error": "the local search answers in JSON only: send json=1"}, status_code=400
            )
        size, page = asked.get("page_size", str(_DEFAULT_PAGE_SIZE)), asked.get("page", "1")
        if not (
            size.isdecimal() and page.isdecimal() and 1 <= int(size) <= _MAX_PAGE_SIZE and int(page) >= 1
        ):
            message = f"page_size must lie between 1 and {_MAX_PAGE_SIZE}, page must be 1 or more"
            return JSONResponse({"error": message}, status_code=400)
        found = list(self._find(asked.get("search_terms", "")))
        skip = int(size) * (int(page) - 1)
        shown = found[skip : skip + int(size)]
        return JSONResponse(
            {
                "count": len(found),
                "page": int(page),
                "page_count": len(shown),
                "page_size": int(size),
                "skip": skip,
                "products": [_only(asked.get("fields"), product_document(product)) for product in shown],
            }
        )

    def _find(self, terms: str) -> Iterable[PackagedFood]:
        """The products whose name and brand have every word of the terms; none when there is no word."""
        wanted = set(stems(terms))
        return (product for words, product in self._by_words if wanted and wanted <= words)


def normalized_code(code: str) -> str:
    """A barcode in the form that products are kept under: 13 digits, or 8 for short ones.

    Leading zeros go, then 7 digits or fewer are filled up to 8 and 9 to 12 up to 13. Not digits: as it is.
    """
    if not code.isdecimal():
        return code
    digits = code.lstrip("0")
    if len(digits) <= 8:
        return digits.zfill(8)
    return digits.zfill(13)


def _only(fields: str | None, document: Json) -> Json:
    """The asked fields that the document has; `nutriments.salt_100g` asks for one of the nutriments."""
    if not fields:
        return document
    found: Json = {}
    for field in filter(None, (part.strip() for part in fields.split(","))):
        name, _, inner = field.partition(".")
        value = document.get(name)
        if not inner and name in document:
            found[name] = value
        elif inner and isinstance(value, dict) and inner in value:
            earlier = found.get(name)
            found[name] = (earlier if isinstance(earlier, dict) else {}) | {inner: value[inner]}
    return found
