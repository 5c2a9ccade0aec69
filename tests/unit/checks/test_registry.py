"""Validators are loaded by name; an invalid one is rejected with its place and does not affect the others."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from greenlight.api import Validator
from greenlight.checks.registry import ENTRY_POINTS, MalformedError, Registry

PLUGIN = '''
from greenlight.api import Context, Finding, Params, passed, validator

class Tcp(Params, frozen=True, kw_only=True):
    port: int = 80

@validator(Tcp)
def {name}(params: Tcp, context: Context) -> Finding:
    """A port accepts connections."""
    return passed("it does")
'''


class Site:
    """A folder on the import path, with a package of plugins and installed packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"plugins_{folder.name.replace('-', '_')}"
        (folder / self.name).mkdir()

    def plugin(self, stem: str, text: str) -> None:
        (self.folder / self.name / f"{stem}.py").write_text(text)

    def package(self, name: str, points: str, code: str) -> None:
        (self.folder / f"{name}.py").write_text(code)
        info = self.folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\n{points}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.syspath_prepend(tmp_path)
    return Site(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nowhere_at_all", "cannot be loaded: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("def broken(:", "cannot be loaded: SyntaxError"),
        ("raise SystemExit(3)", "cannot be loaded: SystemExit: 3"),
        ("raise ValueError('a\\x1b[2Jb\\n' * 500)", "cannot be loaded: ValueError: a\\x1b[2Jb\\na"),
        ("", "must contain exactly one function decorated with @validator; it contains 0"),
        (PLUGIN.format(name="odd") + PLUGIN.format(name="two"), "it contains 2"),
        (PLUGIN.format(name="other"), "contains the validator 'other'; file and function must have the same name"),
        ("from greenlight.api import validator\nvalidator(dict)", "TypeError: @validator takes a subclass of"),
        (PLUGIN.format(name="odd").replace("params: Tcp, context", "params"), "must take exactly (params, context)"),
        (PLUGIN.format(name="odd").replace('"""A port accepts connections."""', ""), "needs a docstring"),
        (PLUGIN.format(name="odd").replace("(Tcp)", "(Tcp, stages=['Later'])"), "there is no stage 'Later'"),
        (PLUGIN.format(name="odd").replace("(Tcp)", "(Tcp, platforms=['server'])"), "'server' is not a valid Platform"),
        (PLUGIN.format(name="odd").replace("(Tcp)", "(Tcp, cost=7)"), "cost is one line of at most 600 characters"),
        (PLUGIN.format(name="odd").replace("(Tcp)", "(Tcp, remediation='a\\nb')"), "remediation is one line"),
        (PLUGIN.format(name="odd").replace("(Tcp)", "(Tcp, remediation='\\ud800')"), "remediation is one line"),
        (PLUGIN.format(name="odd").replace("(Tcp)", "(Tcp, remediation='x' * 601)"), "remediation is one line"),
    ],
)  # fmt: skip
def test_invalid_validator_is_rejected_with_its_file(site: Site, text: str, message: str) -> None:
    site.plugin("odd", text)

    with pytest.raises(MalformedError) as caught:
        Registry(site.name).get("odd")

    assert str(caught.value).startswith(f"{site.name}/odd.py ")
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("word", ["timeout", "needs", "severity"])
def test_name_of_a_control_key_is_rejected(site: Site, word: str) -> None:
    site.plugin(word, PLUGIN.format(name=word))

    with pytest.raises(MalformedError, match="has the name of a control key"):
        Registry(site.name).get(word)


def test_broken_plugin_does_not_affect_the_others(site: Site) -> None:
    site.plugin("broken", "1 / 0")
    site.plugin("tcp", PLUGIN.format(name="tcp"))

    loaded = dict(Registry(site.name).all())

    assert isinstance(loaded["broken"], MalformedError)
    assert isinstance(loaded["tcp"], Validator)


def test_broken_plugin_is_rejected_every_time(site: Site) -> None:
    site.plugin("broken", "1 / 0")
    registry = Registry(site.name)

    for _ in range(2):
        with pytest.raises(MalformedError, match="ZeroDivisionError"):
            registry.get("broken")


def test_keyboard_interrupt_is_raised(site: Site) -> None:
    site.plugin("stopped", "raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        Registry(site.name).get("stopped")


@pytest.mark.parametrize("name", ["nowhere", "", "os.path", "../tcp", "tcp.sub", "_private", "__init__"])
def test_invalid_name_imports_nothing(site: Site, name: str) -> None:
    site.plugin("tcp", PLUGIN.format(name="tcp"))
    site.plugin("_private", PLUGIN.format(name="_private"))

    assert Registry(site.name).get(name) is None


def test_names_are_listed_without_importing_a_plugin(site: Site) -> None:
    site.plugin("broken", "1 / 0")

    assert "broken" in Registry(site.name).names()
    assert f"{site.name}.broken" not in sys.modules


def test_missing_folder_has_no_validators() -> None:
    assert Registry("a_folder_that_is_not_there").get("http") is None


def test_package_can_bring_a_validator(site: Site) -> None:
    site.package("with_amqp", "amqp = with_amqp:amqp", PLUGIN.format(name="amqp"))
    registry = Registry(site.name)

    loaded = registry.get("amqp")

    assert loaded is not None
    assert (loaded.name, loaded.summary) == ("amqp", "A port accepts connections.")
    assert "amqp" in registry.names()


def test_two_packages_with_the_same_name_are_rejected(site: Site) -> None:
    for package in ("one_amqp", "two_amqp"):
        site.package(package, f"amqp = {package}:amqp", PLUGIN.format(name="amqp"))

    with pytest.raises(
        MalformedError, match=r"is in .*= one_amqp:amqp and .*= two_amqp:amqp; rename one, or remove it"
    ):
        Registry(site.name).get("amqp")


def test_package_with_the_name_of_a_file_is_rejected_and_not_imported(site: Site) -> None:
    site.plugin("tcp", PLUGIN.format(name="tcp"))
    site.package("with_tcp", "tcp = with_tcp:tcp", "raise AssertionError('a package that no plan uses was imported')")
    registry = Registry(site.name)

    for _ in range(2):
        with pytest.raises(
            MalformedError, match=r"is in .*/tcp\.py and the entry point tcp = with_tcp:tcp; rename one"
        ):
            registry.get("tcp")
    assert isinstance(dict(registry.all())["tcp"], MalformedError)
    assert "with_tcp" not in sys.modules


def test_package_in_an_archive_can_bring_a_validator(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(site.folder / "packed.zip", "w") as archive:
        archive.writestr("zipped.py", PLUGIN.format(name="amqp"))
        archive.writestr("zipped-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: zipped\nVersion: 1.0\n")
        archive.writestr("zipped-1.0.dist-info/entry_points.txt", f"[{ENTRY_POINTS}]\namqp = zipped:amqp\n")
    monkeypatch.syspath_prepend(site.folder / "packed.zip")

    assert Registry(site.name).get("amqp") is not None


def test_entry_point_without_object_is_rejected(site: Site) -> None:
    site.package("without_amqp", "amqp = without_amqp:gone", "")

    with pytest.raises(MalformedError, match="the entry point amqp = without_amqp:gone cannot be loaded"):
        Registry(site.name).get("amqp")


def test_every_shipped_validator_is_valid() -> None:
    loaded = dict(Registry().all())

    assert [name for name, plugin in loaded.items() if not isinstance(plugin, Validator)] == []
    assert {"http", "lambda_invoke", "lambda_state", "target_health"} <= loaded.keys()
