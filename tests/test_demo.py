"""The bundled example: it answers out of the package alone, and names nobody's network."""

import json
import re
from ipaddress import ip_address, ip_network

from flowdiag import Snapshot, demo, diagnose

OURS = [ip_network(text) for text in ("10.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]


def test_the_example_is_an_incident_with_a_cause_and_a_proof():
    """The database's group admits another group; the flow log shows it; the remedy opens the flow; nothing is lacking."""
    found = diagnose(*demo.QUESTION, snapshot=demo.folder(), flow_logs=demo.folder() / "flow-logs")
    assert ("blocked", "SG102", "reject", "confirmed") == (found.verdict, found.code, found.symptom, found.relation)
    assert ([True], ()) == ([remedy.verified for remedy in found.remedies], found.unread)


def test_the_example_is_read_without_a_complaint():
    """Every file is understood, and all lie in one account and Region."""
    snapshot = Snapshot.load(demo.folder())
    assert ((), ["111122223333/us-east-1"]) == (snapshot.notes, [str(scope) for scope in snapshot.scopes])


def test_the_flow_log_has_more_than_the_incident():
    """Two interfaces, traffic that works beside the one that does not, and intervals without any."""
    files = sorted((demo.folder() / "flow-logs").iterdir())
    words = [line.split() for file in files for line in file.read_text().splitlines()[1:]]
    assert ({"ACCEPT", "REJECT", "-"}, 2) == ({line[14] for line in words}, len({line[4] for line in words}))


def test_the_example_names_private_and_documentation_addresses_only():
    """Invented from end to end: what is no private address is one of those kept for documentation."""
    text = "".join(file.read_text() for file in demo.folder().rglob("*") if file.is_file())
    found = {ip_address(word) for word in re.findall(r"(?<![\w.])\d+\.\d+\.\d+\.\d+(?![\w.])", text)} - {ip_address("0.0.0.0")}
    assert found
    assert [] == sorted(address for address in found if not any(address in network for network in OURS))


def test_the_example_is_the_output_of_describe_calls():
    """One response key a file, as the AWS CLI writes it."""
    keys = [list(json.loads(file.read_text())) for file in sorted(demo.folder().rglob("*.json"))]
    assert [1] * 9 == [len(key) for key in keys]
