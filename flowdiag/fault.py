"""Beside access: what an error of AWS means for the evidence that was wanted. Sorts by names alone, without AWS's library."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["absent", "value", "refused", "rejected", "expired"]
SIGN_IN = "sign in (aws sso login, aws configure) or give a session with another profile (--profile)"
NAME_ONE = "name another profile (--profile), or add it to the AWS configuration (~/.aws/config)"
CONNECT = "check the network, the proxy (HTTPS_PROXY) and the Region"
UNREACHED = frozenset(("ConnectionError", "HTTPClientError"))
"""The library's errors of a call that never got to AWS, or whose answer never came."""
NO_CREDENTIALS = frozenset({
    "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "UnknownCredentialError",
    "InvalidConfigError", "ConfigNotFound", "ConfigParseError", "SSOError", "TokenRetrievalError", "NoAuthTokenError",
    "LoginError",
})  # fmt: skip

# Codes as EC2 and its neighbours send them: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_EXPIRED = re.compile(r"Expired|TokenRefreshRequired")
_REJECTED = re.compile(
    r"^(AuthFailure|InvalidClientTokenId|UnrecognizedClient\w*|SignatureDoesNotMatch|InvalidSignature\w*|InvalidAccessKeyId"
    r"|IncompleteSignature|InvalidToken|MissingAuthenticationToken)$"
)
_UNAVAILABLE = re.compile(r"^(OptInRequired|UnsupportedOperation|Unsupported|InvalidAction|UnknownOperation\w*)$")
_DENIED = re.compile(r"UnauthorizedOperation|AccessDenied|AuthorizationError|NotAuthorized|Forbidden")
_THROTTLED = re.compile(r"Throttl|RequestLimitExceeded|TooManyRequests|SlowDown|BandwidthLimitExceeded")
_ABSENT = re.compile(r"NotFound(Fault|Exception)?$|^NoSuch[A-Z]|\.Malformed$")
_VALUE = re.compile(r"^(ValidationError|ValidationException|InvalidParameter\w*|FilterLimitExceeded)$")


@dataclass(frozen=True)
class Fault:
    """Why a call failed, as far as it matters here, and in words.

    `absent`: AWS knows no such id. `value`: one value spoils the whole call. `refused`: this evidence is not to be had.
    `rejected`: AWS does not know the credentials. `expired`: there are none, or no longer. `action` is the IAM action that
    would mend it, where that is not the call's own.
    """

    kind: Kind
    reason: str
    action: str = ""


def of_exception(error: Exception) -> Fault:
    """The fault behind an exception of the AWS library."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict) and "Error" in response:
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return of_code(str(response["Error"].get("Code", "")), str(response["Error"].get("Message", "")), status)
    names = {ancestor.__name__ for ancestor in type(error).__mro__}
    if "ProfileNotFound" in names:
        return Fault("expired", f"AWS cannot be read: {_one_line(error)}: {NAME_ONE}")
    if names & UNREACHED:
        return Fault("refused", f"AWS was not reached: {_one_line(error)}: {CONNECT}")
    if names & NO_CREDENTIALS:
        return Fault("expired", f"AWS cannot be read: {_one_line(error)}: {SIGN_IN}")
    if "ResponseParserError" in names:
        return Fault("refused", "AWS gave a reply that cannot be read, as a service does that does not know the call")
    return Fault("value" if "ParamValidationError" in names else "refused", _one_line(error))


def of_code(code: str, message: str, status: int) -> Fault:
    """The fault behind an error reply: AWS's code, its message, and the HTTP status where the code says nothing."""
    text = _one_line(f"{code}: {message}" if message else code)
    if _EXPIRED.search(code):
        return Fault("expired", f"the AWS credentials have expired ({code}): {SIGN_IN}")
    if _REJECTED.search(code):
        return Fault("rejected", f"AWS does not accept the credentials ({code}): {SIGN_IN}")
    if _UNAVAILABLE.search(code):
        return Fault("refused", f"not to be had in this Region or account ({text})")
    if _THROTTLED.search(code) or status == 429:
        return Fault("refused", "throttled, try again later")
    if code == "PreconditionFailed":  # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        return Fault("refused", f"changed while it was read ({code})")
    if _ABSENT.search(code):
        return Fault("absent", text)
    if _DENIED.search(code) or status == 403:
        return Fault("refused", "denied")
    return Fault("value" if _VALUE.search(code) else "refused", text)


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
