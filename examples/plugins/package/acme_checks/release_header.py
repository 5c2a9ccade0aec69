"""release_header: green says in a header which release it is.

Example:
    checks:
      - name: green is this release
        release_header: {expect: "${green.version}"}

Source: RFC 9110, section 6.3 (header fields)
"""

from __future__ import annotations

from greenlight.api import Context, Expectation, Finding, Params, check_value, finding_from, validator


class ReleaseHeader(Params, frozen=True, kw_only=True):
    """`header` to look at; `expect` is what it must be."""

    header: str = "x-release"
    expect: Expectation


@validator(ReleaseHeader, remediation="Compare the image of green's tasks with what was built.", cost="One request.")
def release_header(params: ReleaseHeader, context: Context) -> Finding:
    """Green says in a header which release it is."""
    response = context.request("GET", "/")
    return finding_from(
        [check_value(params.header, params.expect, response.header(params.header))], "green is this release"
    )
