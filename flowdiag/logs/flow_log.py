"""A flow log by its id, `flow-log:fl-0a1`: where it delivers, AWS tells, and from there it is read."""

from __future__ import annotations

from typing import ClassVar

from flowdiag.logs import Means, Opener, Source
from flowdiag.logs._delivery import delivered_to, source_of
from flowdiag.model import FlowdiagError

PREFIX = "flow-log:"


class FlowLog(Opener):
    """Opens the destination of one flow log."""

    prefixes: ClassVar[tuple[str, ...]] = (PREFIX,)
    actions: ClassVar[tuple[str, ...]] = ("ec2:DescribeFlowLogs",)

    @classmethod
    def opens(cls, where: str, means: Means) -> Source | None:
        """The source that the flow log delivers to, of whichever account and Region of the path knows it."""
        if not where.startswith(PREFIX):
            return None
        access, id = means.door(where), where.removeprefix(PREFIX)
        refusals: list[str] = []
        for scope in means.scopes or (access.home,):
            try:
                found = tuple(delivered_to(access, scope, "flow-log-id", id))
            except FlowdiagError as error:
                refusals.append(f"{scope}: {error}")
                continue
            if found:
                return source_of(means, found)
        reasons = f" ({'; '.join(refusals)})" if refusals else ""
        raise FlowdiagError(f"AWS knows no flow log {id!r}{reasons}: give the id of one, or the place it delivers to")
