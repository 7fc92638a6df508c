"""scripts/fetch_uv.py takes nothing but the pinned wheel, over https."""

import hashlib
import io
import platform
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest

INDEX = "https://index.example/simple"


@pytest.fixture
def fetch_uv(script: Any) -> Any:
    return script("fetch_uv")


def wheel(version: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"uv-{version}.data/scripts/uv", b"the program")
    return content.getvalue()


class Answer(io.BytesIO):
    """What the network gives."""


@pytest.fixture
def network(fetch_uv: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An index that has this wheel; the pin is that of a good one."""
    name = "uv-py3-none-linux.whl"
    good = wheel(fetch_uv.VERSION)
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{INDEX}/")
    monkeypatch.setattr(fetch_uv, "WHEELS", {platform.machine(): (name, hashlib.sha256(good).hexdigest())})

    def serve(content: bytes) -> list[str]:
        asked: list[str] = []
        pages = {f"{INDEX}/uv/": f'<a href="../../files/{name}#sha256=0">x</a>'.encode()}
        pages[f"https://index.example/files/{name}"] = content

        def urlopen(address: str, **_: Any) -> Answer:
            asked.append(address)
            return Answer(pages[address])

        monkeypatch.setattr(urllib.request, "urlopen", urlopen)
        return asked

    return serve


def test_the_pinned_wheel_is_unpacked_into_a_program(fetch_uv: Any, network: Any, tmp_path: Path) -> None:
    asked = network(wheel(fetch_uv.VERSION))

    fetch_uv.main(tmp_path / "bin" / "uv")

    assert asked == [f"{INDEX}/uv/", "https://index.example/files/uv-py3-none-linux.whl"]
    assert (tmp_path / "bin" / "uv").read_bytes() == b"the program"
    assert (tmp_path / "bin" / "uv").stat().st_mode & 0o777 == 0o755
    assert [path.name for path in (tmp_path / "bin").iterdir()] == ["uv"]


def test_a_wheel_with_another_hash_is_refused_and_nothing_is_installed(
    fetch_uv: Any, network: Any, tmp_path: Path
) -> None:
    network(wheel(fetch_uv.VERSION) + b"and more")

    with pytest.raises(SystemExit, match=r"has SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}; nothing was installed"):
        fetch_uv.main(tmp_path / "uv")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["http://index.example/", "file:///etc/passwd", "ftp://x/", "//x/", ""])
def test_an_address_that_is_not_https_is_refused(fetch_uv: Any, address: str) -> None:
    with pytest.raises(SystemExit, match="is not an https address; set UV_DEFAULT_INDEX to one"):
        fetch_uv.read(address, fetch_uv.tls_context())


def test_an_index_that_is_not_https_is_refused(
    fetch_uv: Any, network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = network(wheel(fetch_uv.VERSION))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://index.example/simple")

    with pytest.raises(SystemExit, match=r"http://index\.example/simple/uv/ is not an https address"):
        fetch_uv.main(tmp_path / "uv")

    assert asked == []


def test_a_machine_without_a_pinned_wheel_is_told_which_have_one(
    fetch_uv: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "vax")

    with pytest.raises(SystemExit, match=r"no pinned wheel for vax \(have x86_64, aarch64\); install uv yourself"):
        fetch_uv.main(tmp_path / "uv")


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("https://files.example/ab/uv-1+l.whl", "https://files.example/ab/uv-1+l.whl"),
        ("https://files.example/ab/uv-1%2Bl.whl#sha256=00", "https://files.example/ab/uv-1%2Bl.whl"),
        ("../../files/uv-1+l.whl", "https://index.example/files/uv-1+l.whl"),
        ("/files/uv-1+l.whl", "https://index.example/files/uv-1+l.whl"),
    ],
    ids=["absolute", "quoted_with_hash", "relative", "rooted"],
)
def test_a_file_is_found_on_a_page_of_the_simple_index(fetch_uv: Any, target: str, address: str) -> None:
    page = f'<a href="https://files.example/ab/xuv-1+l.whl">no</a>\n<a class="x" href="{target}" data-x="y">uv</a>'

    assert fetch_uv.find_address(page, "https://index.example/simple/uv/", "uv-1+l.whl") == address


def test_a_file_that_is_not_on_the_page_is_named(fetch_uv: Any) -> None:
    with pytest.raises(SystemExit, match=r"uv-1\.whl is not at https://index\.example/uv/; install uv"):
        fetch_uv.find_address('<a href="/files/uv-2.whl">', "https://index.example/uv/", "uv-1.whl")
