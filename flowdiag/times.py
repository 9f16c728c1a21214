"""Unix seconds, times and how they are told: always in UTC, to the second."""

from __future__ import annotations

from datetime import UTC, datetime


def second_of(moment: datetime) -> int:
    """A time as a Unix second."""
    return int(moment.timestamp())


def moment_of(second: int) -> datetime | None:
    """The time of a Unix second; None for one that no calendar holds."""
    try:
        return datetime.fromtimestamp(second, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def shown(moment: datetime | None, unknown: str = "a time not logged") -> str:
    """A time as every sentence gives it, or what stands for one that is not known; one without a zone is in UTC."""
    if moment is None:
        return unknown
    return f"{moment.astimezone(UTC) if moment.tzinfo else moment:%Y-%m-%dT%H:%M:%SZ}"


def second_told(text: str) -> int | None:
    """The Unix second of a time as Insights writes it: `2026-11-23 12:04:31.000` in UTC, or milliseconds; None for neither."""
    try:
        number: float | None = float(text)
    except ValueError:
        number = None
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() if number is None else number // 1000)
    except (ValueError, OverflowError):
        return None
