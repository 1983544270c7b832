"""The queries as plain data."""

import pytest

from projections import MAX_PAGE, HistoryQuery


@pytest.mark.parametrize("first", [0, -1, MAX_PAGE + 1])
def test_a_page_has_bounds(first: int) -> None:
    with pytest.raises(ValueError, match="1 to 100"):
        HistoryQuery(first=first)


@pytest.mark.parametrize("first", [1, MAX_PAGE])
def test_the_bounds_belong_to_a_page(first: int) -> None:
    assert HistoryQuery(first=first).after is None
