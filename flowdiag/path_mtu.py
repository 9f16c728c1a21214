"""Where packets of a size that their sender may use do not fit: Trace → Findings of the table `path_mtu`. Changes no verdict.

Components say how large a packet gets past them (`Finding.mtu`), here the places are found that are narrower than all before
them, and what lies between each of them and the sender. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/network_mtu.html
"""

from __future__ import annotations

from collections.abc import Iterator

from flowdiag.model import TCP, Evidence, Finding, Hop, Mtu, Trace, first_of
from flowdiag.table import Rules

JUMBO = 9001  # bytes of the largest packet that an interface in a VPC may send
ETHERNET = 1500  # bytes of the largest one that an application reckons with whose protocol agrees on no size, as TCP does
UNKNOWN = 0  # of a sender outside AWS nothing is known, so that no place is too narrow for it
BACK = {"outbound": "inbound", "inbound": "outbound"}  # the way of the message, by that of the packet
MESSAGES = {4: "ICMP type 3 code 4", 6: "ICMPv6 type 2"}


def narrows(trace: Trace, rules: Rules) -> tuple[Finding, ...]:
    """Every place that is narrower than what its sender may use and than all before it, in path order, each once."""
    found: list[Finding] = []
    for leg in trace.legs:
        for hops, sender in ((leg.request, leg.source), (leg.reply, leg.destination)):
            found += _along(hops, sender.kind == "eni", rules)
    return first_of(found, lambda finding: (finding.code, finding.resource, finding.direction))


def _along(hops: tuple[Hop, ...], known: bool, rules: Rules) -> Iterator[Finding]:
    """Those of one direction; `known`: the sender is an interface in AWS.

    What writes both addresses anew, as a load balancer does, is a sender of its own. Hops with another sender's address are
    those of an envelope in which the packet is carried.
    """
    if not hops:
        return
    most = JUMBO if hops[0].before.protocol == TCP else ETHERNET
    room, guards, sender = most if known else UNKNOWN, list[Hop](), hops[0].before.source
    for hop in hops:
        if hop.before.source != sender:
            continue
        sender = hop.after.source
        if hop.before.source != hop.after.source and hop.before.destination != hop.after.destination:
            room, guards = most, []
        mtu = hop.finding.mtu if hop.finding and not hop.as_if else None
        if hop.finding and mtu and mtu.most is None:
            guards = _with(hop, guards)
        elif hop.finding and mtu and mtu.most is not None and mtu.most < room:
            yield _judged(hop.finding, mtu, [guard.finding for guard in guards if guard.finding], rules)
            room = mtu.most


def _with(guard: Hop, guards: list[Hop]) -> list[Hop]:
    """The guards that a message to the sender meets: none where the packet leaves a subnet and enters it again at once, as
    at a transit gateway's attachment. https://docs.aws.amazon.com/vpc/latest/tgw/tgw-nacls.html
    """
    last = guards[-1].place if guards else None
    returns = last and (last.id, last.role, guard.place.role) == (guard.place.id, "outbound", "inbound")
    return guards[:-1] if returns else [*guards, guard]


def _judged(narrow: Finding, mtu: Mtu, guards: list[Finding], rules: Rules) -> Finding:
    """The table's word on one place, about the place itself or the guard that keeps the message from the sender."""
    guard, back = _guard(guards)
    held = mtu.holds_tcp and narrow.flow is not None and narrow.flow.protocol == TCP
    inputs = {"TCP held to what fits": "yes" if held else "no", "tells the sender": mtu.tells, "let back": back}
    table = rules.table("path_mtu")
    rule = table.evaluate(inputs)
    message = MESSAGES[narrow.flow.version if narrow.flow else 4]
    words = {"gateway": narrow.name, "most": str(mtu.most), "guard": guard.name if guard else "", "message": message}
    blamed = guard if guard and rule["point"] == "guard" else narrow
    evidence = [Evidence(where=narrow.resource, text=f"at most {mtu.most} bytes, as AWS documents it")]
    if blamed is guard:
        evidence.append(Evidence(where=guard.resource, text=f"{message} {BACK[guard.role]}: {back}"))
    return Finding(
        code=rule.code,
        table=table.name,
        verdict=rule["verdict"],
        headline=rule["headline"].format_map(words),
        resource=blamed.resource,
        name=blamed.name,
        role=blamed.role,
        direction=narrow.direction,
        evidence=tuple(evidence),
        inputs=inputs,
        flow=narrow.flow,
        mtu=mtu,
    )


def _guard(guards: list[Finding]) -> tuple[Finding | None, str]:
    """The guard that keeps the message from the sender, or may do so, and which of the two; None where all let it back."""
    for answer in ("no", "unknown"):
        guard = next((guard for guard in guards if guard.mtu and guard.mtu.tells == answer), None)
        if guard:
            return guard, answer
    return None, "yes"
