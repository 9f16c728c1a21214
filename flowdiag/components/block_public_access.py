"""VPC Block Public Access: the account's mode in a Region, and the VPCs and subnets that are excluded from it. Only read.

https://docs.aws.amazon.com/vpc/latest/userguide/security-vpc-bpa.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from flowdiag.component import Component, Id, Lookup, Read, Resource

IN_FORCE = ("create-complete", "update-complete")
OF_NO_FORCE = ("create-failed", "delete-complete", "disable-complete")


class BlockPublicAccessOptions(Resource):
    """The mode (API_VpcBlockPublicAccessOptions.html in the EC2 API reference)."""

    kind: ClassVar[str] = "block_public_access_options"
    aws_account_id: Id
    state: str = ""
    internet_gateway_block_mode: Id

    @property
    def id(self) -> str:
        """The account."""
        return self.aws_account_id

    @property
    def mode(self) -> str:
        """The mode in force; while it is being changed nobody can tell which one that is."""
        return "" if self.state == "update-in-progress" else self.internet_gateway_block_mode


class BlockPublicAccessExclusion(Resource):
    """An exclusion (API_VpcBlockPublicAccessExclusion.html in the EC2 API reference)."""

    kind: ClassVar[str] = "block_public_access_exclusion"
    exclusion_id: str
    internet_gateway_exclusion_mode: Id
    resource_arn: Id
    state: Id

    @property
    def id(self) -> str:
        """The exclusion id."""
        return self.exclusion_id

    @property
    def resource(self) -> str:
        """The id of the VPC or subnet."""
        return self.resource_arn.rsplit("/", 1)[-1]

    @property
    def mode(self) -> str:
        """What it allows: its mode where it is in force, `none` where it is not, else unknown."""
        known = self.internet_gateway_exclusion_mode in ("allow-bidirectional", "allow-egress")
        if self.state in OF_NO_FORCE:
            return "none"
        return self.internet_gateway_exclusion_mode if self.state in IN_FORCE and known else "unknown"


def _account(raw: Mapping[str, Any]) -> list[str]:
    """The account whose exclusion it is, as the ARN of what is excluded tells."""
    return [raw["ResourceArn"].split(":")[4]]


def _nothing(_values: Sequence[str], _region: str) -> Mapping[str, Any]:
    """These calls take no parameters and tell everything there is, which is little."""
    return {}


class BlockPublicAccessComponent(Component):
    """Reads the options and exclusions; leads no packet."""

    kind = "block_public_access"
    reads = (
        Read(
            service="ec2",
            operation="describe_vpc_block_public_access_options",
            action="ec2:DescribeVpcBlockPublicAccessOptions",
            responses=("VpcBlockPublicAccessOptions",),
            id_field="AwsAccountId",
            resource=BlockPublicAccessOptions,
            lookups={"id": Lookup(keys=lambda raw: [raw["AwsAccountId"]], request=_nothing)},
        ),
        Read(
            service="ec2",
            operation="describe_vpc_block_public_access_exclusions",
            action="ec2:DescribeVpcBlockPublicAccessExclusions",
            responses=("VpcBlockPublicAccessExclusions",),
            id_field="ExclusionId",
            resource=BlockPublicAccessExclusion,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["ExclusionId"]], parameter="ExclusionIds"),
                "account": Lookup(keys=_account, request=_nothing),
            },
        ),
    )
