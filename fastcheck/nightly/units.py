"""Times and sizes as people write them: ``"90s"``, ``"2h"``, ``"500 MB"``."""

from __future__ import annotations

import math
import re
from typing import Final

__all__ = ["DURATION", "SIZE", "bytes_in", "duration", "seconds_in"]

SECONDS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
BYTES: Final = {
    unit: factor**power
    for factor, units in (
        (1000, ("B", "kB", "MB", "GB", "TB")), (1024, ("B", "KiB", "MiB", "GiB", "TiB"))
    )
    for power, unit in enumerate(units)
}  # fmt: skip
DURATION: Final = 'a time such as 90, "90s", "5m", "1h30m" or "2h"'
SIZE: Final = 'a size such as "500MB", "2GB" or "2GiB"'


def seconds_in(value: object) -> float:
    """Return the seconds that a number or text means.

    Raises
    ------
    ValueError
        If it means no positive, finite time.

    Examples
    --------
    >>> seconds_in(90), seconds_in("90s"), seconds_in("1h30m"), seconds_in("1.5 h")
    (90.0, 90.0, 5400.0, 5400.0)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(value)
    if isinstance(value, str):
        text = value.replace(" ", "")
        parts = re.findall(r"(\d+\.?\d*|\.\d+)([a-z]*)", text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            raise ValueError(value)
        if len(parts) > 1 and "" in [unit for _, unit in parts]:
            raise ValueError(value)
        if any(unit not in SECONDS for _, unit in parts):
            raise ValueError(value)
        value = sum(float(number) * SECONDS[unit] for number, unit in parts)
    if not 0.0 < value < math.inf:
        raise ValueError(value)
    return float(value)


def bytes_in(value: object) -> int:
    """Return the bytes that a number or text means.

    Raises
    ------
    ValueError
        If it means no size of a byte or more.

    Examples
    --------
    >>> bytes_in("2GB"), bytes_in("1.5 KiB"), bytes_in(4096)
    (2000000000, 1536, 4096)
    """
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+\.?\d*)\s*([A-Za-z]+)\s*", value)
        units = {unit.lower(): size for unit, size in BYTES.items()}
        if found is None or found[2].lower() not in units:
            raise ValueError(value)
        value = int(float(found[1]) * units[found[2].lower()])
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(value)
    return value


def duration(seconds: float) -> str:
    """Return a time in the largest units that leave it readable.

    Examples
    --------
    >>> duration(0.25), duration(12.34), duration(90), duration(7200), duration(5400)
    ('0.25 s', '12 s', '1 min 30 s', '2 h', '1 h 30 min')
    """
    if seconds < 59.5:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else left, "s")]
    return " ".join(f"{n} {unit}" for n, unit in parts if n)
