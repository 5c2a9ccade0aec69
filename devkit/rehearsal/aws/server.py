"""moto's server on a free loopback port, with a front door for what moto lacks.

A *room* is a function from one call to a reply, or to None when the call is moto's. Rooms are asked in
order; nothing of moto is patched, so other users of moto in this process see it as it is.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from devkit.rehearsal.aws.calls import Application, Call, Environ, Reply, StartResponse, json_error

if TYPE_CHECKING:
    from botocore.session import Session
    from werkzeug.serving import BaseWSGIServer

REGION = "eu-west-1"
ACCOUNT = "123456789012"  # the one account that moto has
OPERATOR_KEY = "AKIAREHEARSALOPERATOR"

# moto would make a thousand machine images, which nobody here starts, for every account: a second each time.
_OF_MOTO = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
_NO_SETTINGS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

Room = Callable[[Call, "Application"], "Reply | None"]


class LocalAws:
    """AWS for one rehearsal at a time: `start`, then use `url`, then `stop`."""

    def __init__(self) -> None:
        """Bind nothing yet."""
        self.rooms: list[Room] = []
        self.url = ""
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None
        self._forgotten: dict[str, str] = {}
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._clients: dict[str, Any] = {}

    def start(self) -> None:
        """Serve on a free loopback port, and until `stop` forget what AWS settings this machine has.

        Profiles, endpoints and the like are read by moto and botocore in many places, and mean another AWS.
        """
        foreign = [name for name in os.environ if name.startswith("AWS_") or name in _OF_MOTO]
        self._forgotten = {name: os.environ.pop(name) for name in foreign}
        os.environ |= _NO_SETTINGS | _OF_MOTO
        # These two imports take a third of a second, which `greenlight --help` need not pay.
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
        from werkzeug.serving import make_server

        class QuietHandler(MotoRequestHandler):
            def log(self, *_args: Any) -> None:
                """Keep a line per call off the terminal."""

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
            for name in _NO_SETTINGS | _OF_MOTO:
                os.environ.pop(name, None)
            os.environ |= self._forgotten

    def reset(self, rooms: Iterable[Room] = ()) -> None:
        """Begin an empty account, with these rooms at its front door."""
        from moto.moto_api._internal.models import moto_api_backend

        self.rooms = []
        moto_api_backend.reset()
        self.rooms = list(rooms)

    def client(self, service: str) -> Any:
        """Give a client that speaks to this AWS as its operator; made once, since reading its model takes its time."""
        from botocore.config import Config
        from botocore.session import Session

        with self._lock:
            if service not in self._clients:
                self._session = self._session or Session()
                self._clients[service] = self._session.create_client(
                    service,
                    region_name=REGION,
                    endpoint_url=self.url,
                    aws_access_key_id=OPERATOR_KEY,
                    aws_secret_access_key=OPERATOR_KEY,
                    config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60, proxies={}),
                )
            return self._clients[service]

    def environment(self, key: str) -> dict[str, str]:
        """Give the environment variables with which a function of the role `key` reaches this AWS, and no other."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": key,
            **_NO_SETTINGS,
        }

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        call = Call(environ)
        try:
            for room in self.rooms:
                reply = room(call, self._moto)
                if reply is not None:
                    return reply.send(start_response)
        except Exception as error:  # noqa: BLE001 - as of any service: the caller gets an answer, whatever breaks in here
            return json_error("InternalFailure", f"{type(error).__name__}: {error}", 500).send(start_response)
        return self._moto(environ, start_response)
