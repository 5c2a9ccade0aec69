"""dns: a name resolves to the expected records.

The resolver of the gate's own network is queried, caches included; with `server` that server is queried over TCP. A
name or a record that does not exist is FAIL. A resolver that refuses, breaks down or does not reply is ERROR. Because
a query also sends data out, only names that checks may call are queried: those of this deployment and of
AllowedHosts.

Records are compared as sorted texts: addresses, names without the final dot, `10 mail.example` for MX, a TXT record
as one text. For A and AAAA an alias is followed.

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
from typing import Annotated, Literal

import msgspec

from greenlight.api import Context, Expectation, Finding, Params, check_value, error, failed, finding_from, validator


class Expect(Params, frozen=True, kw_only=True):
    """The expected answer.

    Attributes:
        records: The list of all records, sorted.
        ttl: Their time to live in seconds.
    """

    records: Expectation
    ttl: Expectation | None = None


class Dns(Params, frozen=True, kw_only=True):
    """A query and its expected answer.

    Attributes:
        name: The name to query; green's by default.
        type: The type of its records.
        server: The server to query; the gate's own resolver by default.
        port: The server's TCP port.
        expect: Expectations of the answer.
    """

    name: str = ""
    type: Literal["A", "AAAA", "CNAME", "TXT", "MX", "NS", "SRV", "CAA"] = "A"
    server: str = ""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 53
    expect: Expect

    def __post_init__(self) -> None:
        """Reject an expectation that a name without records would meet."""
        if self.expect.records.holds([]):
            raise ValueError("records: an empty list would pass; name the records that are expected")


@validator(
    Dns,
    remediation=(
        "Send the same query where the gate runs: `dig NAME TYPE`, with `@SERVER` if the plan names one. "
        "Correct the record in its zone, and wait out the old record's TTL before you try again."
    ),
    cost="One query to a resolver for each attempt; nothing reaches green.",
)
def dns(params: Dns, context: Context) -> Finding:
    """A name resolves to the expected records."""
    from dns.exception import DNSException
    from dns.resolver import NXDOMAIN, NoAnswer

    from ._dns import query, to_text

    green = context.green
    name = params.name or urllib.parse.urlsplit(f"//{green.host}" if green.host else green.url).hostname or ""
    if not context.allows(name):
        return error(
            f"{name or 'green'} is neither a host of this deployment nor allowed by the operator "
            "(parameter AllowedHosts), so checks may not query it"
        )
    place = f"{name} {params.type}{f' at {params.server}' if params.server else ''}"
    try:
        answer = query(name, params.type, params.server, params.port, context)
    except NXDOMAIN:
        return failed(f"{place}: there is no such name")
    except NoAnswer:
        return failed(f"{place}: the name has no such records")
    except (DNSException, OSError, EOFError) as problem:
        return error(f"{place}: no answer: {' '.join(str(problem).split()) or type(problem).__name__}")
    records = sorted(map(to_text, answer))
    results = [check_value("records", params.expect.records, records, place)]
    if params.expect.ttl is not None:
        results.append(check_value("ttl", params.expect.ttl, answer.ttl, place))
    return finding_from(results, f"{place} is {', '.join(records)}")
