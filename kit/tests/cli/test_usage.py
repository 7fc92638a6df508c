"""The command line: what it refuses, with which exit code, and what it says."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from millrace import __version__
from millrace.cli.main import cli


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo", "--source", "x"], "--source needs --domain: say whose source it is"),
        (["demo", "--mapping", "tate"], "--mapping needs --source: made-up data brings its own mapping"),
        (["demo", "--domain", "mill", "--mapping", "tate"], "--mapping needs --source"),
        (["demo", "--domain", "mill", "--source", "x", "--rows", "5"], "--rows is for made-up data; leave it out"),
        (["demo", "--rows", "0"], "Invalid value for '--rows': 0 is not in the range x>=1"),
        (["demo", "--rows", "many"], "'many' is not a valid integer range"),
        (["demo", "--port", "70000"], "70000 is not in the range 1<=x<=65535"),
        (["demo", "--out", __file__], f"Directory '{__file__}' is a file"),
        (["demo", "--colour"], "No such option"),
        (["sample"], "Missing argument 'DOMAIN'"),
        (["sample", "mill"], "Missing option '--out'"),
        (["dance"], "No such command 'dance'"),
    ],
    ids=lambda value: " ".join(value).replace("/", "_")[:40] if isinstance(value, list) else "",
)
def test_a_wrong_call_ends_with_2_and_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)

    result = invoke(*arguments)

    assert result.exit_code == 2
    assert message in result.output
    assert list(tmp_path.iterdir()) == [], "something was begun"


def test_a_source_that_is_not_there_is_refused_before_anything_starts(tmp_path: Path) -> None:
    home = tmp_path / "home"
    result = CliRunner().invoke(
        cli, ["demo", "--domain", "museum", "--source", str(tmp_path / "x"), "--out", str(home)]
    )

    assert result.exit_code == 2
    assert f"no file or folder {tmp_path / 'x'}" in result.output
    assert not home.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["demo", "domains", "sample", "rejects", "credentials", "status", "source", "launch"]),
        (["--help"], ["alerts", "report", "grafana", "graph"]),
        (["-h"], ["demo", "domains", "sample"]),
        (["demo", "--help"], ["--domain", "--source", "--mapping", "--rows", "--out", "--json", "--ui", "--port"]),
        (["domains", "--help"], ["List the installed domains."]),
        (["alerts", "--help"], ["build", "check", "list", "windows", "record", "silence", "silences", "unsilence"]),
        (["sample", "--help"], ["DOMAIN", "--rows", "--seed", "--out"]),
        (["report", "--help"], ["--home", "--out", "--dagster"]),
        (["grafana", "--help"], ["build", "check", "queries", "verify", "annotate"]),
        (["graph", "--help"], ["ask", "queries", "picture", "model", "status", "switch"]),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith(("-", "d", "s", "a")) else "",
)
def test_each_command_explains_itself(arguments: list[str], words: list[str]) -> None:
    result = invoke(*arguments)

    assert result.exit_code == 0
    for word in words:
        assert word in result.output


def test_no_command_is_missing_from_the_test_above() -> None:
    assert set(cli.commands) == {
        *("demo", "domains", "sample", "rejects", "report"),
        *("credentials", "status", "source", "launch", "alerts", "grafana", "graph"),
    }


def test_the_version_is_the_packages() -> None:
    assert __version__ in invoke("--version").output


def test_installed_domains_are_listed_with_their_modules(workshop: Any) -> None:
    domain = workshop.write("")

    result = invoke("domains")

    assert result.exit_code == 0
    assert f"mill\t{domain.package}.definitions\n" in result.output


@pytest.mark.parametrize(
    "arguments", [["demo", "--domain", "moon"], ["sample", "moon", "--out", "here"]], ids=lambda value: value[0]
)
def test_an_unknown_domain_is_one_line_that_lists_the_installed_ones(
    workshop: Any, tmp_path: Path, arguments: list[str]
) -> None:
    workshop.write("", name="a_mill")  # before all others that may be installed
    here = tmp_path / "here"
    here.mkdir()
    ended = subprocess.run(
        [sys.executable, "-m", "millrace.cli", *arguments], cwd=here, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 1
    assert ended.stdout == ""
    beginning = "millrace: domain 'moon': is not installed; installed are: a_mill"
    assert ended.stderr.startswith(beginning)
    assert len(ended.stderr.splitlines()) == 1
    assert list(here.iterdir()) == []


def test_help_answers_without_loading_dagster() -> None:
    code = "import sys; from millrace.cli.main import cli; cli(['demo', '--help'], standalone_mode=False); "
    code += "print(sorted({'dagster', 'polars', 'altair'} & set(sys.modules)))"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.splitlines()[-1] == "[]"
