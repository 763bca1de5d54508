"""Plain tables for the terminal."""

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns aligned: words to the left, numbers to the right.

    >>> print(table(["split", "items"], [["train", 54000], ["dev", 359]]))
    split   items
    train  54 000
    dev       359
    """
    columns = [_column([row[i] for row in rows]) for i in range(len(header))]
    cells = list(zip(*columns, strict=True))
    is_number = [all(isinstance(row[i], int | float) or row[i] is None for row in rows) for i in range(len(header))]
    widths = [max([len(header[i]), *(len(row[i]) for row in cells)]) for i in range(len(header))]
    lines = []
    for row in [list(header), *cells]:
        aligned = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, is_number, strict=True)
        ]
        lines.append("  ".join(aligned).rstrip())
    return "\n".join(lines)


def _text(value: object, *, has_large: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or has_large:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.4g}"


def _column(values: Sequence[object]) -> list[str]:
    """One way of writing for a whole column: no decimals where it has large numbers."""
    has_large = any(isinstance(value, float) and abs(value) >= 1e4 for value in values)
    return [_text(value, has_large=has_large) for value in values]
