"""RDS Proxy: a proxy's name or endpoint stands for its interfaces, one or more in each of its subnets.

Observed, not documented: they are described `Network interface for DBProxy …`; which are this proxy's is told by its subnets and
security groups. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-network-prereqs.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from pydantic import Field

from flowdiag.component import WHOLE, Component, Lookup, Read, Resource, View, by_listing
from flowdiag.model import Observation, Packet, Place, Unread
from flowdiag.named import Named, Vicinity, arn_scope, every
from flowdiag.service import Condition, State, behind, observed

DESCRIBED = "Network interface for DBProxy"
_ARN = re.compile(r"^arn:[^:]+:rds:[^:]+:\d+:db-proxy:prx-[0-9a-z-]+$")
_DNS = re.compile(r"^(?P<name>[a-z0-9-]+)(?P<more>\.endpoint)?\.proxy-[a-z0-9]+\.[a-z0-9-]+\.rds\.amazonaws\.com(?:\.cn)?\.?$")
_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9-]{0,62}$")
PORTS = {"MYSQL": 3306, "POSTGRESQL": 5432, "SQLSERVER": 1433}
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBProxy.html
STATES: dict[str, State] = {
    **dict.fromkeys(("available", "modifying"), "up"),
    **dict.fromkeys(("creating", "deleting", "suspended", "insufficient-resource-limits", "incompatible-network"), "down"),
}


class DbProxy(Resource):
    """A proxy (https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBProxy.html)."""

    kind: ClassVar[str] = "db_proxy"
    proxy_name: str = Field(alias="DBProxyName")
    arn: str = Field(alias="DBProxyArn", min_length=1)
    status: str = ""
    engine_family: str = ""
    vpc_subnet_ids: tuple[str, ...]
    vpc_security_group_ids: tuple[str, ...]

    @property
    def id(self) -> str:
        """The name."""
        return self.proxy_name


class ProxyEndpoint(Resource):
    """A further endpoint of a proxy (https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBProxyEndpoint.html)."""

    kind: ClassVar[str] = "db_proxy_endpoint"
    endpoint_name: str = Field(alias="DBProxyEndpointName")
    arn: str = Field(alias="DBProxyEndpointArn", min_length=1)
    proxy: str = Field(alias="DBProxyName", min_length=1)
    endpoint: str = ""
    vpc_subnet_ids: tuple[str, ...]
    vpc_security_group_ids: tuple[str, ...]

    @property
    def id(self) -> str:
        """The name."""
        return self.endpoint_name


def _of_endpoint(values: Sequence[str], region: str) -> dict[str, str]:
    return {"DBProxyEndpointName": values[0]}


class DbProxyComponent(Component):
    """A proxy by its name or its own endpoint."""

    kind = "db_proxy"
    spoken = "proxy"
    reads = (
        Read(
            service="rds",
            operation="describe_db_proxies",
            action="rds:DescribeDBProxies",
            responses=("DBProxies",),
            id_field="DBProxyName",
            resource=DbProxy,
            own_names=True,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["DBProxyName"]], request=lambda values, region: {"DBProxyName": values[0]}),
                WHOLE: by_listing(),
            },
        ),
        Read(
            service="rds",
            operation="describe_db_proxy_endpoints",
            action="rds:DescribeDBProxyEndpoints",
            responses=("DBProxyEndpoints",),
            id_field="DBProxyEndpointName",
            resource=ProxyEndpoint,
            own_names=True,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["DBProxyEndpointName"]], request=_of_endpoint),
                WHOLE: by_listing(),
            },
        ),
    )

    def claims(self, text: str) -> bool:
        """A proxy's ARN or endpoint."""
        return bool(_ARN.match(text) or _DNS.match(text.lower()))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The proxy of this name, with the interfaces of its subnets that have exactly its security groups.

        An ARN holds another id than the name, and AWS finds no proxy by it: all are listed.
        """
        if _ARN.match(text):
            listed = view.find("db_proxy", WHOLE, WHOLE, arn_scope(text))
            return listed if isinstance(listed, Unread) else every(_named(one, view) for one in listed if one.arn == text)
        dns = _DNS.match(text.lower())
        name = dns["name"] if dns else text.lower()
        if not _NAME.match(name):
            return ()
        kind = "db_proxy_endpoint" if dns and dns["more"] else "db_proxy"
        found = view.find(kind, "id", name, arn_scope(text))
        return found if isinstance(found, Unread) else every(_named(one, view) for one in found)

    def residents(self, place: Vicinity, view: View) -> Iterator[str]:
        """The proxies with a subnet in the VPC, and their further endpoints there."""
        listed, more = (view.find(kind, WHOLE, WHOLE, place.scope) or () for kind in ("db_proxy", "db_proxy_endpoint"))
        yield from (one.id for one in listed if place.holds(one.vpc_subnet_ids))
        yield from (one.endpoint for one in more if one.endpoint and place.holds(one.vpc_subnet_ids))

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the proxy takes connections; its port is its engine's by default, and may have been set otherwise."""
        found = view.get("db_proxy", place.id, place.scope)
        if not found:
            return observed(Condition(name=place.id), place, packet)
        state: State = STATES.get(found.status, "doubtful" if found.status else "unknown")
        ports = (PORTS[found.engine_family],) if found.engine_family in PORTS else None
        shown = f"{found.engine_family}, {found.status}"
        condition = Condition(name=found.id, said=found.status, state=state, ports=ports, more=True, shown=shown)
        return observed(condition, place, packet)


def _named(found: DbProxy | ProxyEndpoint, view: View) -> Named | Unread:
    def fits(face: Any) -> bool:
        return str(face.description).startswith(DESCRIBED)

    faces = behind(found.vpc_subnet_ids, found.vpc_security_group_ids, found.scope, view, fits)
    outside = "is a proxy of which no network interface was found: give one's address"
    proxy = found.proxy if isinstance(found, ProxyEndpoint) else found.id
    service = Place(kind="db_proxy", id=proxy, scope=found.scope)
    return faces if isinstance(faces, Unread) else Named(found.arn, found.id, faces, outside=outside, service=service)
