"""What the doctor finds about an account at RunPod."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from deploy.doctor.cloud import runpod
from deploy.doctor.finding import Verdict
from deploy.doctor.rendering import comfyui
from rekindle.settings import Settings
from rekindle.wiring.parts import volume_store


def settings(account: Any, **changed: Any) -> Settings:
    given: dict[str, Any] = {
        "runpod_api_key": SecretStr(account.key),
        "runpod_api_url": account.url,
        "runpod_network_volume_id": account.volume_id,
        "comfyui_url": None,
    }
    return Settings(_env_file=None, **{**given, **changed})


async def told(given: Settings) -> list[tuple[str, Verdict, str]]:
    return [(f.subject, f.verdict, f"{f.found} -> {f.mend}") for f in await runpod(given)]


async def test_a_good_account_is_told_with_its_volume_and_where_that_is(account: Any) -> None:
    (reached, volume) = await told(settings(account))
    assert reached[:2] == ("RunPod", Verdict.GOOD)
    assert volume[:2] == ("RunPod volume", Verdict.GOOD)
    assert account.data_center in volume[2]


async def test_without_any_setting_of_runpod_there_is_nothing_to_say(account: Any) -> None:
    assert await told(settings(account, runpod_api_key=None, runpod_network_volume_id=None)) == []


@pytest.mark.parametrize(
    ("changed", "subject", "verdict", "mend"),
    [
        ({"runpod_api_key": None}, "RunPod", Verdict.WARNING, "RUNPOD_API_KEY"),
        ({"runpod_api_key": SecretStr("stale-key")}, "RunPod", Verdict.MISSING, "RUNPOD_API_KEY"),
        ({"runpod_api_key": SecretStr("a b")}, "RunPod", Verdict.MISSING, "RUNPOD_API_KEY"),
        ({"runpod_api_url": "http://example.com"}, "RunPod", Verdict.MISSING, "RUNPOD_API_URL"),
        (
            *({"runpod_network_volume_id": "vol-x"}, "RunPod volume", Verdict.MISSING),
            "RUNPOD_NETWORK_VOLUME_ID",
        ),
        ({"runpod_network_volume_id": None}, "RunPod volume", Verdict.WARNING, "rekindle volumes"),
    ],
    ids=["no-key", "wrong-key", "impossible-key", "plain-http", "no-such-volume", "no-volume"],
)
async def test_what_lacks_is_told_with_how_to_mend_it(
    account: Any, changed: dict[str, Any], subject: str, verdict: Verdict, mend: str
) -> None:
    found = await told(settings(account, **changed))
    assert found[-1][:2] == (subject, verdict)
    assert mend in found[-1][2]
    assert not any("stale-key" in text for _, _, text in found)


def with_s3(account: Any, secret: str) -> dict[str, Any]:
    return {
        "runpod_s3_access_key": account.s3_access,
        "runpod_s3_secret_key": SecretStr(secret),
        "runpod_s3_endpoint_url": account.s3_url,
    }


async def test_the_files_of_the_volume_are_looked_at_where_there_are_keys_to_them(
    account: Any, tmp_path: Path
) -> None:
    given = settings(account, **with_s3(account, account.s3_secret))
    empty = (await told(given))[-1]
    store = volume_store(given, data_center=account.data_center)
    assert store is not None
    model = tmp_path / "model"
    model.write_bytes(b"weights")
    await store.put_file("models/vae/model", model, content_type="binary/octet-stream")
    (*_, filled) = await told(given)
    (*_, refused) = await told(settings(account, **with_s3(account, "rps_wrong")))

    assert {found[0] for found in (empty, filled, refused)} == {"RunPod volume's S3"}
    verdicts = [found[1] for found in (empty, filled, refused)]
    assert verdicts == [Verdict.WARNING, Verdict.GOOD, Verdict.MISSING]
    assert "RUNPOD_S3_" in refused[2]
    assert "rps_" not in refused[2]


async def test_a_volume_where_no_gpu_is_left_is_warned_about(account: Any) -> None:
    given = settings(account)
    for gpu in account.gpus():
        account.stock(gpu=gpu, data_center=account.data_center, level="NONE")
    (_, volume) = await told(given)
    assert volume[1] is Verdict.WARNING


async def test_an_account_that_does_not_answer_is_missing(account: Any) -> None:
    account.plan({"kind": "server_error", "route": "GET /v2/pods"})
    (found,) = await told(settings(account))
    assert found[1] is Verdict.MISSING


async def test_who_rents_pods_needs_no_fixed_server(account: Any) -> None:
    assert await comfyui(settings(account)) == []
    (lacks,) = await comfyui(settings(account, runpod_api_key=None))
    assert "RUNPOD_API_KEY" in lacks.mend
