"""The door to a Dask cluster: addresses, and functions that are sent by their names."""

from __future__ import annotations

import asyncio
import operator
import socket
import sys
from collections.abc import Iterator
from time import perf_counter

import pytest

from fastcheck.cluster.client import Cluster
from fastcheck.cluster.names import by_name, by_name_at_once
from fastcheck.errors import InputError
from tests.conftest import FreshPython

distributed = pytest.importorskip("distributed", reason="dask[distributed] is not installed")

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for half a second."""
    monkeypatch.setattr("fastcheck.cluster.client.CONNECT", 0.5)


@pytest.fixture
def deaf() -> Iterator[str]:
    """Return the address of something that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def refused(address: str) -> str:
    start = perf_counter()
    with pytest.raises(InputError) as caught:
        Cluster(address, "topic")
    assert perf_counter() - start < 5.0
    message = str(caught.value)
    assert "\n" not in message
    beginning = "`--dask` must be the address of a Dask scheduler, such as tcp://host:8786, got "
    assert message.startswith(f"{beginning}{address!r}: ")
    assert message.endswith("; give the address that it prints at its start")
    return message


def test_an_address_at_which_nobody_is_is_refused() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    assert "none answers there within" in refused(f"tcp://127.0.0.1:{port}")


def test_one_who_is_no_scheduler_is_not_waited_for(deaf: str) -> None:
    assert "none answers there within" in refused(deaf)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("nonsense", "missing port number in address 'nonsense'"),
        ("http://127.0.0.1:8787", "unknown address scheme 'http'"),
        ("tcp://", "missing port number"),
    ],
)
def test_what_is_no_address_is_refused(address: str, reason: str) -> None:
    assert reason in refused(address)


def test_without_dask_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"needs Dask: pip install 'fastcheck\[dask\]'"):
        Cluster("tcp://127.0.0.1:8786", "topic")


def add(a: int, b: int) -> int:
    return a + b


async def multiply(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a * b


def test_a_function_is_sent_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, add.__module__, sys.modules[__name__])
    assert by_name(add)(2, 3) == 5
    assert asyncio.run(by_name_at_once(add)(2, 3)) == 5
    assert asyncio.run(by_name_at_once(multiply)(2, 3)) == 6


def test_a_scheduler_needs_nothing_of_the_package(fresh_python: FreshPython) -> None:
    content = distributed.protocol.pickle.dumps(by_name(operator.add))
    code = (
        "import sys; sys.modules['fastcheck'] = None\n"
        "from distributed.protocol.pickle import loads\n"
        "print(loads(bytes.fromhex(sys.argv[1]))(2, 3))"
    )
    assert fresh_python(code, content.hex()).stdout == "5\n"
