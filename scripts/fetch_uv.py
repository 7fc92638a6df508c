"""Fetch uv's wheel from the package index with the standard library alone and unpack the program.

    python3 scripts/fetch_uv.py DESTINATION

The wheel is pinned by its SHA-256, so what arrives is what was meant, whoever delivered it. On a system without CA
certificates the connection cannot be verified; the hash still can, and the transfer goes on with a word about it.
`UV_DEFAULT_INDEX` or `PIP_INDEX_URL` name another index than PyPI.
"""

import hashlib
import io
import os
import platform
import re
import ssl
import sys
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

VERSION = "0.13.8"
WHEELS = {
    "x86_64": (
        "uv-0.13.8-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984",
    ),
    "aarch64": (
        "uv-0.13.8-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
        "0b3e8b1a4f5e405e31e2ff33de8af4744831e9f7338539671efbd8c3c94e791d",
    ),
}
INDEX = "https://pypi.org/simple"
_TIMEOUT_SECONDS = 120


def tls_context() -> ssl.SSLContext:
    """Verify the server if the system has certificates to do it with."""
    context = ssl.create_default_context()
    if not context.get_ca_certs() and not os.environ.get("SSL_CERT_FILE"):
        print("no CA certificates here; relying on the pinned hash", file=sys.stderr)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def read(address: str, context: ssl.SSLContext) -> bytes:
    """The content of an https address."""
    if not address.startswith("https://"):
        raise SystemExit(f"fetch_uv: {address} is not an https address; set UV_DEFAULT_INDEX to one")
    with urllib.request.urlopen(address, timeout=_TIMEOUT_SECONDS, context=context) as answer:  # noqa: S310
        return answer.read()


def find_address(page: str, page_address: str, name: str) -> str:
    """Address of a file on a page of the simple index (PEP 503)."""
    for target in re.findall(r'href="([^"]+)"', page):
        if urllib.parse.unquote(target.split("#")[0]).endswith(f"/{name}"):
            return urllib.parse.urljoin(page_address, target.split("#")[0])
    raise SystemExit(f"fetch_uv: {name} is not at {page_address}; install uv {VERSION} and run this again")


def main(destination: Path) -> None:
    """Fetch, verify and unpack."""
    machine = platform.machine()
    if machine not in WHEELS:
        raise SystemExit(f"fetch_uv: no pinned wheel for {machine} (have {', '.join(WHEELS)}); install uv yourself")
    name, digest = WHEELS[machine]
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL") or INDEX
    page_address = f"{index.rstrip('/')}/uv/"
    context = tls_context()
    wheel = read(find_address(read(page_address, context).decode(), page_address, name), context)
    received = hashlib.sha256(wheel).hexdigest()
    if received != digest:
        raise SystemExit(f"fetch_uv: {name} has SHA-256 {received}, expected {digest}; nothing was installed")
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        program = archive.read(f"uv-{VERSION}.data/scripts/uv")
    destination.parent.mkdir(parents=True, exist_ok=True)
    partial = destination.with_suffix(".partial")
    partial.write_bytes(program)
    partial.chmod(0o755)
    partial.replace(destination)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
