"""AWS's protocols seen from its own side: what a request asks for, and a reply or a refusal as bytes. Led by botocore's models.

Query and EC2 query, JSON, REST with JSON and REST with XML: https://smithy.io/2.0/aws/protocols/index.html
Times are ISO 8601 text on the inside, as the AWS CLI prints them.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from botocore.awsrequest import HeadersDict
from botocore.model import ServiceModel

XML = {"content-type": "text/xml"}
Answer = tuple[Mapping[str, str], bytes]  # headers and body


class RefusalError(Exception):
    """An error reply: AWS's code, its message and the HTTP status."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message or f"{code}, says the replay", status


def denied(model: ServiceModel, message: str) -> RefusalError:
    """What a service says where the caller may not."""
    codes = {"ec2": "UnauthorizedOperation", "json": "AccessDeniedException", "rest-json": "AccessDeniedException"}
    protocol = protocol_of(model)
    return RefusalError(codes.get(protocol, "AccessDenied"), message, 400 if protocol == "json" else 403)


def throttled(model: ServiceModel) -> RefusalError:
    """What a service says where there are too many requests."""
    known = {
        "ec2": ("RequestLimitExceeded", 503),
        "json": ("ThrottlingException", 400),
        "rest-json": ("ThrottlingException", 429),
    }
    code, status = known.get(protocol_of(model), ("Throttling", 400))
    return RefusalError(code, status=status)


def protocol_of(model: ServiceModel) -> str:
    """The protocol that botocore speaks with the service."""
    return str(getattr(model, "resolved_protocol", model.metadata["protocol"]))


# ---------------------------------------------------------------- requests


def asked(model: ServiceModel, operation: str, request: Any) -> dict[str, Any]:
    """The parameters of a prepared request, under the names that a caller of boto3 gives them.

    Raises RefusalError for one that the operation does not know.
    """
    shape = model.operation_model(operation).input_shape
    if shape is None:
        return {}
    protocol = protocol_of(model)
    if protocol in ("ec2", "query"):
        sent = {name: node for name, node in tree(request.body).items() if name not in ("Action", "Version")}
        return dict(_from_query(shape, sent, protocol))
    if protocol == "json":
        return dict(_from_json(shape, json.loads(request.body or b"{}")))
    if protocol in ("rest-json", "rest-xml"):
        return _from_rest(model, operation, request, protocol)
    raise NotImplementedError(f"the replay does not speak {protocol}, which {model.service_name} does")


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


def _from_query(shape: Any, node: Any, protocol: str) -> Any:
    match shape.type_name:
        case "structure":
            names = {_query_name(name, part, protocol): (name, part) for name, part in shape.members.items()}
            _refuse_surplus(set(node) - set(names))
            return {names[wire][0]: _from_query(names[wire][1], value, protocol) for wire, value in node.items()}
        case "list":
            flat = protocol == "ec2" or shape.serialization.get("flattened")
            inner = node if flat or not isinstance(node, dict) else node.get(shape.member.serialization.get("name", "member"), {})
            return [_from_query(shape.member, inner[at], protocol) for at in sorted(inner, key=int)] if inner else []
        case "map":
            entries = (node.get("entry", node)[at] for at in sorted(node.get("entry", node), key=int))
            return {entry["key"]: _from_query(shape.value, entry["value"], protocol) for entry in entries}
    return _scalar(shape, node)


def _query_name(name: str, shape: Any, protocol: str) -> str:
    """A parameter's name in a query string; EC2 capitalises it, and a flattened list goes by the name of what it lists."""
    told = shape.serialization
    if protocol == "ec2":
        own = str(told.get("name", name))
        return str(told.get("queryName", own[:1].upper() + own[1:]))
    if shape.type_name == "list" and told.get("flattened"):
        return str(shape.member.serialization.get("name", told.get("name", name)))
    return str(told.get("name", name))


def _from_json(shape: Any, value: Any) -> Any:
    if value is None:
        return None
    match shape.type_name:
        case "structure":
            if getattr(shape, "is_document_type", False):
                return value
            names = {_name(name, part): (name, part) for name, part in shape.members.items()}
            _refuse_surplus(set(value) - set(names))
            return {names[wire][0]: _from_json(names[wire][1], part) for wire, part in value.items()}
        case "list":
            return [_from_json(shape.member, part) for part in value]
        case "map":
            return {key: _from_json(shape.value, part) for key, part in value.items()}
    return value


def _from_rest(model: ServiceModel, operation: str, request: Any, protocol: str) -> dict[str, Any]:
    """The labels of the path, the query string, the headers, and the body."""
    op = model.operation_model(operation)
    shape, url = op.input_shape, urlsplit(request.url)
    labels, text = _labels(op.http["requestUri"].split("?")[0], url.path), parse_qsl(url.query, keep_blank_values=True)
    found: dict[str, Any] = {}
    for name, part in shape.members.items():
        location, wire = part.serialization.get("location"), _name(name, part)
        given = [value for key, value in text if key == wire]
        if location == "uri" and wire in labels:
            found[name] = _scalar(part, labels[wire])
        elif location == "querystring" and given:
            found[name] = [_scalar(part.member, one) for one in given] if part.type_name == "list" else _scalar(part, given[0])
        elif location == "header" and wire in request.headers:
            value = request.headers[wire]
            found[name] = _scalar(part, value.decode() if isinstance(value, bytes) else value)
    return found | _from_body(shape, request.body, protocol)


def _from_body(shape: Any, body: Any, protocol: str) -> dict[str, Any]:
    if not body:
        return {}
    payload = shape.serialization.get("payload")
    held = {payload: shape.members[payload]} if payload else {}
    target = held.get(payload, shape)
    if target.type_name == "blob":
        return {str(payload): body}
    value = _from_json(target, json.loads(body)) if protocol == "rest-json" else _from_xml(target, ElementTree.fromstring(body))
    return {str(payload): value} if payload else value


def _labels(template: str, path: str) -> dict[str, str]:
    """What stands in a path for `{Name}`; `{Name+}` may hold slashes."""
    parts = re.split(r"\{([^}]+)\}", template)
    pattern = "".join(
        re.escape(part) if at % 2 == 0 else f"(?P<l{at}>{'.+' if part.endswith('+') else '[^/]+'})"
        for at, part in enumerate(parts)
    )
    match = re.fullmatch(pattern, path)
    if match is None:
        raise RefusalError("UnknownOperationException", f"{path} is no {template}", 404)
    return {parts[at].rstrip("+"): unquote(match[f"l{at}"]) for at in range(1, len(parts), 2)}


def _from_xml(shape: Any, node: ElementTree.Element) -> Any:
    if shape.type_name == "structure":
        children = {child.tag.rsplit("}", 1)[-1]: child for child in node}
        present = (
            (name, part, children[_name(name, part)]) for name, part in shape.members.items() if _name(name, part) in children
        )
        return {name: _from_xml(part, child) for name, part, child in present}
    if shape.type_name == "list":
        return [_from_xml(shape.member, child) for child in node]
    return _scalar(shape, node.text or "")


def _scalar(shape: Any, text: str) -> Any:
    match shape.type_name:
        case "boolean":
            return text == "true"
        case "integer" | "long":
            return int(text)
    return text


def _refuse_surplus(names: set[str]) -> None:
    if names:
        raise RefusalError("UnknownParameter", f"The parameter {sorted(names)[0]} is not recognized")


# ---------------------------------------------------------------- replies


def told(model: ServiceModel, operation: str, reply: Mapping[str, Any]) -> Answer:
    """A reply in the service's protocol; what its model does not know is left out, as AWS never sends it."""
    op = model.operation_model(operation)
    shape, protocol = op.output_shape, protocol_of(model)
    if protocol in ("ec2", "query"):
        return XML, _query_reply(protocol, operation, "".join(_xml_members(shape, reply, protocol))).encode()
    if protocol == "json":
        return {"content-type": f"application/x-amz-json-{model.metadata['jsonVersion']}"}, _dumped(shape, reply)
    payload = shape.serialization.get("payload") if shape else None
    body, value = (shape.members[payload], reply.get(payload)) if payload else (shape, reply)
    if payload and body.type_name in ("blob", "string"):
        return _headers(shape, reply), value if isinstance(value, bytes) else str(value or "").encode()
    if protocol == "rest-json":
        return {"content-type": "application/json", **_headers(shape, reply)}, _dumped(body, value or {})
    return {**XML, **_headers(shape, reply)}, xml(
        body.serialization.get("name", f"{operation}Response"), body, value, protocol
    ).encode()


def _query_reply(protocol: str, operation: str, inner: str) -> str:
    if protocol == "ec2":
        return f"<{operation}Response><requestId>replay</requestId>{inner}</{operation}Response>"
    metadata = "<ResponseMetadata><RequestId>replay</RequestId></ResponseMetadata>"
    return f"<{operation}Response><{operation}Result>{inner}</{operation}Result>{metadata}</{operation}Response>"


def _headers(shape: Any, reply: Mapping[str, Any]) -> dict[str, str]:
    """The parts of a reply that stand in its HTTP headers."""
    members = shape.members.items() if shape else ()
    placed = ((name, part) for name, part in members if part.serialization.get("location") == "header")
    return {_name(name, part): text(reply[name]) for name, part in placed if reply.get(name) is not None}


def _dumped(shape: Any, reply: Any) -> bytes:
    return json.dumps(_to_json(shape, reply) if shape else {}).encode()


def _to_json(shape: Any, value: Any) -> Any:
    if value is None:
        return None
    match shape.type_name:
        case "structure":
            if getattr(shape, "is_document_type", False):
                return value
            held = ((name, part) for name, part in shape.members.items() if value.get(name) is not None)
            inside = ((name, part) for name, part in held if part.serialization.get("location") not in ("header", "statusCode"))
            return {_name(name, part): _to_json(part, value[name]) for name, part in inside}
        case "list":
            return [_to_json(shape.member, part) for part in value]
        case "map":
            return {key: _to_json(shape.value, part) for key, part in value.items()}
        case "blob":
            return base64.b64encode(value if isinstance(value, bytes) else str(value).encode()).decode()
        case "timestamp":
            return _seconds(shape, value)
    return value


def _seconds(shape: Any, moment: Any) -> Any:
    """A time as JSON replies give it: seconds since 1970, unless the model says ISO 8601."""
    if not isinstance(moment, str) or shape.serialization.get("timestampFormat") == "iso8601":
        return moment
    parsed = datetime.fromisoformat(moment)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def xml(name: str, shape: Any, value: Any, protocol: str = "ec2") -> str:
    """A value as AWS writes it in XML; a flattened list is its items one after the other, under its own name."""
    if value is None:
        return ""
    if shape.type_name == "structure":
        return f"<{name}>{''.join(_xml_members(shape, value, protocol))}</{name}>"
    if shape.type_name == "list":
        listed = str(shape.member.serialization.get("name", "item" if protocol == "ec2" else "member"))
        if shape.serialization.get("flattened"):
            return "".join(xml(name, shape.member, part, protocol) for part in value)
        return f"<{name}>{''.join(xml(listed, shape.member, part, protocol) for part in value)}</{name}>"
    if shape.type_name == "map":
        key, held = (part.serialization.get("name", own) for part, own in ((shape.key, "key"), (shape.value, "value")))
        entries = (f"<entry><{key}>{escape(k)}</{key}>{xml(held, shape.value, v, protocol)}</entry>" for k, v in value.items())
        return f"<{name}>{''.join(entries)}</{name}>"
    return f"<{name}>{escape(text(value))}</{name}>"


def _xml_members(shape: Any, value: Mapping[str, Any], protocol: str) -> Iterator[str]:
    for name, part in shape.members.items() if shape else ():
        if part.serialization.get("location") not in ("header", "statusCode"):
            yield xml(_name(name, part), part, value.get(name), protocol)


def _name(name: str, shape: Any) -> str:
    return str(shape.serialization.get("name", name))


def text(value: Any) -> str:
    """A scalar as it stands on the wire."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def refused(model: ServiceModel, refusal: RefusalError) -> Answer:
    """A refusal in the service's protocol."""
    protocol = protocol_of(model)
    error = f"<Error><Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message></Error>"
    if protocol == "ec2":
        return XML, f"<Response><Errors>{error}</Errors><RequestID>replay</RequestID></Response>".encode()
    if protocol in ("query", "rest-xml"):
        return XML, f"<ErrorResponse>{error}<RequestId>replay</RequestId></ErrorResponse>".encode()
    body = {"message": refusal.message} | ({"__type": refusal.code} if protocol == "json" else {})
    return {"content-type": "application/json", "x-amzn-errortype": refusal.code}, json.dumps(body).encode()


def header(headers: HeadersDict | Mapping[str, Any], name: str) -> str:
    """An HTTP header as text."""
    value = headers.get(name, "")
    return value.decode() if isinstance(value, bytes) else str(value)
