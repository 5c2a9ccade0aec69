"""dns: a name resolves as it should.

Asks the resolver of the machine the gate runs on, so what is seen is what that network sees, caches included; or
asks `server` (over TCP, within the bounds of all checks) to see what an authoritative server says. A name that does
not exist or has no records of the type is FAIL; a resolver that refuses, breaks down or does not reply is ERROR. Only
names may be asked for that checks may call: those of this deployment and of the operator's AllowedHosts, since a
question is also a way to send something out.

The records are texts, sorted: addresses, names without the last dot, `10 mail.example` for MX, a TXT record as one
text however it is cut. For A and AAAA an alias is followed.

Example:
    checks:
      - name: the public name leads to the balancer
        dns:
          name: green.example
          type: CNAME
          expect: {records: [orders-1234.mars-west-1.elb.amazonaws.com]}

Source: RFC 1034, RFC 1035
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from greenlight.api import (
    Context,
    Expectation,
    Finding,
    HttpError,
    Params,
    check_value,
    error,
    failed,
    finding_from,
    validator,
)

if TYPE_CHECKING:
    from dns.rrset import RRset


class Expect(Params, frozen=True, kw_only=True):
    """What must be answered: the list of `records`, and their `ttl` in seconds."""

    records: Expectation
    ttl: Expectation | None = None


class Dns(Params, frozen=True, kw_only=True):
    """Which `name` (green's when left out) and `type` to ask for, which `server` at which `port`, what to `expect`."""

    name: str = ""
    type: Literal["A", "AAAA", "CNAME", "TXT", "MX", "NS", "SRV", "CAA"] = "A"
    server: str = ""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 53
    expect: Expect

    def __post_init__(self) -> None:
        """Refuse an expectation that a name without records would meet."""
        if self.expect.records.holds([]):
            raise ValueError("records: an empty list would do; say which records there must be")


@validator(
    Dns,
    remediation=(
        "Ask the same question where the gate runs: `dig NAME TYPE`, with `@SERVER` if the plan names one. "
        "Correct the record in its zone, and wait out the old record's TTL before trying again."
    ),
    cost="One question to a resolver for each attempt; nothing reaches green.",
)
def dns(params: Dns, context: Context) -> Finding:
    """A name resolves as it should."""
    from dns.exception import DNSException
    from dns.resolver import NXDOMAIN, NoAnswer

    green = context.green
    name = params.name or urllib.parse.urlsplit(f"//{green.host}" if green.host else green.url).hostname or ""
    if not context.allows(name):
        return error(
            f"{name or 'green'} is neither a host of this deployment nor allowed by the operator (parameter AllowedHosts), "
            "so checks may not ask for it"
        )
    where = f"{name} {params.type}{f' at {params.server}' if params.server else ''}"
    try:
        answer = _asked(params, name, context)
    except NXDOMAIN:
        return failed(f"{where}: there is no such name")
    except NoAnswer:
        return failed(f"{where}: the name has no such records")
    except HttpError as problem:
        return error(str(problem))
    except (DNSException, OSError, EOFError) as problem:
        return error(f"{where}: no answer: {' '.join(str(problem).split()) or type(problem).__name__}")
    records = sorted(map(_text, answer))
    found = [check_value("records", params.expect.records, records, where)]
    if params.expect.ttl is not None:
        found.append(check_value("ttl", params.expect.ttl, answer.ttl, where))
    return finding_from(found, f"{where} is {', '.join(records)}")


def _asked(params: Dns, name: str, context: Context) -> RRset:
    """Ask the machine's resolver or the server named, for the name as it is, without a search list."""
    import dns.message
    import dns.name
    import dns.query
    import dns.rcode
    import dns.rdatatype
    import dns.resolver

    absolute = dns.name.from_text(name)
    if not params.server:
        found = dns.resolver.resolve(absolute, params.type, lifetime=context.remaining_s(), search=False).rrset
        if found is None:
            raise dns.resolver.NoAnswer
        return found
    kind = dns.rdatatype.from_text(params.type)
    question = dns.message.make_query(absolute, kind)
    with context.connect(params.server, params.port) as connection:
        reply = dns.query.tcp(question, params.server, timeout=context.remaining_s(), sock=connection)
    if reply.rcode() == dns.rcode.NXDOMAIN:
        raise dns.resolver.NXDOMAIN
    if reply.rcode() != dns.rcode.NOERROR or not isinstance(reply, dns.message.QueryMessage):
        raise OSError(f"{params.server} answered {dns.rcode.to_text(reply.rcode())}")
    answer = reply.resolve_chaining().answer
    if answer is None:
        raise dns.resolver.NoAnswer
    return answer


def _text(record: Any) -> str:
    """Write a record without what is only notation."""
    if hasattr(record, "strings"):
        return b"".join(record.strings).decode(errors="replace")
    text = str(record.to_text())
    return text.removesuffix(".")
