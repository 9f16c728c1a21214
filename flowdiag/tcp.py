"""What a record tells of TCP: its flags, and how large packets without data are.

tcp-flags are OR-ed over a record's time; ACK alone is not logged:
https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from flowdiag.model import Record

FIN, SYN, RST, SYN_ACK = 1, 2, 4, 18
TIMESTAMPS = 12  # bytes of the option that packets without data carry as well; https://www.rfc-editor.org/rfc/rfc7323
OPENING = (4, 8, 12, 20)
"""Bytes of the options that a SYN or SYN-ACK has in common use (https://www.rfc-editor.org/rfc/rfc9293#section-3.2, RFC 7323)."""


def headers(record: Record) -> int:
    """Bytes of an IP and a TCP header without options."""
    return 60 if ":" in record.source + record.packet_source else 40
