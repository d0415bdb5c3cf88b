import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.embedded import ports
from rekindle.errors import PortTaken


def listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.bind((ports.HOST, port))
    listener.listen()
    return listener


@pytest.fixture
def block() -> Iterator[tuple[int, ports.PortBlock]]:
    """A block that nobody had reserved, with its number."""
    for number in range(ports.BLOCKS):
        try:
            mine = ports.PortBlock(number)
        except OSError:
            continue
        yield number, mine
        mine.release()
        return
    pytest.fail("every block is reserved")


def test_ports_are_never_handed_out_twice_even_to_threads_at_once() -> None:
    with ThreadPoolExecutor(8) as pool:
        picked = list(pool.map(lambda _: ports.free_port(), range(120)))

    assert len(set(picked)) == 120
    assert all(ports.is_free(port) for port in picked)


def test_ports_and_their_twins_stay_below_the_ephemeral_range() -> None:
    highest = ports.LOWEST + ports.BLOCKS * ports.BLOCK_SIZE - 1

    assert highest < ports.LOWEST + ports.TWIN_OFFSET
    assert highest + ports.TWIN_OFFSET < 32768


def test_a_reserved_block_is_refused_to_everybody_else_until_it_is_released(
    block: tuple[int, ports.PortBlock],
) -> None:
    number, mine = block
    with pytest.raises(OSError, match="in use"):
        ports.PortBlock(number)
    mine.release()

    ports.PortBlock(number).release()


def test_a_port_in_use_is_skipped() -> None:
    with listen(ports.free_port()) as listener:
        taken = listener.getsockname()[1]

        assert not ports.is_free(taken)
        assert ports.free_port() != taken


def test_a_port_whose_twin_is_in_use_is_skipped(block: tuple[int, ports.PortBlock]) -> None:
    first = block[1].next_free(twin=False)
    assert first is not None
    with listen(first + 1 + ports.TWIN_OFFSET):
        assert block[1].next_free(twin=True) == first + 2


def test_a_used_up_block_has_no_port_left(block: tuple[int, ports.PortBlock]) -> None:
    handed_out = list(iter(lambda: block[1].next_free(twin=False), None))

    assert len(handed_out) == len(set(handed_out)) <= ports.BLOCK_SIZE
    assert block[1].next_free(twin=False) is None


def test_the_error_names_the_port_that_is_taken() -> None:
    free = ports.free_port()
    with listen(ports.free_port()) as listener:
        taken = listener.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"temporal .* port {taken}\.") as refusal:
            ports.require_free("temporal", [free, taken])

    assert refusal.value.code == "port_taken"
