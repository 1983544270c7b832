"""What a model's answer cost, by a dated table of prices that the operator keeps."""

import re
from collections.abc import Mapping

from msgspec import Struct

from ledger import TokenUsage

_DATED = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")
_ORDINARY_TIERS = (None, "auto", "default")


class Rates(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prices per million tokens: of input, of input read from the cache, of input written to it, of output."""

    input: float
    cached: float
    written: float
    output: float


class PriceTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rates by model. `version` names the table, by its date at best; `currency` is an ISO 4217 code.

    A model is looked up as it named itself, then without the date at its end. Another service tier than the default
    has entries of its own, as "model@flex".
    """

    version: str
    currency: str
    models: Mapping[str, Rates]

    def has(self, model: str) -> bool:
        """Whether a call of the model in its default tier has a price."""
        return self._rates(model, None) is not None

    def cost(self, model: str, service_tier: str | None, tokens: TokenUsage) -> float | None:
        """The cost in `currency`, to nine decimals; None where the model's price or the tokens are not known.

        (input - cached - written) * input rate + cached * cached rate + written * written rate + output *
        output rate. Cached and written tokens are part of the input; unreported, they are charged as plain input.
        """
        rates = self._rates(model, service_tier)
        if rates is None or tokens.input is None or tokens.output is None:
            return None
        cached, written = tokens.cached or 0, tokens.written or 0
        plain = max(0, tokens.input - cached - written)
        spent = plain * rates.input + cached * rates.cached + written * rates.written
        return round((spent + tokens.output * rates.output) / 1_000_000, 9)

    def _rates(self, model: str, service_tier: str | None) -> Rates | None:
        tier = "" if service_tier in _ORDINARY_TIERS else f"@{service_tier}"
        return self.models.get(model + tier) or self.models.get(_DATED.sub("", model) + tier)
