"""Lambda functions: a name or ARN stands for the interfaces that Lambda keeps in a VPC for functions alike.

Lambda keeps one or more interfaces for each pair of subnet and set of security groups, and functions share them; a function
has them only where it is attached to a VPC, and none after weeks without a call:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html. That they show as interfaces of type `lambda` is documented
for the type (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html), and observed for the pairs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import model_validator

from flowdiag.component import Component, Id, Lookup, Part, Read, Resource, View
from flowdiag.model import Observation, Packet, Place, Query, Scope, Unread
from flowdiag.named import Named, Vicinity, arn_scope, every
from flowdiag.service import Condition, State, behind, observed

_ARN = re.compile(r"^arn:[^:]+:lambda:[^:]+:\d+:function:(?P<name>[A-Za-z0-9_-]{1,64})(?::(?P<version>[A-Za-z0-9_$-]+))?$")
EVERY = "every function"
SECRET = frozenset({"Environment"})  # variables, passwords among them
# A name may have a version or an alias after it, and an account before it:
# https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
_NAME = re.compile(r"^(?:(?P<account>\d{12}):function:)?(?P<name>[A-Za-z0-9_-]{1,64})(?::(?P<version>\$LATEST|[A-Za-z0-9_-]+))?$")
# https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html; an idle function wakes at its next call.
STATES: dict[str, State] = {"Active": "up", "Inactive": "up", "ActiveNonInvocable": "up", "Pending": "down", "Failed": "down"}


class VpcConfig(Part):
    """Where in a VPC a function runs."""

    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]
    vpc_id: str
    ipv6_allowed_for_dual_stack: bool = False

    @model_validator(mode="after")
    def _is_whole(self) -> VpcConfig:
        if bool(self.subnet_ids) != bool(self.vpc_id):
            raise ValueError("it names a VPC or subnets, and not both")
        return self


class LambdaFunction(Resource):
    """A function's configuration (https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html)."""

    kind: ClassVar[str] = "lambda_function"
    function_name: str
    function_arn: Id
    vpc_config: VpcConfig | None = None
    state: str = ""
    state_reason: str = ""
    state_reason_code: str = ""

    @property
    def id(self) -> str:
        """The name, by which it is known in its account and Region."""
        return self.function_name

    @property
    def subnets(self) -> tuple[str, ...]:
        """Its subnets; none where it runs outside any VPC."""
        return self.vpc_config.subnet_ids if self.vpc_config else ()


class FunctionNames(Resource):
    """Every function of a Region, as ListFunctions shows them: without their state.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
    """

    kind: ClassVar[str] = "lambda_function_names"
    of: Id
    functions: tuple[LambdaFunction, ...]

    @property
    def id(self) -> str:
        """What was asked for: every one."""
        return self.of


def _read(operation: str, response: str, **more: Any) -> Read:
    return Read(
        service="lambda",
        operation=operation,
        action=f"lambda:{''.join(part.capitalize() for part in operation.split('_'))}",
        responses=(response,),
        id_field="FunctionName",
        resource=LambdaFunction,
        own_names=True,
        secret=SECRET,
        **more,
    )


class LambdaFunctionComponent(Component):
    """A function by its name or ARN. ListFunctions is called for captures of VPCs alone: it lists them all."""

    kind = "lambda_function"
    spoken = "lambda"
    reads = (
        _read(
            "get_function_configuration",
            "Configuration",
            lookups={"id": Lookup(keys=lambda raw: [raw["FunctionName"]], parameter="FunctionName")},
            single=True,
        ),
        _read("list_functions", "Functions", lookups={"id": Lookup(keys=lambda raw: [raw["FunctionName"]])}),
        Read(
            service="lambda",
            operation="list_functions",
            action="lambda:ListFunctions",
            responses=("LambdaFunctionNames",),
            id_field="of",
            resource=FunctionNames,
            lookups={"id": Lookup(keys=lambda raw: [raw["of"]], request=lambda values, region: {})},
            single=True,
            own_names=True,
            secret=SECRET,
        ),
    )

    def claims(self, text: str) -> bool:
        """A function's ARN."""
        return bool(_ARN.match(text))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The function of this name, with the interfaces of its subnets that have exactly its security groups."""
        arn, name = _ARN.match(text), _NAME.match(text)
        known = arn or name
        if not known:
            return ()
        home = arn_scope(text) if arn else Scope(account=known["account"] or "")
        found = view.find("lambda_function", "id", known["name"], home)
        if isinstance(found, Unread):
            return found
        if found and known["version"] not in (None, "$LATEST"):
            version = Query(kind="lambda_function", by="version", value=text, scope=found[0].scope)
            view.assume(version, "its VPC configuration is that of the function's unpublished version")
        return every(_inside(one, view) if one.subnets else _outside(one, view) for one in found)

    def residents(self, place: Vicinity, view: View) -> Iterator[str]:
        """The functions that are attached to the VPC."""
        for listed in view.find("lambda_function_names", "id", EVERY, place.scope) or ():
            yield from (one.id for one in listed.functions if place.holds(one.subnets))

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the function can run."""
        found = view.get("lambda_function", place.id, place.scope)
        if not found:
            return observed(Condition(name=place.id), place, packet)
        code = f" ({found.state_reason_code})" if found.state_reason_code else ""
        said = f"{found.state}{code}" if found.state else "of a state that was not told"
        shown = f"State {said}" + (f": {found.state_reason}" if found.state_reason else "")
        state: State = STATES.get(found.state, "doubtful") if found.state else "up"  # ListFunctions does not tell it
        inside = found.vpc_config if found.subnets else None
        six = inside is None or inside.ipv6_allowed_for_dual_stack
        return observed(Condition(name=found.id, said=said, state=state, shown=shown, sends_ipv6=six), place, packet)


def _inside(found: LambdaFunction, view: View) -> Named | Unread:
    groups = found.vpc_config.security_group_ids if found.vpc_config else ()
    faces = behind(found.subnets, groups, found.scope, view, lambda i: i.interface_type == "lambda")
    if isinstance(faces, Unread):
        return faces
    where = f"is a function in {', '.join(found.subnets)}, where no interface of Lambda's has exactly {', '.join(groups)}"
    outside = f"{where}: they go when nothing calls it for weeks; invoke it and ask again"
    service = Place(kind="lambda_function", id=found.id, scope=found.scope)
    return Named(found.function_arn, found.id, faces, outside=outside, service=service)


def _outside(found: LambdaFunction, view: View) -> Named:
    """It calls from Lambda's own network, to which no VPC's flow log belongs."""
    view.lack(
        Unread(
            query=Query(kind="lambda_function", by="id", value=found.id, scope=found.scope),
            reason="it runs outside any VPC",
            assumed="it calls from a public address that is not known; no VPC flow log shows its side",
            retry=False,
        )
    )
    outside = "runs outside any VPC, where nothing connects to it and no VPC flow log shows it: ask with it as the source"
    service = Place(kind="lambda_function", id=found.id, scope=found.scope)
    return Named(found.function_arn, f"{found.id} (outside any VPC)", internet=True, outside=outside, service=service)
