"""The columns of a Parquet file in polars' terms: which rows are sought, which are alike, and how each is written as a line.

polars comes as an argument, for it is imported only where there is Parquet to read.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Mapping
from functools import reduce
from typing import Any

from flowdiag.logs import SHORTEST_INTERVAL, Sought, Window
from flowdiag.logs._needle import needles
from flowdiag.logs.lines import SILENT, by_interface
from flowdiag.logs.record import ADDRESSES, HIGHEST, LATEST_SECOND, LOWEST, NUMBERS, SHAPES, Layout, canonical
from flowdiag.model import Address

ENDS = ("srcaddr", "dstaddr")
WORDS = ("interface-id", "action", "log-status")
"""Fields that hold words; rows that are counted together share them."""
_GIVEN = dict.fromkeys(("start", "end"), ", in Unix seconds")
_TELLING = frozenset((*ADDRESSES, *WORDS, "start", "end"))


class Columns:
    """The columns of one file. All but `unfit` gives expressions for polars to evaluate."""

    def __init__(self, pl: Any, schema: Mapping[str, Any], sought: Sought) -> None:
        self._pl, self.sought = pl, sought
        self._types = {canonical(column): kind for column, kind in schema.items()}
        self._columns = {canonical(column): column for column in schema}
        self.layout = Layout(tuple(self._columns))

    def unfit(self) -> str:
        """Why the columns are not those of a flow log; empty where they are."""
        if not self.layout.known:
            return f"has no column of a flow log, but {', '.join(self._columns.values()) or 'none at all'}"
        for field, kind in self._types.items():
            wanted = "a number" if field in NUMBERS else "text" if field in (*ADDRESSES, *WORDS) else ""
            fits = (self._pl.String, self._pl.Categorical, self._pl.Enum, self._pl.Null)
            if wanted and kind not in fits and not (wanted == "a number" and kind.is_numeric()):
                way_out = f"save it as AWS gives it{_GIVEN.get(field, '')}"
                return f"has a column {self._columns[field]} of type {kind}, which is not {wanted}: {way_out}"
        return ""

    # ------------------------------------------------------------ which rows

    def wanted(self) -> Any:
        """Rows to look at: those of the interfaces, or that name an address where that is enough; None where no row can.

        Only as far as they may lie in the window.
        """
        rows = self._of_interfaces() if self._by_interface else self.named()
        return None if rows is None else rows & self._timely(self.sought.window)

    def _of_interfaces(self) -> Any:
        """Rows of the interfaces, or of regional NAT gateways, which have none and are told by resource-id."""
        rows = self._among("interface-id", self.sought.interfaces)
        return rows | self._among("resource-id", self._gateways) if self._gateways else rows

    @property
    def _gateways(self) -> list[str]:
        """The regional NAT gateways sought, where the columns tell of them."""
        return [one for one in self.sought.interfaces if one.startswith("nat-") and self._present(("resource-id",))]

    def named(self, wanted: frozenset[Address] | None = None) -> Any:
        """Rows that name one of these addresses, by default all that are sought, and perhaps others of IPv6; None where
        no row can."""
        addresses = self.sought.addresses if wanted is None else wanted
        exact = [str(one) for one in addresses if one.version == 4]
        spelt = [needle.decode() for needle in needles(one for one in addresses if one.version == 6)]
        found = [self._among(field, exact) for field in self._present(ADDRESSES) if exact]
        found += [self.text(field).str.contains(text, literal=True) for field in self._present(ADDRESSES) for text in spelt]
        return reduce(operator.or_, found) if found else None

    def acted(self, action: str, within: bool) -> Any:
        """Rows of this action; `within`: only as far as they may lie in the window."""
        rows = self.text("action") == action
        return rows & self._timely(self.sought.window) if within else rows

    @property
    def _by_interface(self) -> bool:
        return by_interface(self.layout, self.sought)

    def _among(self, field: str, texts: Iterable[str]) -> Any:
        return self.text(field).is_in(sorted(texts))

    def _present(self, fields: Iterable[str]) -> list[str]:
        return [field for field in fields if field in self._columns]

    def _timely(self, window: Window) -> Any:
        """Whether a row may lie in the window, in terms that the statistics of a row group can answer."""
        times = [self._second(field) for field in self._present(("start", "end"))]
        first, last = window.seconds
        bounds = [self._pl.lit(True)]
        if times and first is not None:
            bounds.append(reduce(operator.or_, (time >= first for time in times)))
        if times and last is not None:
            bounds.append(reduce(operator.or_, ((time <= last) | (time > LATEST_SECOND) for time in times)))
        return reduce(operator.and_, bounds)

    # ------------------------------------------------------------ rows that are alike

    def telling(self) -> tuple[str, ...]:
        """The columns that tell whether a row is plain but for numbers out of their range, which `odd` finds; none where that
        is all of the columns."""
        texts = {field for field in SHAPES if field in self._columns and not self._types[field].is_integer()}
        fields = [field for field in self._columns if field in _TELLING | texts]
        return tuple(self._columns[field] for field in fields) if len(fields) < len(self._columns) else ()

    def others(self) -> tuple[str, ...]:
        """The columns that are not `telling`."""
        return tuple(column for column in self._columns.values() if column not in self.telling())

    def odd(self) -> Any:
        """Wanted rows with a number out of its range that is not `telling`, in terms that the statistics of a row group can
        answer; None where there can be none."""
        wanted, unread = self.wanted(), [field for field in map(canonical, self.others()) if field in SHAPES]
        out = [bound for field in unread for bound in self._out_of_range(field)]
        return wanted & reduce(operator.or_, out) if out and wanted is not None else None

    def plain(self, among: Collection[str] = ()) -> Any:
        """Rows that only tell that there was a line of their interface: well-formed, of other addresses, within the window.

        They are counted together. None where a row has to be looked at to know. `among` are the columns at hand, if not all.
        """
        if (
            not self._by_interface
            or self._present(("resource-id",))
            or not {*ENDS, "start", "end", *WORDS} <= self._columns.keys()
        ):
            return None
        start, end, window = self._second("start"), self._second("end"), self.sought.window
        shaped = [field for field in self._present(SHAPES) if not among or self._columns[field] in among]
        parts = [start <= end, end <= LATEST_SECOND, *map(self._fits, shaped)]
        parts += [start >= window.start.timestamp()] if window.start else []
        parts += [end <= window.end.timestamp()] if window.end else []
        return reduce(operator.and_, [*parts, self._of_others()]).fill_null(False)

    def _of_others(self) -> Any:
        """Rows of the interfaces that are no traffic, or traffic whose two ends are known and not those sought there."""
        among: dict[frozenset[Address], list[str]] = {}
        for interface in self.sought.interfaces:
            among.setdefault(self.sought.named_by(interface), []).append(interface)
        named = {wanted: self.named(wanted) for wanted in among}
        concerned = [self._among("interface-id", among[wanted]) & rows for wanted, rows in named.items() if rows is not None]
        silent = self._among("log-status", SILENT).fill_null(False)
        known = reduce(operator.and_, (~self._among(field, ("", "-")) for field in ENDS))
        return silent | (known & ~reduce(operator.or_, concerned, self._pl.lit(False)).fill_null(False))

    def _fits(self, field: str) -> Any:
        """Whether a value has its field's shape; of integers only the range tells."""
        if self._types[field].is_integer():
            return ~reduce(operator.or_, self._out_of_range(field)).fill_null(False)
        if field in WORDS:
            return self._among(field, ("", *SHAPES[field][0].split("|"))).fill_null(True)
        text = self.shown(field) if self._types[field].is_numeric() else self.text(field)
        return text.str.contains(f"^(?:|{SHAPES[field][0]})$".replace(r"\d", "[0-9]")).fill_null(True)

    def _out_of_range(self, field: str) -> list[Any]:
        """When an integer is none that its field can have."""
        column, highest = self._pl.col(self._columns[field]), HIGHEST.get(field)
        return [column < LOWEST.get(field, 0), *([column > highest] if highest else [])]

    def alike(self) -> tuple[list[Any], list[Any]]:
        """How plain rows are counted: by what, and what of each group: its number, first start and last end.

        Rows of one interface that begin within the shortest interval cover one stretch of time, so nothing is lost.
        """
        start, end = self._second("start"), self._second("end")
        by = [*(self.text(field).fill_null("-").alias(field) for field in WORDS), (start // SHORTEST_INTERVAL).alias("interval")]
        return by, [self._pl.len(), start.min().alias("first"), end.max().alias("last")]

    # ------------------------------------------------------------ values

    def line(self) -> Any:
        """A row as a text log has it."""
        return self._pl.concat_str([self.shown(field) for field in self._columns], separator=" ").alias("line")

    def shown(self, field: str) -> Any:
        """A column as text: `-` for no value, a number without a fraction, white space as tags write it."""
        column, kind = self._pl.col(self._columns[field]), self._types[field]
        if kind.is_float():
            column = column.cast(self._pl.Int64, strict=False)
        if kind.is_nested() or kind == self._pl.Binary:
            return self._pl.lit("-")
        text = column.cast(self._pl.String)
        if kind == self._pl.String:
            text = text.str.replace_all(r"\s+", "%20")
            text = self._pl.when(text != "").then(text)
        return text.fill_null("-")

    def text(self, field: str) -> Any:
        """A column of words as it stands."""
        column = self._pl.col(self._columns[field])
        return column if self._types[field] == self._pl.String else column.cast(self._pl.String)  # a cast hides statistics

    def _second(self, field: str) -> Any:
        column = self._pl.col(self._columns[field])
        return column if self._types[field].is_integer() else column.cast(self._pl.Int64, strict=False)
