"""A fake AWS at botocore's boundary: requests are built, signed and retried for real, and answered from raw describe JSON.

What AWS does with a request is written here from its API reference, apart from the package: which filters and parameters a
call knows, what they look at, pages, errors. A Read with a wrong one therefore shows as a wrong or refused answer. Any
service that botocore knows can be asked, in its own protocol (`aws_wire`); what its calls do is in `aws_reference` and
`aws_services_reference`.

    session = replay_session({"Vpcs": [...]}, account="111122223333", region="us-east-1", page=2)
    session.replay.requests  →  [("ec2", "DescribeVpcs", "us-east-1"), ...], one for every HTTP request

    session = organisation({"111122223333": {...}, "222233334444": {...}}, roles={"arn:aws:iam::222233334444:role/r": ""})
    session.replay.asked_of("222233334444")  →  what was asked with the credentials of that account's role
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from itertools import chain, repeat
from pathlib import Path
from threading import Lock
from typing import Any

import boto3
import botocore.session
import jmespath
from aws_reference import LISTINGS, SINGLES, Listing, Single
from aws_services_reference import EVERYWHERE, SERVICE_LISTINGS, SERVICE_SINGLES
from aws_wire import XML, Answer, RefusalError, asked, denied, header, refused, text, throttled, told, xml
from botocore.awsrequest import AWSResponse
from botocore.loaders import Loader
from botocore.model import ServiceModel

__all__ = ["RefusalError", "Replay", "ReplaySession", "http", "organisation", "replay_session", "xml"]

PAGE_MARKS = {"NextToken": "NextToken", "nextToken": "nextToken", "NextMarker": "Marker", "Marker": "Marker"}  # reply → request
EVERY_CALL = {"Filters", "Filter", "filters", "MaxResults", "maxResults", "MaxRecords", "MaxItems", "PageSize", "Limit", "limit"}
CALLS: Mapping[str, Listing] = {**LISTINGS, **SERVICE_LISTINGS}
CALLS_FOR_ONE: Mapping[str, Single] = {**SINGLES, **SERVICE_SINGLES}
HOME_KEY = "AKIDEXAMPLE"
Denials = Collection[str | tuple[str, str]]  # an IAM action, or (account, IAM action)
Errors = Mapping[Any, tuple[str, int]]  # the same → AWS's code and the HTTP status
Region = Mapping[str, list[Any]]  # response key → items


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
    deny: Iterable[Any] = (),
    errors: Errors | None = None,
) -> ReplaySession:
    """A session of one account. `raw` is a snapshot folder, {response key: items} of `region`, or {Region: {key: items}}.

    `page`: items a page. `throttle`: how many requests, the first but for STS's, are refused as too many. `deny`: IAM actions
    that are denied.
    `errors`: (code, HTTP status) by IAM action, for everything else that AWS may say.
    """
    more = {"page": page, "throttle": throttle, "deny": deny, "errors": errors}
    return organisation({account: raw}, account=account, region=region, **more)


def organisation(
    accounts: str | Path | Mapping[str, Any],
    account: str = "111122223333",
    region: str | None = "us-east-1",
    *,
    roles: Mapping[str, str] | None = None,
    expirations: Iterable[str] = (),
    page: int = 1000,
    throttle: int = 0,
    deny: Iterable[Any] = (),
    errors: Errors | None = None,
) -> ReplaySession:
    """A session of `account` among several: {account: as `raw` of `replay_session`}, or a folder with one for each account.

    `roles` are the ARNs of the roles that this session may assume, each with the external id that it wants (or none); what
    is asked with a role's credentials is answered from that role's account. `expirations` are the times at which these
    credentials end, one for each time that a role is assumed; after the last of them they do not end. `deny` and `errors` may
    name an account beside the action: ("222233334444", "ec2:DescribeVpcs").
    """
    core = botocore.session.get_session()
    core.register_component("data_loader", _models())
    session = ReplaySession(aws_access_key_id=HOME_KEY, aws_secret_access_key="secret", region_name=region, botocore_session=core)
    held = accounts if isinstance(accounts, Mapping) else dict.fromkeys(_listed(Path(accounts)), accounts)
    worlds = {own: _regions(raw, own, region or "us-east-1") for own, raw in held.items()}
    session.replay = Replay(worlds, account, page, throttle, frozenset(deny), errors or {}, roles or {}, expirations)
    session.events.register("before-send", session.replay.answer)
    return session


@cache
def _models() -> Loader:
    """botocore's models of the services, read once for all sessions: EC2's alone takes a tenth of a second."""
    return botocore.session.get_session().get_component("data_loader")


@cache
def _model(service_id: str) -> ServiceModel:
    """The model of a service by its id as botocore's events have it: `elastic-load-balancing-v2`."""
    return ServiceModel(_models().load_service_model(_names()[service_id], "service-2"), _names()[service_id])


@cache
def _names() -> dict[str, str]:
    """The name that boto3 calls a service by, by its id; most differ in dashes alone, so few models have to be opened."""
    known = _models().list_available_services("service-2")
    odd = {
        "elastic-load-balancing": "elb",
        "elastic-load-balancing-v2": "elbv2",
        "cloudwatch-logs": "logs",
        "route-53": "route53",
    }
    odd |= {"direct-connect": "directconnect", "global-accelerator": "globalaccelerator", "elasticsearch-service": "es"}
    return {name: name for name in known} | odd


@cache
def _pagination(service: str) -> Mapping[str, Any]:
    """How botocore goes through the pages of each operation."""
    return dict(_models().load_service_model(service, "paginators-1")["pagination"])


def _listed(root: Path) -> list[str]:
    return sorted(folder.name for folder in (root / "accounts").iterdir())


def _regions(raw: str | Path | Mapping[str, Any], account: str, region: str) -> Mapping[str, Region]:
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
    """AWS, as far as the raw replies of these accounts go. `requests` are the HTTP requests it saw: (service, operation,
    Region)."""

    def __init__(
        self,
        accounts: Mapping[str, Mapping[str, Region]],
        account: str,
        page: int,
        throttle: int,
        deny: frozenset[Any],
        errors: Errors,
        roles: Mapping[str, str],
        expirations: Iterable[str],
    ) -> None:
        self.requests: list[tuple[str, str, str]] = []
        self._accounts, self._account, self._page, self._deny, self._errors = accounts, account, page, deny, errors
        self._throttle, self._roles, self._lock = throttle, roles, Lock()
        self._callers: list[str] = []
        self._expirations = chain(expirations, repeat("2099-01-01T00:00:00+00:00"))

    def count(self, operation: str) -> int:
        """How many requests an operation got, every page and every attempt."""
        return sum(1 for _, name, _ in self.requests if name == operation)

    def asked_of(self, account: str) -> list[tuple[str, str, str]]:
        """The requests that were signed with credentials of this account."""
        return [request for request, caller in zip(self.requests, self._callers, strict=True) if caller == account]

    def answer(self, request: Any, event_name: str = "", **_: Any) -> AWSResponse:
        """The HTTP reply to a prepared request: botocore's `before-send` event."""
        _, service_id, operation = event_name.split(".", 2)
        model = _model(service_id)
        key, region = _signed(request)
        account = self._account if key == HOME_KEY else key.removeprefix("ASIA")
        with self._lock:
            self.requests.append((model.service_name, operation, region))
            self._callers.append(account)
            self._throttle -= model.service_name != "sts"
            slow = self._throttle >= 0 and model.service_name != "sts"
        try:
            if slow:
                raise throttled(model)
            self._permit(model, account, f"{model.signing_name}:{operation}")
            reply = self._reply(model, operation, account, region, request)
        except RefusalError as refusal:
            return _http(request.url, refusal.status, refused(model, refusal))
        return _http(request.url, 200, told(model, operation, reply))

    def _permit(self, model: ServiceModel, account: str, action: str) -> None:
        if {action, (account, action)} & self._deny:
            raise denied(model, f"not authorized to perform {action}")
        for known in (action, (account, action)):
            if known in self._errors:
                code, status = self._errors[known]
                raise RefusalError(code, status=status)

    def _reply(self, model: ServiceModel, operation: str, account: str, region: str, request: Any) -> dict[str, Any]:
        wanted = asked(model, operation, request)
        if operation == "GetCallerIdentity":
            return {"Account": account, "UserId": "AIDEXAMPLE", "Arn": f"arn:aws:iam::{account}:user/replay"}
        if operation == "AssumeRole":
            return self._assumed(model, wanted)
        service, shape = model.service_name, model.operation_model(operation)
        raw = self._raw(service, account, region)
        listing, one = _known(service, operation, CALLS), _known(service, operation, CALLS_FOR_ONE)
        wanted = one.named(wanted) if one else wanted
        _known_parameters(model, operation, listing, one, wanted)
        if one is not None:
            return self._paged(service, operation, single(one, operation, raw, wanted), wanted, shape.output_shape)
        if listing is None:
            raise RefusalError("InvalidAction", f"the replay does not know {operation}")
        listing_ids = _native(shape.input_shape, listing.ids)
        items = list(select(listing, listing_ids, operation, raw, wanted))
        if shape.output_shape.members[listing.gives].type_name == "structure":
            return {listing.gives: next(iter(items), None)}
        return self._paged(service, operation, {listing.gives: items}, wanted, shape.output_shape)

    def _raw(self, service: str, account: str, region: str) -> Region:
        """What was recorded in this Region; a service of no Region is the same in all."""
        regions = self._accounts.get(account, {})
        if service not in EVERYWHERE:
            return regions.get(region, {})
        return {key: items for held in regions.values() for key, items in held.items()}

    def _assumed(self, model: ServiceModel, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Credentials of a role; AWS says no more than that access is denied, whatever the reason."""
        arn = wanted["RoleArn"]
        if arn not in self._roles or self._roles[arn] != wanted.get("ExternalId", ""):
            raise denied(model, f"not authorized to perform: sts:AssumeRole on resource: {arn}")
        account, name = arn.split(":")[4], arn.rsplit("/", 1)[-1]
        user = {
            "AssumedRoleId": "AROAEXAMPLE:x",
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{wanted['RoleSessionName']}",
        }
        keys = {"AccessKeyId": f"ASIA{account}", "SecretAccessKey": "secret", "SessionToken": "token"}
        return {"Credentials": {**keys, "Expiration": next(self._expirations)}, "AssumedRoleUser": user}

    def _paged(
        self, service: str, operation: str, reply: dict[str, Any], wanted: Mapping[str, Any], shape: Any
    ) -> dict[str, Any]:
        """One page of the reply's list, with the mark of the next."""
        told, sent, more = _marks(service, operation, shape)
        name = next((name for name, value in reply.items() if isinstance(value, list)), None)
        if not told or name is None:
            return reply
        page = wanted.get(sent, "page-0")
        if not page.startswith("page-"):
            raise RefusalError("InvalidNextToken", f"'{page}' is no page")
        start = int(page.removeprefix("page-"))
        rest = len(reply[name]) > start + self._page
        marks = ({told: f"page-{start + self._page}"} if rest else {}) | ({more: rest or reply.get(more)} if more else {})
        return {**reply, name: reply[name][start : start + self._page], **marks}


def _signed(request: Any) -> tuple[str, str]:
    """Whose key signed the request, and for which Region: `Credential=KEY/20261123/REGION/ec2/aws4_request`."""
    key, _, region, *_ = header(request.headers, "Authorization").split("Credential=")[-1].split("/")
    return key, region


def _known(service: str, operation: str, calls: Mapping[str, Any]) -> Any:
    """What is known of an operation; several services have one of the same name, so some stand under the service's too."""
    return calls.get(f"{service}.{operation}", calls.get(operation))


def _marks(service: str, operation: str, shape: Any) -> tuple[str, str, str]:
    """The mark of the next page in a reply, the parameter that takes it, and what says that there is one (or nothing)."""
    known = _pagination(service).get(operation)
    if known:
        told, sent = (names if isinstance(names, str) else names[0] for names in (known["output_token"], known["input_token"]))
        return told.split()[0], sent, known.get("more_results", "")
    mark = next((mark for mark in PAGE_MARKS if mark in shape.members), "")
    return mark, PAGE_MARKS.get(mark, ""), ""


def _native(shape: Any, name: str) -> str:
    """A parameter's name for a caller, where the reference has that of the wire."""
    members = shape.members if shape else {}
    known = (own for own, part in members.items() if name and name in (own, part.serialization.get("name")))
    return next(known, name)


# ---------------------------------------------------------------- what AWS makes of a request


def _known_parameters(
    model: ServiceModel, operation: str, listing: Listing | None, one: Single | None, wanted: Mapping[str, Any]
) -> None:
    """Raise RefusalError for a parameter that AWS may know and the reference does not say the meaning of."""
    shape = model.operation_model(operation).input_shape
    tokens = _pagination(model.service_name).get(operation, {})
    paging = {*_many(tokens.get("input_token")), *_many(tokens.get("limit_key")), *PAGE_MARKS.values()}
    own = {one.parameter or one.id_field, *one.also} if one else set()
    if listing:
        own |= {
            *listing.also,
            _native(shape, listing.ids),
            *listing.parameters,
            *listing.prefixes,
            *listing.begins,
            *(["Names"] if listing.name_field else []),
        }
    surplus = sorted(set(wanted) - EVERY_CALL - paging - own)
    if surplus:
        raise RefusalError("UnknownParameter", f"The parameter {surplus[0]} is not recognized")


def _many(names: Any) -> list[str]:
    return [names] if isinstance(names, str) else list(names or ())


def select(listing: Listing, ids: str, operation: str, raw: Region, wanted: Mapping[str, Any]) -> Iterator[Any]:
    """The items of a describe call that its filters, ids and parameters admit; in reservations, only those instances."""
    tests = [(filter_path(listing, name), values) for name, values in filters(wanted)]
    entries = _entries(listing, operation, raw)
    for parameter, path in ((ids, listing.id_field), ("Names" if listing.name_field else "", listing.name_field)):
        named = _many(wanted.get(parameter)) if parameter else []
        known = {jmespath.search(path, item) for entry in entries for item in _parts(listing, entry)} if named else set()
        unknown = [value for value in named if value not in known]
        if unknown:
            raise RefusalError(listing.unknown, f"'{unknown[0]}' does not exist")
        if named:
            tests.append((path, list(map(_as_it_stands, named))))
    for parameter, path in listing.parameters.items():
        if parameter in wanted:
            values = _listed_values(wanted[parameter])
            if listing.most and len(values) > listing.most:
                raise RefusalError("InvalidParameterException", f"{parameter} cannot have more than {listing.most} elements")
            tests.append((path, [_as_it_stands(text(value)) for value in values]))
    for parameter, path in listing.prefixes.items():
        if parameter in wanted:
            tests.append((path, [f"{_as_it_stands(wanted[parameter])}*"]))
    for parameter, path in listing.begins.items():
        entries = sorted(entries, key=lambda entry, path=path: _backwards(jmespath.search(path, entry)))  # type: ignore[misc]
        first = _backwards(wanted.get(parameter, ""))
        entries = [entry for entry in entries if _backwards(jmespath.search(path, entry)) >= first]
    for entry in entries:
        parts = [part for part in _parts(listing, entry) if all(admits(part, path, values) for path, values in tests)]
        if parts:
            yield {**entry, listing.within: parts} if listing.within else entry


def _backwards(name: str) -> list[str]:
    return name.rstrip(".").split(".")[::-1]


def _listed_values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _as_it_stands(value: str) -> str:
    """The value with the wildcards of filters escaped."""
    return re.sub(r"([*?\\])", r"\\\1", value)


def _entries(listing: Listing, operation: str, raw: Region) -> list[Any]:
    key = listing.recorded or listing.gives
    if key not in raw:
        raise RefusalError("UnsupportedOperation", f"nothing was recorded for {operation}")
    return [listing.shaped(entry) for entry in raw[key]]


def _parts(listing: Listing, entry: Mapping[str, Any]) -> list[Any]:
    return list(entry.get(listing.within) or ()) if listing.within else [entry]


def filters(wanted: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The filters of a request, up to 200 values each."""
    for one in next((wanted[name] for name in ("Filters", "Filter", "filters") if name in wanted), ()):
        name, values = (next((one[key] for key in keys if key in one), None) for keys in (("Name", "name"), ("Values", "values")))
        if not values:
            raise RefusalError("InvalidParameterValue", f"The filter '{name}' has no values")
        if len(values) > 200:
            raise RefusalError("FilterLimitExceeded", "The maximum number of filter values specified on a single call is 200")
        yield str(name), values


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
    texts = [text(value) for value in (found if isinstance(found, list) else [found]) if value is not None]
    return any(_pattern(value).fullmatch(one) for value in values for one in texts)


@lru_cache(maxsize=4096)
def _pattern(value: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|.", value, flags=re.S)
    return re.compile("".join({"*": ".*", "?": ".?"}.get(part, re.escape(part[-1])) for part in parts), flags=re.S)


def single(one: Single, operation: str, raw: Region, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The reply of a call that takes one id."""
    key = next((key for key in one.keys if key in raw), None)
    if key is None:
        raise RefusalError("UnsupportedOperation", f"nothing was recorded for {operation}")
    id = wanted.get(one.parameter or one.id_field)
    entry = next((entry for entry in raw[key] if entry.get(one.id_field) == (id[0] if isinstance(id, list) else id)), None)
    if entry is None:
        raise RefusalError(one.unknown, f"'{id}' does not exist", one.status)
    reply = one.shaped(one.joined(entry, raw))
    tests = [(filter_path(one, name), values) for name, values in filters(wanted)]
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


def http(url: str, status: int, text: str, headers: Mapping[str, str] = XML) -> AWSResponse:
    """An HTTP reply as botocore receives it."""
    return _http(url, status, (headers, text.encode()))


def _http(url: str, status: int, answer: Answer) -> AWSResponse:
    headers, content = answer
    body = io.BytesIO(content)
    body.stream = lambda **_: iter(lambda: body.read(65536), b"")  # type: ignore[attr-defined]
    return AWSResponse(url, status, dict(headers), body)
