"""Sodium against salt, and against what pure salt holds."""

from ledger.plausibility.source import same

MOST_SODIUM_MG = 39_000.0
"""Pure salt holds 38,758 mg of sodium in 100 g."""

SALT_PER_SODIUM = 2.5
"""The salt that labels declare is 2.5 times the sodium (Regulation (EU) 1169/2011, annex I)."""

# Between a number and its copy in the wrong unit lie 1,000, or 400 where the salt was copied as sodium.
_LEAST_UNIT_SLIP = 100.0

# 10 g of salt: few foods hold more, and a number in mg that was typed as g is almost always over it.
_USUAL_MG = 4_000.0

_SAME_SHARE, _SAME_MG = 0.15, 25.0


def sodium_of_salt(salt: float | None) -> float | None:
    """The sodium in mg of `salt` in g."""
    return None if salt is None else salt / SALT_PER_SODIUM * 1000


def possible_sodium(sodium: float | None, salt: float | None) -> tuple[float | None, str | None]:
    """The sodium in mg, from mg of sodium and g of salt, and the reason where it is not the one that was given.

    Where a slip of units lies between the two, the greater is meant unless it is too much for a food: what is
    typed in mg for g is small. Of two that contradict each other otherwise neither is known.
    """
    by_salt = sodium_of_salt(salt)
    if (
        sodium is not None
        and by_salt is not None
        and not same(sodium, by_salt, share=_SAME_SHARE, slack=_SAME_MG)
    ):
        return _of_two(min(sodium, by_salt), max(sodium, by_salt))
    value = by_salt if sodium is None else sodium
    if value is None or value <= MOST_SODIUM_MG:
        return value, None
    return None, f"{value:.0f} mg of sodium in 100 g cannot be: the sodium is unknown"


def _of_two(less: float, more: float) -> tuple[float | None, str]:
    reason = "sodium and salt contradict each other"
    if less * _LEAST_UNIT_SLIP <= more and 0 < less <= MOST_SODIUM_MG:
        if more <= _USUAL_MG:
            return more, f"{reason}: {more:.0f} mg of sodium were taken"
        if more > MOST_SODIUM_MG:
            return less, f"{reason}: {less:.0f} mg of sodium were taken"
    return None, f"{reason}: the sodium is unknown"
