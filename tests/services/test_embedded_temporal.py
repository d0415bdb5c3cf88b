"""The embedded Temporal is the real server, and what it accepted survives a crash."""

import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.testing import TimeSkipper

from deploy.embedded.ports import free_port, is_free
from deploy.embedded.temporal import EmbeddedTemporal
from rekindle.errors import DataInUse, PortTaken

STAGE = SearchAttributeKey.for_keyword("Stage")
OWNER = SearchAttributeKey.for_keyword("Owner")
NAMESPACE = "photos"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTemporal]:
    data = tmp_path_factory.mktemp("embedded") / "temporal"
    attributes = {"Stage": "Keyword"}
    with EmbeddedTemporal(
        data, namespace=NAMESPACE, search_attributes=attributes, time_skipping=True
    ) as server:
        yield server


async def connect(server: EmbeddedTemporal) -> Client:
    return await Client.connect(server.address.address, namespace=server.address.namespace)


async def test_a_workflow_can_be_started_as_soon_as_the_server_is_up(tmp_path: Path) -> None:
    server = EmbeddedTemporal(tmp_path, namespace=NAMESPACE)
    with server:
        client = await connect(server)
        assert await client.service_client.check_health()
        handle = await client.start_workflow("Any", id="first", task_queue="nobody")
        assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
        server.kill()  # quicker than an orderly stop
    assert not server.is_running
    assert all(is_free(port) for port in server._ports())


async def test_a_started_workflow_survives_kill_minus_9_on_the_same_ports(
    server: EmbeddedTemporal,
) -> None:
    client = await connect(server)
    await client.start_workflow("Any", id="survivor", task_queue="nobody")
    address, pid = server.address, server.pid
    server.kill()
    assert not server.is_running
    server.start()

    assert server.address == address
    assert server.pid != pid
    found = await client.get_workflow_handle("survivor").describe()  # the same client goes on
    assert found.status == WorkflowExecutionStatus.RUNNING


async def test_workflows_are_found_by_a_registered_search_attribute(
    server: EmbeddedTemporal,
) -> None:
    client = await connect(server)
    stage = TypedSearchAttributes([SearchAttributePair(STAGE, "rendering")])
    await client.start_workflow("Any", id="found", task_queue="nobody", search_attributes=stage)
    count = await client.count_workflows("Stage = 'rendering'")
    while count.count == 0:  # visibility is eventually consistent; bounded by the test's time-out
        count = await client.count_workflows("Stage = 'rendering'")

    assert count.count == 1


async def test_time_skipping_is_allowed_where_it_was_asked_for(server: EmbeddedTemporal) -> None:
    skipping = TimeSkipper(await connect(server)).client

    handle = await skipping.start_workflow("Any", id="skipping", task_queue="nobody")

    assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING


def test_the_web_ui_and_the_metrics_answer(server: EmbeddedTemporal) -> None:
    assert get(server.address.ui_url + "/") == 200
    assert get(server.address.metrics_url) == 200


def test_a_second_server_on_the_same_data_is_refused(server: EmbeddedTemporal) -> None:
    second = EmbeddedTemporal(server.data)

    with pytest.raises(DataInUse, match=str(server.data)):
        second.start()
    assert server.is_running


def test_a_taken_port_is_refused_before_anything_runs(
    server: EmbeddedTemporal, tmp_path: Path
) -> None:
    taken = int(server.address.address.rpartition(":")[2])
    second = EmbeddedTemporal(tmp_path, port=taken)

    with pytest.raises(PortTaken, match=f"temporal .* port {taken}"):
        second.start()
    assert not second.is_running


async def test_a_later_start_may_use_other_ports_and_more_search_attributes(
    tmp_path: Path,
) -> None:
    with EmbeddedTemporal(tmp_path, search_attributes={"Stage": "Keyword"}) as first:
        client = await connect(first)
        await client.start_workflow("Any", id="kept", task_queue="nobody")
        first.kill()
    port, ui_port = free_port(), free_port()
    attributes = {"Stage": "Keyword", "Owner": "Keyword"}
    with EmbeddedTemporal(
        tmp_path, search_attributes=attributes, port=port, ui_port=ui_port
    ) as second:
        assert second.address.address == f"127.0.0.1:{port}"
        assert second.address.ui_url == f"http://127.0.0.1:{ui_port}"
        client = await connect(second)
        kept = await client.get_workflow_handle("kept").describe()
        assert kept.status == WorkflowExecutionStatus.RUNNING
        owner = TypedSearchAttributes([SearchAttributePair(OWNER, "somebody")])
        await client.start_workflow("Any", id="new", task_queue="nobody", search_attributes=owner)
        second.kill()


def get(url: str) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status
    finally:
        connection.close()
