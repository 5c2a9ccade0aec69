"""pytest with real suites, in real processes, against a green on loopback."""

from __future__ import annotations

import io
import textwrap
import time
import zipfile
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from greenlight.api import Finding, Outcome
from greenlight.aws.client import Aws
from greenlight.checks.binding import Bound
from greenlight.core.finding import Cause
from greenlight.plan.model import Check as PlanCheck
from greenlight.testing import HttpServer, load_validator, parse_params
from tests.support.check_run import Run

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    Check = Callable[..., Finding]

ASKING = """
    import json, os, urllib.request

    def test_green_is_well():
        headers = json.loads(os.environ["GREENLIGHT_HEADERS"])
        request = urllib.request.Request(os.environ["GREENLIGHT_URL"] + "/health", headers=headers)
        assert json.load(urllib.request.urlopen(request)) == {"status": "ok"}
"""


@pytest.fixture
def plans(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("GREENLIGHT_PLAN_FOLDER", str(tmp_path))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # a second for each run here, with all that is installed
    return tmp_path


def run_suite(check: Check, plans: pathlib.Path, code: str, raw_params: Any = None, **settings: Any) -> Finding:
    (plans / "smoke").mkdir(exist_ok=True)
    (plans / "smoke" / "test_smoke.py").write_text(textwrap.dedent(code))
    return check("pytest", {"path": "smoke", **(raw_params or {})}, **{"timeout_s": 10.0, **settings})


def test_a_test_that_fails_fails_with_its_message(check: Check, plans: pathlib.Path) -> None:
    finding = run_suite(check, plans, "def test_good(): pass\ndef test_bad(): assert 1 == 2, 'no stock'\n")
    assert finding.outcome is Outcome.FAIL
    assert "1 of 2 tests failed" in finding.message
    assert "no stock" in finding.message
    assert [result.passed for result in finding.evidence] == [False, True]


def test_a_fixture_that_breaks_fails(check: Check, plans: pathlib.Path) -> None:
    code = """
        import pytest
        @pytest.fixture
        def broken(): raise RuntimeError("no database")
        def test_it(broken): pass
    """
    finding = run_suite(check, plans, code)
    assert (finding.outcome, "no database" in finding.message) == (Outcome.FAIL, True)


@pytest.mark.parametrize(
    "code", ["", "import pytest\n@pytest.mark.skip\ndef test_it(): pass\n"], ids=["empty", "skipped"]
)
def test_a_suite_without_a_passed_test_is_inconclusive(check: Check, plans: pathlib.Path, code: str) -> None:
    finding = run_suite(check, plans, code)
    assert (finding.outcome, "fewer than the 1" in finding.message) == (Outcome.INCONCLUSIVE, True)


def test_a_suite_that_cannot_be_collected_is_an_error(check: Check, plans: pathlib.Path) -> None:
    assert run_suite(check, plans, "import nothing_like_this").outcome is Outcome.ERROR


@pytest.mark.parametrize("code", [0, 1])
def test_a_suite_that_exits_is_an_error(check: Check, plans: pathlib.Path, code: int) -> None:
    finding = run_suite(check, plans, f"import os\ndef test_it(): os._exit({code})\n")
    assert (finding.outcome, "without usable results" in finding.message) == (Outcome.ERROR, True)


def test_a_suite_that_hangs_is_ended_in_time(check: Check, plans: pathlib.Path) -> None:
    began = time.monotonic()
    finding = run_suite(check, plans, "import time\ndef test_it(): time.sleep(30)\n", timeout_s=1.5)
    assert (finding.outcome, "did not end before" in finding.message) == (Outcome.FAIL, True)
    assert time.monotonic() - began < 15


def test_a_suite_that_the_gates_own_time_cuts_off_is_a_deadline(plans: pathlib.Path) -> None:
    (plans / "smoke").mkdir()
    (plans / "smoke" / "test_smoke.py").write_text("import time\ndef test_it(): time.sleep(30)\n")
    validator = load_validator("pytest")
    params = parse_params(validator, {"path": "smoke"})
    plan_check = PlanCheck(name="smoke", validator="pytest", params={}, timeout_s=20.0)

    (finding,) = Run(Bound(plan_check, validator, params), within_s=2.5).findings

    assert (finding.outcome, finding.cause) == (Outcome.ERROR, Cause.DEADLINE), finding.message
    assert "ended with the gate's, before the check's `timeout`" in finding.message


def test_a_suite_that_is_not_there_is_an_error(check: Check, plans: pathlib.Path) -> None:
    finding = check("pytest", {"path": "elsewhere"})
    assert (finding.outcome, "there is no elsewhere" in finding.message) == (Outcome.ERROR, True)


def test_the_suite_has_no_credentials_unless_it_is_given_them(check: Check, plans: pathlib.Path) -> None:
    code = (
        "import os\ndef test_it(): assert 'AWS_SECRET_ACCESS_KEY' in os.environ and os.environ['TENANT'] == 'smoke'\n"
    )
    variables = {"variables": {"TENANT": "smoke"}}
    assert run_suite(check, plans, code, variables).outcome is Outcome.FAIL
    assert run_suite(check, plans, code, {**variables, "aws": True}).outcome is Outcome.PASS


def test_the_suite_asks_green(check: Check, plans: pathlib.Path) -> None:
    with HttpServer(lambda *_: (200, {}, {"status": "ok"})) as green:
        finding = run_suite(check, plans, ASKING, url=green.url, headers={"x-side": "green"})
    assert (finding.outcome, finding.message) == (Outcome.PASS, "1 of 1 tests passed, 0 were skipped")
    assert (finding.asked.green, finding.asked.other) == (1, 0)
    assert green.headers[0]["x-side"] == "green"
    with HttpServer(lambda *_: (200, {}, {"status": "broken"})) as green:
        assert run_suite(check, plans, ASKING, url=green.url).outcome is Outcome.FAIL


IGNORING = """
    import os, urllib.request

    def test_green_is_well():
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        assert opener.open(os.environ["GREENLIGHT_URL"] + "/health").status == 200
"""


@pytest.mark.parametrize("code", [IGNORING, "def test_nothing(): pass\n"], ids=["without the proxy", "asks nothing"])
def test_a_suite_that_green_is_not_seen_to_answer_is_not_evidence(check: Check, plans: pathlib.Path, code: str) -> None:
    with HttpServer(lambda *_: (200, {}, {"status": "ok"})) as green:
        finding = run_suite(check, plans, code, url=green.url)
    assert (finding.outcome, finding.asked.green) == (Outcome.PASS, 0)
    assert "so it is not evidence of green: let the suite ask GREENLIGHT_URL through HTTPS_PROXY" in finding.message


def test_a_suite_without_a_url_of_green_says_why_it_is_not_evidence(check: Check, plans: pathlib.Path) -> None:
    finding = run_suite(check, plans, "def test_nothing(): pass\n")
    assert "green has no URL, so the gate cannot see whether the suite asked it" in finding.message


def test_a_suite_reaches_only_hosts_that_checks_may_call(check: Check, plans: pathlib.Path) -> None:
    code = """
        import urllib.error, urllib.request, pytest

        def test_it():
            with pytest.raises(urllib.error.HTTPError, match="bank.example is neither a host of this deployment nor"):
                urllib.request.urlopen("http://bank.example/")
            with pytest.raises(OSError, match="bank.example is neither a host of this deployment nor"):
                urllib.request.urlopen("https://bank.example/")
            with pytest.raises(OSError, match="169.254.169.254 resolves to 169.254.169.254|neither"):
                urllib.request.urlopen("http://169.254.169.254/latest/meta-data/")
    """
    finding = run_suite(check, plans, code, resolver=lambda host, _: [host])
    assert finding.outcome is Outcome.PASS, finding.message


def test_a_suite_asks_its_own_servers_and_named_hosts_without_the_proxy(check: Check, plans: pathlib.Path) -> None:
    code = """
        import http.server, os, threading, urllib.request

        def test_it():
            assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "localhost,127.0.0.1,::1,idp.example"
            server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
            threading.Thread(target=server.handle_request, daemon=True).start()
            assert urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/").status == 200
    """
    variables = {"variables": {"NO_PROXY": "idp.example"}}
    finding = run_suite(check, plans, code, variables, url="http://green.example:9000")
    assert finding.outcome is Outcome.PASS, finding.message


def test_tests_are_chosen_by_keyword(check: Check, plans: pathlib.Path) -> None:
    code = "def test_quick(): pass\ndef test_slow(): assert False\n"
    finding = run_suite(check, plans, code, {"keyword": "quick"})
    assert finding.outcome is Outcome.PASS
    assert finding.message.startswith("1 of 1 tests passed, 0 were skipped")
    assert run_suite(check, plans, code, {"keyword": "quick", "minimum": 2}).outcome is Outcome.INCONCLUSIVE


def archive(files: dict[str, str]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as zip_file:
        for name, text in files.items():
            zip_file.writestr(name, text)
    return raw.getvalue()


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [(archive({"test_a.py": "def test_a(): pass\n"}), Outcome.PASS), (b"no archive", Outcome.ERROR)],
)
def test_a_suite_comes_from_s3(check: Check, plans: pathlib.Path, raw: bytes, outcome: Outcome) -> None:
    client: Any = botocore.session.Session().create_client(
        "s3", region_name="eu-west-1", aws_access_key_id="nobody", aws_secret_access_key="nothing"
    )
    stub = Stubber(client)
    body = StreamingBody(io.BytesIO(raw), len(raw))
    stub.add_response("get_object", {"Body": body}, {"Bucket": "releases", "Key": "a/smoke.zip", "VersionId": "v1"})

    class Session:
        def client(self, _service: str, **_settings: Any) -> Any:
            return client

    with stub:
        raw_params = {"path": "s3://releases/a/smoke.zip", "version": "v1"}
        finding = check("pytest", raw_params, aws=Aws(Session()), timeout_s=10.0)
    assert finding.outcome is outcome, finding.message
    stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("raw_params", "reason"),
    [
        ({"path": "/etc"}, "below the folder"),
        ({"path": "a/../../b"}, "below the folder"),
        ({"path": "s3://bucket/suite.tar"}, "not an archive in S3"),
        ({"path": "-x"}, "option"),
        ({"path": "a", "variables": {"PYTEST_ADDOPTS": "--co"}}, "is reserved"),
        ({"path": "a", "minimum": 0}, "from 1 on"),
    ],
)
def test_invalid_parameters_are_rejected_with_a_reason(check: Check, raw_params: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check("pytest", raw_params)
