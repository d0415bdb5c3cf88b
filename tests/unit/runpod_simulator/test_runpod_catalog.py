"""The catalogue and the network volumes."""

from typing import Any

import pytest

from tests.unit.runpod_simulator.conftest import GPU, Cloud

STOCK = {"include": "AVAILABILITY", "product": "POD"}


async def gpus(simulator: Cloud, **query: Any) -> dict[str, dict[str, Any]]:
    reply = await simulator.http.get("/v2/catalog/gpus", params=query)
    assert reply.status_code == 200, reply.text
    return {gpu["id"]: gpu for gpu in reply.json()["gpus"]}


async def test_prices_come_without_stock_unless_asked(cloud: Cloud) -> None:
    known = (await gpus(cloud))[GPU]
    assert known["price"] == {"secure": 0.44, "community": 0.31, "serverless": 1.1}
    assert (known["memory"], known["pool"]) == (24, "ADA_24")
    assert "availability" not in known
    assert (await gpus(cloud))["NVIDIA B200"]["pool"] is None


async def test_stock_comes_by_data_center_and_driver(cloud: Cloud) -> None:
    known = (await gpus(cloud, **STOCK))[GPU]
    assert known["availability"] == "HIGH"
    assert {"EU-RO-1", "US-KS-2"} <= {place["id"] for place in known["dataCenters"]}
    assert {"version": "12.8", "available": True} in known["cudaVersions"]
    assert "cudaVersions" not in (await gpus(cloud, **STOCK))["AMD Instinct MI300X OAM"]


async def test_what_is_sold_out_names_no_data_center(cloud: Cloud) -> None:
    await cloud.http.post("/simulator/stock", json={"gpu": GPU, "level": "NONE"})
    known = (await gpus(cloud, **STOCK))[GPU]
    assert known["availability"] == "NONE"
    assert "dataCenters" not in known
    assert known["cudaVersions"][0]["available"] is False
    stock = {"gpu": GPU, "data_center": "EU-RO-1", "level": "LOW"}
    await cloud.http.post("/simulator/stock", json=stock)
    known = (await gpus(cloud, **STOCK))[GPU]
    assert [place["id"] for place in known["dataCenters"]] == ["EU-RO-1"]
    assert known["availability"] == "LOW"


async def test_filters_narrow_the_stock(cloud: Cloud) -> None:
    known = (await gpus(cloud, **STOCK, countryCodes="IS,NO"))[GPU]
    assert {place["id"] for place in known["dataCenters"]} == {"EUR-IS-1", "EUR-NO-1"}
    assert "NVIDIA B200" not in await gpus(cloud, **STOCK, countryCodes="RO")
    assert (await gpus(cloud, **STOCK, count=9))[GPU]["availability"] == "NONE"
    assert (await gpus(cloud, **STOCK, cloud="COMMUNITY"))["NVIDIA L4"]["availability"] == "NONE"
    floor = (await gpus(cloud, **STOCK, minCudaVersion="12.9"))[GPU]
    assert [entry["version"] for entry in floor["cudaVersions"]] == ["12.9", "13.0"]
    none = (await gpus(cloud, **STOCK, cudaVersions="11.8"))[GPU]
    assert none["availability"] == "NONE"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"product": "POD"}, 400),
        ({"include": "AVAILABILITY"}, 400),
        ({"count": "1"}, 400),
        ({"cloud": "SECURE"}, 400),
        ({"countryCodes": "FR"}, 400),
        ({"minCudaVersion": "12.8"}, 400),
        ({**STOCK, "minCudaVersion": "12.8", "cudaVersions": "12.8"}, 400),
        ({**STOCK, "product": "TOASTER"}, 422),
        ({**STOCK, "count": "0"}, 422),
        ({**STOCK, "count": "many"}, 422),
        ({**STOCK, "cloud": "BOTH"}, 422),
        ({**STOCK, "countryCodes": "fr"}, 422),
        ({**STOCK, "cudaVersions": "12"}, 422),
        ({**STOCK, "minCudaVersion": "new"}, 422),
        ({"include": "EVERYTHING"}, 422),
    ],
    ids=str,
)
async def test_parameters_that_do_not_go_together_are_refused(
    cloud: Cloud, query: dict[str, str], status: int
) -> None:
    assert (await cloud.http.get("/v2/catalog/gpus", params=query)).status_code == status


async def test_one_gpu_type_and_one_data_center_can_be_read(cloud: Cloud) -> None:
    assert (await cloud.http.get(f"/v2/catalog/gpus/{GPU}", params=STOCK)).json()["id"] == GPU
    assert (await cloud.http.get("/v2/catalog/gpus/none")).status_code == 404
    place = (await cloud.http.get("/v2/catalog/datacenters/EU-RO-1")).json()
    assert (place["id"], place["region"]) == ("EU-RO-1", "EUROPE")
    assert (await cloud.http.get("/v2/catalog/datacenters/none")).status_code == 404


@pytest.mark.parametrize(
    ("query", "expected", "unexpected"),
    [
        ({"regions": "EUROPE"}, "EU-RO-1", "US-KS-2"),
        ({"regions": "EUROPE,NORTH_AMERICA"}, "US-KS-2", None),
        ({"networkVolumeTypes": "STANDARD,HIGH_PERFORMANCE"}, "US-KS-2", "EU-RO-1"),
        ({"compliance": "GDPR,SOC_2_TYPE_2"}, "EU-RO-1", "EU-CZ-1"),
        ({"globalNetwork": "false"}, "US-MD-1", "EU-RO-1"),
    ],
    ids=str,
)
async def test_data_centers_are_filtered(
    cloud: Cloud, query: dict[str, str], expected: str, unexpected: str | None
) -> None:
    places = (await cloud.http.get("/v2/catalog/datacenters", params=query)).json()
    found = [place["id"] for place in places["dataCenters"]]
    assert expected in found
    assert unexpected not in found
    assert all("gpuAvailability" not in place for place in places["dataCenters"])


async def test_data_centers_tell_their_stock(cloud: Cloud) -> None:
    await cloud.http.post(
        "/simulator/stock", json={"gpu": GPU, "data_center": "EU-RO-1", "level": "MEDIUM"}
    )
    query = {"include": "GPU_AVAILABILITY", "regions": "EUROPE"}
    places = (await cloud.http.get("/v2/catalog/datacenters", params=query)).json()["dataCenters"]
    stock = {place["id"]: place["gpuAvailability"] for place in places}
    assert {"id": GPU, "name": "RTX 4090", "availability": "MEDIUM"} in stock["EU-RO-1"]


async def test_a_volume_is_a_folder(cloud: Cloud) -> None:
    http = cloud.http
    asked = {"name": "models", "size": 50, "dataCenter": "US-KS-2", "type": "HIGH_PERFORMANCE"}
    made = (await http.post("/v2/network-volumes", json=asked)).json()
    assert {key: made[key] for key in asked} == asked
    assert (cloud.app.options.data / "volumes" / made["id"]).is_dir()
    address = f"/v2/network-volumes/{made['id']}"
    grown = await http.patch(address, json={"size": 60})
    assert (grown.json()["size"], (await http.get(address)).json()) == (60, grown.json())
    assert (await http.patch(address, json={"size": 40})).status_code == 400
    assert (await http.patch(address, json={})).status_code == 422
    listed = (await http.get("/v2/network-volumes")).json()["networkVolumes"]
    assert [volume["id"] for volume in listed] == ["models-eu", made["id"]]
    assert (await http.delete(address)).status_code == 204
    assert (await http.delete(address)).status_code == 404


async def test_a_mounted_volume_is_not_deleted(cloud: Cloud) -> None:
    mounts = {"network": [{"volumeId": "models-eu", "path": "/workspace"}]}
    pod = await cloud.create(mounts=mounts)
    assert (await cloud.http.delete("/v2/network-volumes/models-eu")).status_code == 400
    await cloud.http.delete(f"/v2/pods/{pod['id']}")
    assert (await cloud.http.delete("/v2/network-volumes/models-eu")).status_code == 204


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"size": 5}, 422),
        ({"size": 5000}, 422),
        ({"type": "FAST"}, 422),
        ({"bogus": 1}, 422),
        ({"dataCenter": "MOON-1"}, 400),
        ({"dataCenter": "CA-MTL-3"}, 400),
        ({"type": "HIGH_PERFORMANCE"}, 400),
    ],
    ids=str,
)
async def test_bad_volumes_are_refused(cloud: Cloud, changes: dict[str, Any], status: int) -> None:
    asked = {"name": "models", "size": 50, "dataCenter": "EU-RO-1"} | changes
    reply = await cloud.http.post("/v2/network-volumes", json=asked)
    assert reply.status_code == status
