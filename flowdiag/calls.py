"""Between the walk and AWS: from the queries of one round to the fewest calls that answer them. Pure; sends nothing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowdiag.component import Lookup, Read
from flowdiag.model import Query, Scope

FILTER_VALUES = 200  # of one filter: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
LISTED_IDS = 20  # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html
_WILDCARDS = re.compile(r"[*?\\]")


@dataclass(frozen=True)
class Call:
    """One request to be made: a lookup of a Read in an account and Region, for the values of these queries."""

    read: Read
    lookup: Lookup
    scope: Scope
    queries: tuple[Query, ...]

    @property
    def values(self) -> list[str]:
        """What is looked up, each value once, in the order of the queries."""
        return list(dict.fromkeys(query.value for query in self.queries))

    def of(self, values: Iterable[str]) -> Call:
        """The same call for some of its values."""
        kept = set(values)
        return replace(self, queries=tuple(query for query in self.queries if query.value in kept))

    def halves(self) -> tuple[Call, Call]:
        """Two calls that ask the same together, to find the value that spoils it."""
        values = self.values
        return self.of(values[: len(values) // 2]), self.of(values[len(values) // 2 :])


def askable(reads: Iterable[Read], by: str) -> list[Read]:
    """The reads that AWS can be asked by this lookup."""
    return [read for read in reads if by in read.lookups and read.lookups[by].askable]


def plan(asked: Iterable[tuple[Query, Scope]], reads: Mapping[str, tuple[Read, ...]]) -> list[Call]:
    """The fewest calls that answer the queries, each where it is asked: many values of one lookup go together, up to what
    AWS takes in one call.

    A query none of whose lookups can be asked of AWS gets no call.
    """
    groups: dict[tuple[Any, ...], list[Call]] = defaultdict(list)
    for query, scope in asked:
        for read in askable(reads[query.kind], query.by):
            call = Call(read, read.lookups[query.by], scope, (query,))
            groups[_alike(call)].append(call)
    return [chunk for group in groups.values() for chunk in _chunks(group)]


def _alike(call: Call) -> tuple[Any, ...]:
    """Equal for calls that can be one call."""
    read, lookup = call.read, call.lookup
    kept_as = (read.responses, read.id_field, read.single)
    asked_by: tuple[Any, ...] = (lookup.parameter, lookup.filter, *sorted(lookup.also.items()))
    if lookup.request:
        asked_by = (lookup.request, lookup.apart(call.values[0]))
    return (read.service, read.operation, call.scope, kept_as, asked_by)


def _chunks(group: list[Call]) -> Iterator[Call]:
    whole = replace(group[0], queries=tuple(query for call in group for query in call.queries))
    size = 1 if whole.read.single else FILTER_VALUES if whole.lookup.filter else whole.lookup.most or LISTED_IDS
    for start in range(0, len(whole.values), size):
        yield whole.of(whole.values[start : start + size])


def parameters(call: Call, accepts: Mapping[str, str]) -> dict[str, Any]:
    """The request parameters; `accepts` is the type of each parameter the operation takes, by name.

    A few operations call their filters `Filter`.
    """
    lookup, request = call.lookup, dict[str, Any]()
    if lookup.request:
        return dict(lookup.request(call.values, call.scope.region))
    filters = [_filter(name, list(values)) for name, values in lookup.also.items()]
    if lookup.parameter:
        request[lookup.parameter] = call.values if accepts.get(lookup.parameter) == "list" else call.values[0]
    elif lookup.filter:
        filters.insert(0, _filter(lookup.filter, [_literal(value, call.read.service) for value in call.values]))
    if filters:
        request["Filters" if "Filters" in accepts else "Filter"] = filters
    return request


def _filter(name: str, values: list[str]) -> dict[str, Any]:
    return {"Name": name, "Values": values}


def _literal(value: str, service: str) -> str:
    """The value with EC2's wildcards escaped: a Name tag may hold a `*` that is meant as it stands.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
    """
    return _WILDCARDS.sub(r"\\\g<0>", value) if service == "ec2" else value
