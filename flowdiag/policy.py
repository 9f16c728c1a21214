"""Beside the journey: what may be read, as an IAM policy, and what to read where a whole VPC is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowdiag.calls import askable
from flowdiag.component import Read
from flowdiag.logs import openers
from flowdiag.model import ANYWHERE, Query, Scope, Unread

Reads = Mapping[str, tuple[Read, ...]]


def known_reads() -> Reads:
    """How every kind of resource is read; the components are imported only when they are wanted."""
    from flowdiag.components import reads

    return reads()


def iam_policy(reads: Reads | None = None) -> dict[str, Any]:
    """The least IAM policy that lets flowdiag read: the actions of all `reads` that AWS can be asked for and, of the whole
    of flowdiag, those of the flow log sources, sorted, each once.

    `Resource` is `*` because most describe actions know no narrower one
    (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html). `sts:GetCallerIdentity`,
    which is called as well, needs no permission and is left out
    (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html). It is the policy of a role in another
    account too; to enter it the caller needs `sts:AssumeRole` on that role, which is not here because it names the role.
    """
    kinds = known_reads() if reads is None else reads
    actions = {read.action for several in kinds.values() for read in several if any(askable([read], by) for by in read.lookups)}
    sources = openers() if reads is None else ()
    actions |= {action for source in sources for action in source.actions}
    statement = {"Sid": "FlowdiagReadOnly", "Effect": "Allow", "Action": sorted(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def whole_vpc(vpc: str, scope: Scope = ANYWHERE, reads: Reads | None = None) -> tuple[Unread, ...]:
    """What to fetch for everything of one VPC: the VPC by id, and every kind that has a lookup named `vpc`, sorted by kind."""
    kinds = known_reads() if reads is None else reads
    wanted = [Query(kind="vpc", by="id", value=vpc, scope=scope)] if "vpc" in kinds else []
    within = [kind for kind in sorted(kinds) if askable([read for read in kinds[kind] if "vpc" in read.lookups], "vpc")]
    wanted += [Query(kind=kind, by="vpc", value=vpc, scope=scope) for kind in within]
    return tuple(Unread(query=query) for query in wanted)
