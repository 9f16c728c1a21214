"""A fake AWS at botocore's boundary: requests are built, signed and retried for real, and answered from raw describe JSON.

What AWS does with a request is written here from its API reference, apart from the package: which filters a call knows,
what they look at, pages, errors. A Read with a wrong filter or parameter therefore shows as a wrong or refused answer.

    session = replay_session({"Vpcs": [...]}, account="111122223333", region="us-east-1", page=2)
    session.replay.requests  →  [("ec2", "DescribeVpcs", "us-east-1"), ...], one for every HTTP request
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

import boto3
import botocore.session
import jmespath
from aws_reference import LISTINGS, SINGLES, Listing, Single
from botocore.awsrequest import AWSResponse
from botocore.loaders import Loader
from botocore.model import ServiceModel

EVERY_CALL = {"Action", "Version", "Filter", "MaxResults", "maxResults", "PageSize", "NextToken", "nextToken", "Marker"}
SERVICES = {
    "ec2": "ec2",
    "elastic-load-balancing-v2": "elbv2",
    "sts": "sts",
    "direct-connect": "directconnect",
    "networkmanager": "networkmanager",
}
WORLDWIDE = ("networkmanager",)  # one endpoint for all Regions
# In the reply → in the request.
PAGE_MARKS = {"NextToken": "NextToken", "NextMarker": "Marker", "Marker": "Marker", "nextToken": "nextToken"}


class RefusalError(Exception):
    """An error reply: AWS's code, its message and the HTTP status."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message or f"{code}, says the replay", status


class ReplaySession(boto3.Session):
    """A boto3 session whose clients never touch the network; `replay` is the AWS they talk to."""

    replay: Replay


def replay_session(
    raw: str | Path | Mapping[str, Any],
    account: str = "111122223333",
    region: str | None = "us-east-1",
    *,
    page: int = 1000,
    throttle: int = 0,
    deny: Iterable[str] = (),
    errors: Mapping[str, tuple[str, int]] | None = None,
) -> ReplaySession:
    """A session of one account. `raw` is a snapshot folder, {response key: items} of `region`, or {Region: {key: items}}.

    `page`: items a page. `throttle`: how many requests, the first but for STS's, are refused as too many. `deny`: IAM actions
    that are denied.
    `errors`: (code, HTTP status) by IAM action, for everything else that AWS may say.
    """
    core = botocore.session.get_session()
    core.register_component("data_loader", _models())
    session = ReplaySession(
        aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret", region_name=region, botocore_session=core
    )
    session.replay = Replay(_regions(raw, account, region or "us-east-1"), account, page, throttle, frozenset(deny), errors or {})
    session.events.register("before-send", session.replay.answer)
    return session


@cache
def _models() -> Loader:
    """botocore's models of the services, read once for all sessions: EC2's alone takes a tenth of a second."""
    return botocore.session.get_session().get_component("data_loader")


def _regions(raw: str | Path | Mapping[str, Any], account: str, region: str) -> Mapping[str, Mapping[str, list[Any]]]:
    if isinstance(raw, Mapping):
        return {region: raw} if any(isinstance(value, list) for value in raw.values()) else raw
    root = Path(raw)
    root = root / "accounts" / account if (root / "accounts").is_dir() else root
    found: dict[str, dict[str, list[Any]]] = {}
    for file in sorted(root.rglob("*.json")):
        keys = found.setdefault(region if file.parent == root else file.parent.name, {})
        keys.update({key: value for key, value in json.loads(file.read_text()).items() if isinstance(value, list)})
    return found


class Replay:
    """AWS, as far as one account's raw replies go. `requests` are the HTTP requests it saw: (service, operation, Region)."""

    def __init__(
        self,
        regions: Mapping[str, Mapping[str, list[Any]]],
        account: str,
        page: int,
        throttle: int,
        deny: frozenset[str],
        errors: Mapping[str, tuple[str, int]],
    ) -> None:
        self.requests: list[tuple[str, str, str]] = []
        self._regions, self._account, self._page, self._deny, self._errors = regions, account, page, deny, errors
        self._throttle, self._lock = throttle, Lock()
        self._models = {name: ServiceModel(_models().load_service_model(name, "service-2"), name) for name in SERVICES.values()}

    def count(self, operation: str) -> int:
        """How many requests an operation got, every page and every attempt."""
        return sum(1 for _, name, _ in self.requests if name == operation)

    def answer(self, request: Any, event_name: str = "", **_: Any) -> AWSResponse:
        """The HTTP reply to a prepared request: botocore's `before-send` event."""
        _, service_id, operation = event_name.split(".", 2)
        service, region = SERVICES[service_id], _region_of(request)
        model = self._models[service]
        with self._lock:
            self.requests.append((service, operation, region))
            self._throttle -= service != "sts"
            throttled = self._throttle >= 0 and service != "sts"
        try:
            if throttled:
                raise RefusalError(
                    "RequestLimitExceeded" if service == "ec2" else "Throttling", status=503 if service == "ec2" else 400
                )
            self._permit(f"{model.signing_name}:{operation}", service)
            region = next(iter(self._regions)) if service in WORLDWIDE else region
            reply = self._reply(
                operation, region, _asked(request, model, operation), model.operation_model(operation).output_shape
            )
        except RefusalError as refusal:
            return http(request.url, refusal.status, _error_text(model, refusal))
        return http(request.url, 200, json.dumps(reply) if _speaks_json(model) else _reply_xml(model, operation, reply))

    def _permit(self, action: str, service: str) -> None:
        if action in self._deny:
            raise RefusalError(
                "UnauthorizedOperation" if service == "ec2" else "AccessDenied", f"not authorized to perform {action}", 403
            )
        if action in self._errors:
            code, status = self._errors[action]
            raise RefusalError(code, status=status)

    def _reply(self, operation: str, region: str, asked: Mapping[str, Any], shape: Any) -> dict[str, Any]:
        if operation == "GetCallerIdentity":
            return {"Account": self._account, "UserId": "AIDEXAMPLE", "Arn": f"arn:aws:iam::{self._account}:user/replay"}
        raw = self._regions.get(region, {})
        asked = SINGLES[operation].named(asked) if operation in SINGLES else asked
        _known_parameters(operation, asked)
        if operation in SINGLES:
            return self._paged(single(SINGLES[operation], operation, raw, asked), asked, shape)
        listing = LISTINGS.get(operation)
        if listing is None:
            raise RefusalError("InvalidAction", f"the replay does not know {operation}")
        return self._paged({listing.gives: list(select(listing, operation, raw, asked))}, asked, shape)

    def _paged(self, reply: dict[str, Any], asked: Mapping[str, Any], shape: Any) -> dict[str, Any]:
        """One page of the reply's list, with the mark of the next."""
        mark = next((mark for mark in PAGE_MARKS if mark in shape.members), None)
        name = next((name for name, value in reply.items() if isinstance(value, list)), None)
        if mark is None or name is None:
            return reply
        page = asked.get(PAGE_MARKS[mark], "page-0")
        if not page.startswith("page-"):
            raise RefusalError("InvalidNextToken", f"'{page}' is no page")
        start = int(page.removeprefix("page-"))
        rest = len(reply[name]) > start + self._page
        return {**reply, name: reply[name][start : start + self._page], **({mark: f"page-{start + self._page}"} if rest else {})}


# ---------------------------------------------------------------- what AWS makes of a request


def _known_parameters(operation: str, asked: Mapping[str, Any]) -> None:
    own = SINGLES[operation].id_field if operation in SINGLES else LISTINGS[operation].ids if operation in LISTINGS else ""
    names = "Names" if operation in LISTINGS and LISTINGS[operation].name_field else ""
    surplus = sorted(set(asked) - EVERY_CALL - {own, names})
    if surplus:
        raise RefusalError("UnknownParameter", f"The parameter {surplus[0]} is not recognized")


def select(listing: Listing, operation: str, raw: Mapping[str, list[Any]], asked: Mapping[str, Any]) -> Iterator[Any]:
    """The items of a describe call that its filters and ids admit; in reservations, only those instances."""
    tests = [(filter_path(listing, name), values) for name, values in filters(asked)]
    entries = _entries(listing, operation, raw)
    for parameter, path in ((listing.ids, listing.id_field), ("Names" if listing.name_field else "", listing.name_field)):
        wanted = _values(asked.get(parameter, {})) if parameter else []
        known = {item.get(path) for entry in entries for item in _parts(listing, entry)} if wanted else set()
        unknown = [value for value in wanted if value not in known]
        if unknown:
            raise RefusalError(listing.unknown, f"'{unknown[0]}' does not exist")
        if wanted:
            tests.append((path, [re.sub(r"([*?\\])", r"\\\1", value) for value in wanted]))
    for entry in entries:
        parts = [part for part in _parts(listing, entry) if all(admits(part, path, values) for path, values in tests)]
        if parts:
            yield {**entry, listing.within: parts} if listing.within else entry


def _entries(listing: Listing, operation: str, raw: Mapping[str, list[Any]]) -> list[Any]:
    if listing.gives not in raw:
        raise RefusalError("UnsupportedOperation", f"nothing was recorded for {operation}")
    return [listing.shaped(entry) for entry in raw[listing.gives]]


def _parts(listing: Listing, entry: Mapping[str, Any]) -> list[Any]:
    return list(entry.get(listing.within) or ()) if listing.within else [entry]


def filters(asked: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The filters of an EC2 request: `Filter.N.Name`, `Filter.N.Value.M`, up to 200 values each."""
    for one in asked.get("Filter", {}).values():
        values = _values(one.get("Value", {}))
        if not values:
            raise RefusalError("InvalidParameterValue", f"The filter '{one.get('Name')}' has no values")
        if len(values) > 200:
            raise RefusalError("FilterLimitExceeded", "The maximum number of filter values specified on a single call is 200")
        yield one["Name"], values


def filter_path(listing: Listing, name: str) -> str:
    """Where a filter looks in an item, as a JMESPath."""
    if name.startswith("tag:"):
        return f"(Tags || TagSet || `[]`)[?Key=='{name[4:]}'].Value"
    if name not in listing.filters:
        raise RefusalError("InvalidParameterValue", f"The filter '{name}' is invalid")
    return listing.filters[name]


def admits(item: Mapping[str, Any], path: str, values: list[str]) -> bool:
    """Whether any value at the path matches any pattern: `*` and `?` are wildcards unless a backslash stands before them."""
    found = jmespath.search(path, item)
    texts = [_text(value) for value in (found if isinstance(found, list) else [found]) if value is not None]
    return any(_pattern(value).fullmatch(text) for value in values for text in texts)


@lru_cache(maxsize=4096)
def _pattern(value: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|.", value, flags=re.S)
    return re.compile("".join({"*": ".*", "?": ".?"}.get(part, re.escape(part[-1])) for part in parts), flags=re.S)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def single(one: Single, operation: str, raw: Mapping[str, list[Any]], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The reply of a call that takes one id."""
    key = next((key for key in one.keys if key in raw), None)
    if key is None:
        raise RefusalError("UnsupportedOperation", f"nothing was recorded for {operation}")
    entry = next((entry for entry in raw[key] if entry.get(one.id_field) == asked.get(one.id_field)), None)
    if entry is None:
        raise RefusalError(one.unknown, f"'{asked.get(one.id_field)}' does not exist")
    reply = one.shaped(one.joined(entry, raw))
    tests = [(filter_path(one, name), values) for name, values in filters(asked)]
    if one.needs_filter and not tests:
        raise RefusalError("MissingParameter", "The request must contain the parameter Filters")
    return {
        name: [item for item in value if all(admits(item, path, values) for path, values in tests)]
        if isinstance(value, list)
        else value
        for name, value in reply.items()
        if name != one.id_field
    }


# ---------------------------------------------------------------- the wire


def tree(body: Any) -> dict[str, Any]:
    """A query string as a tree: `Filter.1.Value.2=x` → {"Filter": {"1": {"Value": {"2": "x"}}}}."""
    found: dict[str, Any] = {}
    text = body.decode() if isinstance(body, bytes) else str(body or "")
    for name, value in parse_qsl(text, keep_blank_values=True):
        *path, last = name.split(".")
        node = found
        for part in path:
            node = node.setdefault(part, {})
        node[last] = value
    return found


def _speaks_json(model: ServiceModel) -> bool:
    return "json" in str(model.metadata.get("protocols", model.metadata["protocol"]))


def _asked(request: Any, model: ServiceModel, operation: str) -> dict[str, Any]:
    """The parameters of a request by their names: from a query string, a JSON body, or the parts of a REST address."""
    if not _speaks_json(model):
        return tree(request.body)
    address = urlsplit(request.url)
    rest = model.operation_model(operation).http["requestUri"].partition("?")[0]
    pattern = re.sub(r"\{(\w+)\+?\}", r"(?P<\1>[^/]+)", rest)
    parts = re.fullmatch(pattern, address.path) if "{" in rest else None
    found = {**(parts.groupdict() if parts else {}), **dict(parse_qsl(address.query))}
    names = {shape.serialization.get("name", name): name for name, shape in _members(model, operation)}
    return {**{names.get(key, key): value for key, value in found.items()}, **json.loads(request.body or "{}")}


def _members(model: ServiceModel, operation: str) -> Iterable[tuple[str, Any]]:
    shape = model.operation_model(operation).input_shape
    return shape.members.items() if shape else ()


def _values(node: Any) -> list[str]:
    """A list on the wire: `VpcId.1`, or `LoadBalancerArns.member.1` in the query protocol; where one value is taken, that."""
    return list(node.get("member", node).values()) if isinstance(node, Mapping) else [node]


def _region_of(request: Any) -> str:
    signature = request.headers["Authorization"]
    return (signature.decode() if isinstance(signature, bytes) else signature).split("/")[2]


def http(url: str, status: int, text: str) -> AWSResponse:
    """An HTTP reply as botocore receives it."""
    body = io.BytesIO(text.encode())
    body.stream = lambda **_: iter(lambda: body.read(65536), b"")  # type: ignore[attr-defined]
    return AWSResponse(url, status, {"content-type": "text/xml"}, body)


def _reply_xml(model: Any, operation: str, reply: Mapping[str, Any]) -> str:
    shape = model.operation_model(operation).output_shape
    inner = "".join(xml(_member_name(name, part), part, reply.get(name)) for name, part in shape.members.items())
    if model.metadata["protocol"] == "ec2":
        return f"<{operation}Response><requestId>replay</requestId>{inner}</{operation}Response>"
    metadata = "<ResponseMetadata><RequestId>replay</RequestId></ResponseMetadata>"
    return f"<{operation}Response><{operation}Result>{inner}</{operation}Result>{metadata}</{operation}Response>"


def _error_text(model: ServiceModel, refusal: RefusalError) -> str:
    if _speaks_json(model):
        return json.dumps({"__type": refusal.code, "message": refusal.message})
    return _error_xml(model.metadata["protocol"], refusal)


def _error_xml(protocol: str, refusal: RefusalError) -> str:
    error = f"<Error><Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message></Error>"
    if protocol == "ec2":
        return f"<Response><Errors>{error}</Errors><RequestID>replay</RequestID></Response>"
    return f"<ErrorResponse>{error}<RequestId>replay</RequestId></ErrorResponse>"


def _member_name(name: str, shape: Any) -> str:
    return str(shape.serialization.get("name", name))


def xml(name: str, shape: Any, value: Any) -> str:
    """A value as AWS writes it in XML, led by botocore's model of the reply."""
    if value is None:
        return ""
    if shape.type_name == "structure":
        inner = "".join(xml(_member_name(key, part), part, value.get(key)) for key, part in shape.members.items())
    elif shape.type_name == "list":
        inner = "".join(xml("item", shape.member, part) for part in value)
    else:
        inner = escape(_text(value))
    return f"<{name}>{inner}</{name}>"
