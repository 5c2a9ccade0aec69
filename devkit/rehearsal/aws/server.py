"""moto's server on a free loopback port, with services in front of it for the operations that moto lacks.

An `Api` is a function that returns the reply to a call, or None for a call that moto answers. The APIs are called in
order. moto itself is not patched, so other users of moto in this process are not affected.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .calls import Application, Call, Environ, Reply, StartResponse, json_error

if TYPE_CHECKING:
    from botocore.session import Session
    from werkzeug.serving import BaseWSGIServer

REGION = "eu-west-1"
ACCOUNT = "123456789012"  # moto's only account
OPERATOR_KEY = "AKIAREHEARSALOPERATOR"
_READ_S = 960.0  # longer than a function may run: a state machine waits for the response
_CONNECTIONS = 50  # more than the shards that a state machine runs at the same time

# Without this, moto creates a thousand machine images for every account, which takes a second and is not needed.
_MOTO_SETTINGS = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
_NO_LOCAL_SETTINGS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

Api = Callable[[Call, "Application"], "Reply | None"]


class LocalAws:
    """Local AWS for one rehearsal at a time: call `start`, use `url`, then call `stop`."""

    def __init__(self) -> None:
        """Create it without a port; `start` binds one."""
        self.apis: list[Api] = []
        self.url = ""
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None
        self._removed: dict[str, str] = {}
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._clients: dict[tuple[str, str], Any] = {}

    def start(self) -> None:
        """Serve on a free loopback port, and remove this machine's AWS settings from the environment until `stop`.

        moto and botocore read profiles, endpoints and other settings in many places, and these belong to another AWS.
        """
        names = [name for name in os.environ if name.startswith("AWS_") or name in _MOTO_SETTINGS]
        self._removed = {name: os.environ.pop(name) for name in names}
        os.environ |= _NO_LOCAL_SETTINGS | _MOTO_SETTINGS
        # Import here: both take a third of a second, which would slow down `greenlight --help`.
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
        from werkzeug.serving import make_server

        class QuietHandler(MotoRequestHandler):
            def log(self, *_args: Any) -> None:
                """Suppress moto's line for each call."""

        self._moto: Application = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=QuietHandler)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="aws", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None
            for client in self._clients.values():
                client.close()
            for name in _NO_LOCAL_SETTINGS | _MOTO_SETTINGS:
                os.environ.pop(name, None)
            os.environ |= self._removed

    def reset(self, apis: Iterable[Api] = ()) -> None:
        """Reset to an empty account with these APIs in front of moto."""
        from moto.moto_api._internal.models import moto_api_backend

        self.apis = []
        moto_api_backend.reset()
        self.apis = list(apis)

    def client(self, service: str, key: str = OPERATOR_KEY) -> Any:
        """Return the client of a service for an access key; it is cached, because loading the service model is slow."""
        from botocore.config import Config
        from botocore.session import Session

        with self._lock:
            if (service, key) not in self._clients:
                self._session = self._session or Session()
                self._clients[service, key] = self._session.create_client(
                    service,
                    region_name=REGION,
                    endpoint_url=self.url,
                    aws_access_key_id=key,
                    aws_secret_access_key=key,
                    config=Config(
                        retries={"total_max_attempts": 1},
                        connect_timeout=5,
                        read_timeout=_READ_S,
                        max_pool_connections=_CONNECTIONS,
                        proxies={},
                    ),
                )
            return self._clients[service, key]

    def environment(self, key: str) -> dict[str, str]:
        """Return the environment variables with which a function with the access key `key` uses only this AWS."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": key,
            **_NO_LOCAL_SETTINGS,
        }

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        call = Call(environ)
        try:
            for api in self.apis:
                reply = api(call, self._moto)
                if reply is not None:
                    return reply.send(start_response)
        except Exception as error:  # noqa: BLE001 - the caller must get a response after any error, as from AWS
            return json_error("InternalFailure", f"{type(error).__name__}: {error}", 500).send(start_response)
        return self._moto(environ, start_response)
