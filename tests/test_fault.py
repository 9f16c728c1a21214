"""What AWS's error codes and its library's exceptions mean for the evidence."""

from __future__ import annotations

import pytest
from botocore import exceptions as aws
from botocore.parsers import ResponseParserError

from flowdiag.fault import NO_CREDENTIALS, of_code, of_exception


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("InvalidVpcID.NotFound", 400, "absent"),
        ("InvalidNetworkInterfaceID.Malformed", 400, "absent"),
        ("TargetGroupNotFound", 400, "absent"),
        ("DBInstanceNotFoundFault", 404, "absent"),
        ("ResourceNotFoundException", 404, "absent"),
        ("ValidationError", 400, "value"),
        ("InvalidParameterValue", 400, "value"),
        ("UnauthorizedOperation", 403, "refused"),
        ("AccessDeniedException", 400, "refused"),
        ("RequestLimitExceeded", 503, "refused"),
        ("ThrottlingException", 400, "refused"),
        ("UnsupportedOperation", 400, "refused"),
        ("InternalError", 500, "refused"),
        ("AuthFailure", 401, "rejected"),
        ("InvalidClientTokenId", 403, "rejected"),
        ("ExpiredTokenException", 400, "expired"),
        ("RequestExpired", 400, "expired"),
    ],
)
def test_codes_are_sorted_by_what_they_mean(code: str, status: int, kind: str) -> None:
    """Absent only where AWS says that there is no such id; a 403 that means bad credentials is not a missing permission."""
    assert of_code(code, "", status).kind == kind


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("UnauthorizedOperation", 403, "denied"),
        ("403", 403, "denied"),
        ("429", 429, "throttled, try again later"),
        ("InternalError", 500, "InternalError: it broke in two lines"),
    ],
)
def test_the_reason_is_one_short_line(code: str, status: int, reason: str) -> None:
    """Denials and throttling have words of their own, anything else AWS's code and message."""
    assert of_code(code, "it broke\n in two  lines", status).reason == reason


def test_every_exception_that_means_no_credentials_exists() -> None:
    """The names are those of botocore; it may be too old to have the newest."""
    assert {name for name in NO_CREDENTIALS if not hasattr(aws, name)} <= {"LoginError"}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (aws.NoCredentialsError(), "expired"),
        (aws.UnauthorizedSSOTokenError(), "expired"),
        (aws.SSOTokenLoadError(error_msg="gone"), "expired"),
        (aws.TokenRetrievalError(provider="sso", error_msg="gone"), "expired"),
        (aws.ParamValidationError(report="too short"), "value"),
        (aws.EndpointConnectionError(endpoint_url="https://ec2.example"), "refused"),
        (aws.ReadTimeoutError(endpoint_url="https://ec2.example"), "refused"),
        (ResponseParserError("no XML"), "refused"),
        (aws.ClientError({"Error": {"Code": "InvalidVpcID.NotFound", "Message": "none"}}, "DescribeVpcs"), "absent"),
    ],
)
def test_exceptions_are_sorted_by_what_they_mean(error: Exception, kind: str) -> None:
    """No session, one bad value, or evidence that is not to be had."""
    assert of_exception(error).kind == kind
