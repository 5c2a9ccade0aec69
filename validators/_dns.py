"""DNS queries to the resolver of this machine or to a named server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver

if TYPE_CHECKING:
    from dns.rrset import RRset

    from greenlight.api import Context


def query(name: str, record_type: str, server: str, port: int, context: Context) -> RRset:
    """Query this machine's resolver, or `server` over TCP, for exactly this name, without a search list.

    Raises:
        dns.resolver.NXDOMAIN: There is no such name.
        dns.resolver.NoAnswer: The name has no records of the type.
        dns.exception.DNSException, OSError, EOFError: There was no answer.
        HttpError: `server` is not allowed, or no connection to it was made.
    """
    absolute = dns.name.from_text(name)
    if not server:
        records = dns.resolver.resolve(absolute, record_type, lifetime=context.remaining_s(), search=False).rrset
        if records is None:
            raise dns.resolver.NoAnswer
        return records
    question = dns.message.make_query(absolute, dns.rdatatype.from_text(record_type))
    with context.connect(server, port) as connection:
        reply = dns.query.tcp(question, server, timeout=context.remaining_s(), sock=connection)
    if reply.rcode() == dns.rcode.NXDOMAIN:
        raise dns.resolver.NXDOMAIN
    if reply.rcode() != dns.rcode.NOERROR or not isinstance(reply, dns.message.QueryMessage):
        raise OSError(f"{server} answered {dns.rcode.to_text(reply.rcode())}")
    answer = reply.resolve_chaining().answer
    if answer is None:
        raise dns.resolver.NoAnswer
    return answer


def to_text(record: Any) -> str:
    """Return a record without the parts that are only notation: quotes of a TXT record, and the final dot of a name."""
    if hasattr(record, "strings"):
        return b"".join(record.strings).decode(errors="replace")
    return str(record.to_text()).removesuffix(".")
