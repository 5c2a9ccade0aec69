"""release_header: green names its release in a header.

Example:
    checks:
      - name: green is this release
        release_header: {expect: "${green.version}"}

Source: RFC 9110, section 6.3 (header fields)
"""

from __future__ import annotations

from greenlight.api import Context, Expectation, Finding, Params, check_value, finding_from, validator


class ReleaseHeader(Params, frozen=True, kw_only=True):
    """`header` of the response; `expect` is the expectation of its value."""

    header: str = "x-release"
    expect: Expectation


@validator(
    ReleaseHeader, remediation="Compare the image of green's tasks with the one that was built.", cost="One request."
)
def release_header(params: ReleaseHeader, context: Context) -> Finding:
    """Green names its release in a header."""
    response = context.request("GET", "/")
    evidence = check_value(params.header, params.expect, response.header(params.header))
    return finding_from([evidence], "green is this release")
