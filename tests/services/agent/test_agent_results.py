"""`GET /view` hands out results of this pod, and nothing else of its disk."""

from typing import Any
from uuid import uuid4

import pytest


async def rendered(pod: Any, http: Any, prompt: Any, saver: str = "SaveImage") -> dict[str, str]:
    prompt_id = str(uuid4())
    (await http.post("/prompt", json=prompt(prompt_id, saver))).raise_for_status()
    entry = await pod.ended(prompt_id)
    return dict(entry["outputs"]["2"]["images"][0])


@pytest.mark.parametrize("saver", ["SaveImage", "PreviewImage"])
async def test_results_and_previews_are_served(
    pod: Any, http: Any, prompt: Any, saver: str
) -> None:
    file = await rendered(pod, http, prompt, saver)
    reply = await http.get("/view", params=file)
    assert (reply.status_code, reply.content[:4]) == (200, b"\x89PNG")
    small = await http.get("/view", params={**file, "preview": "webp;50"})
    assert (small.status_code, small.content[:4]) == (200, b"RIFF")


async def test_a_forgotten_prompt_still_has_its_files(pod: Any, http: Any, prompt: Any) -> None:
    file = await rendered(pod, http, prompt)
    (await http.post("/history", json={"clear": True})).raise_for_status()
    assert (await http.get("/view", params=file)).status_code == 200


async def test_a_new_agent_serves_what_an_old_one_let_render(make_pod: Any, prompt: Any) -> None:
    pod = make_pod().start()
    async with pod.http() as http:
        file = await rendered(pod, http, prompt)
        pod.agent.kill()
        pod.start_agent()
        assert (await http.get("/view", params=file)).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "filename=..%2Fsecret.txt",
        "filename=../secret.txt",
        "filename=..",
        "filename=.",
        "filename=..%5Csecret.txt",
        "filename=a%5C..%5Csecret.txt",
        "filename=/etc/passwd",
        "filename=secret.txt&subfolder=..",
        "filename=secret.txt&subfolder=jobs/../..",
        "filename=passwd&subfolder=/etc",
        "filename=secret.txt&subfolder=..%5C..",
        "filename=secret.txt&type=input",
        "filename=secret.txt&type=user",
        "filename=a%00.png",
        "filename=",
        "",
        "filename=a.png&filename=b.png",
        "filename=a.png&type=output&type=input",
    ],
)
async def test_names_that_could_lead_elsewhere_are_refused(pod: Any, http: Any, query: str) -> None:
    (pod.base / "input" / "secret.txt").write_text("secret")
    (pod.base / "secret.txt").write_text("secret")
    reply = await http.get(f"/view?{query}")
    assert reply.status_code == 422
    assert b"secret" not in reply.content


@pytest.mark.parametrize(
    "query",
    [
        "filename=left.png",
        "filename=left.png&subfolder=jobs",
        "filename=left.png%20[output]",
        "filename=secret.txt%20[input]",
        "filename=blake3:abc",
        "filename=comfyui.db&subfolder=user",
    ],
)
async def test_a_file_that_no_history_names_is_not_there(pod: Any, http: Any, query: str) -> None:
    for folder in ("output", "output/jobs", "output/user"):
        (pod.base / folder).mkdir(parents=True, exist_ok=True)
        (pod.base / folder / "left.png").write_bytes(b"\x89PNG")
    assert (await http.get(f"/view?{query}")).status_code == 404


@pytest.mark.parametrize("what", ["the file", "its folder"])
async def test_a_link_that_leads_out_of_the_folder_is_not_followed(
    pod: Any, http: Any, prompt: Any, what: str
) -> None:
    file = await rendered(pod, http, prompt)
    folder = pod.base / "output" / file["subfolder"]
    outside = pod.folder / f"outside-{uuid4()}"
    outside.mkdir()
    (outside / file["filename"]).write_bytes(b"secret")
    (folder / file["filename"]).unlink()
    if what == "the file":
        (folder / file["filename"]).symlink_to(outside / file["filename"])
    else:
        folder.rmdir()
        folder.symlink_to(outside)
    reply = await http.get("/view", params=file)
    assert reply.status_code == 404
    assert b"secret" not in reply.content


async def test_an_uploaded_photo_is_no_result(http: Any) -> None:
    reply = await http.post("/upload/image", files={"image": ("p.png", b"\x89PNG")})
    assert reply.status_code == 200
    stored = {"filename": reply.json()["name"], "type": "input"}
    assert (await http.get("/view", params=stored)).status_code == 422
