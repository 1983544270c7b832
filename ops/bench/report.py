"""The table."""

from collections.abc import Iterator, Sequence

from ops.bench.figures import Row
from ops.bench.stores import StoreName

_PEERS: tuple[tuple[StoreName, str], ...] = (
    ("driver", "bare driver"),
    ("sqlite", "SQLite"),
    ("postgres", "PostgreSQL"),
    ("umadb", "UmaDB"),
)
_HEAD = (
    "", "unit", "this store", *(title for _, title in _PEERS), *(f"by {title}" for _, title in _PEERS), "goal",
)  # fmt: skip


def table(rows: Sequence[Row | str]) -> Iterator[str]:
    """Lines of the table; a string among the rows is a heading."""
    cells = [_HEAD, *(_cells(row) for row in rows if isinstance(row, Row))]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    yield _line(_HEAD, widths)
    yield "-" * (sum(widths) + 2 * (len(widths) - 1))
    for row in rows:
        yield _line(_cells(row), widths) if isinstance(row, Row) else f"{row}:"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"  {row.what}",
        row.unit,
        row.figure("store"),
        *(row.figure(name) for name, _ in _PEERS),
        *(row.ratio(name) for name, _ in _PEERS),
        row.goal,
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, unit, *figures, goal = (
        cell.ljust(width) if column in {0, 1, len(cells) - 1} else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join((first, unit, *figures, goal)).rstrip()
