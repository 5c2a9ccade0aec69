"""Fakes of STS, which verifies signatures as the real one does, and of CloudTrail's event history, over HTTP."""

from __future__ import annotations

import datetime
import json
import re
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.sax.saxutils import escape

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCOUNT = "111122223333"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/sts/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)"
)
VALID_S = 15 * 60


@dataclass(frozen=True)
class Caller:
    """A principal with its credentials."""

    arn: str
    user_id: str
    access_key: str
    secret_key: str
    token: str = ""
    account: str = ACCOUNT

    def environment(self) -> dict[str, str]:
        """Return the environment variables of its processes."""
        keys = {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}
        return keys | ({"AWS_SESSION_TOKEN": self.token} if self.token else {})


def session_of(role: str, name: str, account: str = ACCOUNT) -> Caller:
    """Return a session of a role."""
    key = re.sub("[^A-Z0-9]", "", f"ASIA{role}{name}{account}".upper())
    arn = f"arn:aws:sts::{account}:assumed-role/{role}/{name}"
    return Caller(arn, f"AROA{role.upper()}:{name}", key, f"secret-of-{name}-{role}", f"token/{name}==", account)


GREENLIGHT = Caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/greenlight-conclude/f", "AROAGREENLIGHT:f", "a", "b")
"""The function that verifies; its credentials are those of all tests."""


class LocalService:
    """A local server that answers POST requests by `reply`."""

    url = ""

    def __enter__(self) -> Any:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, content_type, data = fake.reply(dict(self.headers.items()), body)
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                """Suppress the log of the server in the output of the tests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reply(self, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Return status, type and body of the response."""
        raise NotImplementedError


@dataclass
class Sts(LocalService):
    """Fake STS, whose only operation is GetCallerIdentity.

    Attributes:
        callers: The principals that it knows.
        clock_offset_s: How far its clock is ahead.
        is_down: It answers 503.
    """

    callers: list[Caller] = field(default_factory=lambda: [GREENLIGHT])
    clock_offset_s: float = 0.0
    is_down: bool = False

    def reply(self, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Verify the signature and return the principal."""
        if self.is_down:
            return 503, "text/plain", b"unavailable"
        lower = {name.lower(): value for name, value in headers.items()}
        caller, problem = self._verify(lower, body)
        if caller is None:
            code = "ExpiredToken" if problem == "expired" else "SignatureDoesNotMatch"
            error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(problem)}</Message></Error>"
            return 403, "text/xml", f"<ErrorResponse>{error}</ErrorResponse>".encode()
        result = f"<Arn>{escape(caller.arn)}</Arn><UserId>{caller.user_id}</UserId><Account>{caller.account}</Account>"
        xml = f"<GetCallerIdentityResponse><GetCallerIdentityResult>{result}</GetCallerIdentityResult>"
        return 200, "text/xml", f"{xml}</GetCallerIdentityResponse>".encode()

    def _verify(self, headers: dict[str, str], body: bytes) -> tuple[Caller | None, str]:
        if urllib.parse.parse_qs(body.decode()).get("Action") != ["GetCallerIdentity"]:
            return None, "another operation"
        match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        caller = next((caller for caller in self.callers if match and caller.access_key == match[1]), None)
        if match is None or caller is None:
            return None, "no such access key"
        now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=self.clock_offset_s)
        signed_at = datetime.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
        if abs((now - signed_at).total_seconds()) > VALID_S:
            return None, "expired"
        if headers.get("x-amz-security-token", "") != caller.token:
            return None, "the token is not valid"
        signed = {name: headers.get(name, "") for name in match[4].split(";")}
        request = AWSRequest(method="POST", url=f"{self.url}/", data=body, headers=signed)
        request.context["timestamp"] = headers["x-amz-date"]
        signer = SigV4Auth(Credentials(caller.access_key, caller.secret_key), "sts", match[3])
        expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        return (caller, "") if expected == match[5] else (None, "the signature does not match")


@dataclass
class CloudTrail(LocalService):
    """Fake CloudTrail, whose only operation is LookupEvents, a page of one event at a time.

    Attributes:
        records: The records, newest first.
        is_denied: It answers AccessDenied.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    is_denied: bool = False

    def add_deployment(self, deployment: str, caller: Caller | None, **changes: Any) -> None:
        """Record the creation of a deployment; None stands for a service without an ARN."""
        identity: dict[str, Any] = {"type": "AWSService", "invokedBy": "codedeploy.amazonaws.com"}
        if caller is not None:
            identity = {"type": "AssumedRole", "arn": caller.arn, "principalId": caller.user_id}
        record = {
            "eventSource": "codedeploy.amazonaws.com",
            "eventName": "CreateDeployment",
            "userIdentity": identity,
            "responseElements": {"deploymentId": deployment},
        }
        self.records.append(record | changes)

    def reply(self, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Return one event and the token of the next."""
        if self.is_denied:
            error = {"__type": "AccessDeniedException", "message": "not authorized to perform cloudtrail:LookupEvents"}
            return 400, "application/x-amz-json-1.1", json.dumps(error).encode()
        number = int(json.loads(body).get("NextToken", 0))
        page: dict[str, Any] = {
            "Events": [{"CloudTrailEvent": json.dumps(record)} for record in self.records[number : number + 1]]
        }
        if number + 1 < len(self.records):
            page["NextToken"] = str(number + 1)
        return 200, "application/x-amz-json-1.1", json.dumps(page).encode()
