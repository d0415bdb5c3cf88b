"""Albums over HTTP: photos are put together, looked at and restored; nothing else changes them."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from rekindle.errors import WorkflowsUnavailable
from tests.services.api.conftest import MakeJob, Succeed, World
from tests.services.api.orders.album_shelf import Shelf
from tests.services.api.orders.conftest import SetSettings
from tests.services.statements import statements


@pytest.fixture
def shelf(
    http: httpx.AsyncClient, world: World, tmp_path: Path, make_job: MakeJob, succeed: Succeed
) -> Shelf:
    return Shelf(http, world.database, world.objects, tmp_path, make_job, succeed)


async def test_an_album_tells_of_each_photo_and_what_all_would_cost(
    shelf: Shelf, world: World
) -> None:
    one, two = await shelf.photo(), await shelf.photo()
    plain = await shelf.photo(is_restored=False)
    album = await shelf.album(two, plain, one)
    assert (album["title"], album["photos"]) == ("Summer", 3)
    assert [each["job_id"] for each in album["items"]] == [two["id"], plain["id"], one["id"]]
    codes = [each["problem"] and each["problem"]["code"] for each in album["items"]]
    assert codes == [None, "nothing_selected", None]
    first, second = album["items"][:2]
    assert first["restoration"]["id"] == two["selected_restore_id"]
    assert first["restoration"]["preview_url"]
    assert (first["hd"], second["restoration"]) == (None, None)
    assert album["offer"] == {
        "photos": 2,
        "amount": 898,
        "single_amount": 998,
        "currency": "usd",
    }
    with statements(world.database) as sent:
        assert await shelf.look(album) == album
    assert len(sent) == 3  # the album, its photos, and the orders of those


async def test_looking_at_what_is_under_way_takes_one_statement_more(
    shelf: Shelf, world: World
) -> None:
    photo = await shelf.photo(is_restored=False)
    started = (await shelf.http.post(photo["links"]["restore"])).json()
    album = await shelf.album(photo)
    with statements(world.database) as sent:
        [item] = (await shelf.look(album))["items"]
    assert len(sent) == 4
    assert (item["restoration"]["id"], item["restoration"]["status"]) == (started["id"], "queued")
    assert item["problem"]["code"] == "nothing_selected"


async def test_photos_are_put_in_behind_the_others_and_taken_out(shelf: Shelf) -> None:
    one, two, three = [await shelf.photo(is_restored=False) for _ in range(3)]
    album = await shelf.album(one, two)
    wish = {"job_ids": [three["id"], one["id"], three["id"]]}
    reply = await shelf.http.post(album["links"]["items"], json=wish)
    assert reply.status_code == 200
    items = reply.json()["items"]
    assert [each["job_id"] for each in items] == [one["id"], two["id"], three["id"]]
    assert (await shelf.http.delete(items[0]["links"]["self"])).status_code == 204
    assert (await shelf.http.delete(items[0]["links"]["self"])).status_code == 404
    assert [each["job_id"] for each in (await shelf.look(album))["items"]] == [
        two["id"],
        three["id"],
    ]
    assert (await shelf.http.get(one["links"]["self"])).status_code == 200


async def test_an_album_that_is_deleted_leaves_its_photos(shelf: Shelf) -> None:
    photo = await shelf.photo(is_restored=False)
    album = await shelf.album(photo)
    assert (await shelf.http.delete(album["links"]["self"])).status_code == 204
    assert (await shelf.http.get(album["links"]["self"])).status_code == 404
    assert (await shelf.http.delete(album["links"]["self"])).status_code == 404
    assert (await shelf.http.get(photo["links"]["self"])).status_code == 200


async def test_a_deleted_photo_is_in_no_album_until_it_is_had_back(shelf: Shelf) -> None:
    photo, other = await shelf.photo(is_restored=False), await shelf.photo(is_restored=False)
    album = await shelf.album(photo, other)
    assert (await shelf.http.delete(photo["links"]["delete"])).status_code == 202
    found = await shelf.look(album)
    assert ([each["job_id"] for each in found["items"]], found["photos"]) == ([other["id"]], 1)
    await shelf.http.post(f"{photo['links']['self']}/undelete")
    assert (await shelf.look(album))["photos"] == 2


async def test_nobody_puts_anothers_photo_into_an_album_or_sees_anothers_album(
    shelf: Shelf, stranger: httpx.AsyncClient, make_job: MakeJob
) -> None:
    mine, theirs = await shelf.photo(), await make_job(stranger)
    album = await shelf.album(mine)
    for wish in ([theirs["id"]], [mine["id"], theirs["id"]], [str(uuid4())]):
        made = await shelf.http.post("/api/v1/albums", json={"job_ids": wish})
        put = await shelf.http.post(album["links"]["items"], json={"job_ids": wish})
        assert (made.json()["code"], put.json()["code"]) == ("job_not_found", "job_not_found")
    assert [each["job_id"] for each in (await shelf.look(album))["items"]] == [mine["id"]]
    links = album["links"]
    asked = [
        await stranger.get(links["self"]),
        await stranger.get(links["zip"]),
        await stranger.post(links["items"], json={"job_ids": [theirs["id"]]}),
        await stranger.post(links["restore"]),
        await stranger.post(links["checkout"]),
        await stranger.delete(album["items"][0]["links"]["self"]),
        await stranger.delete(links["self"]),
    ]
    assert {reply.json()["code"] for reply in asked} == {"album_not_found"}
    assert (await stranger.get("/api/v1/albums")).json()["albums"] == []


async def test_an_album_holds_so_many_photos_and_no_more(
    shelf: Shelf, set_settings: SetSettings
) -> None:
    set_settings(max_album_photos=2)
    photos = [await shelf.photo(is_restored=False) for _ in range(3)]
    ids = [each["id"] for each in photos]
    made = await shelf.http.post("/api/v1/albums", json={"job_ids": ids})
    assert (made.status_code, made.json()["code"]) == (409, "album_full")
    album = await shelf.album(*photos[:2])
    put = await shelf.http.post(album["links"]["items"], json={"job_ids": ids[2:]})
    assert put.json()["code"] == "album_full"
    assert (await shelf.http.post(album["links"]["items"], json={"job_ids": ids[:2]})).is_success


async def test_albums_come_newest_first_in_pages_without_a_gap(shelf: Shelf) -> None:
    photo = await shelf.photo(is_restored=False)
    made = [(await shelf.album(photo))["id"] for _ in range(3)]
    first = (await shelf.http.get("/api/v1/albums?limit=2")).json()
    second = (await shelf.http.get(first["links"]["next"])).json()
    found = [each["id"] for page in (first, second) for each in page["albums"]]
    assert found == made[::-1]
    assert (first["albums"][0]["photos"], second["links"]["next"]) == (1, None)


async def test_the_same_key_makes_one_album(shelf: Shelf) -> None:
    wish = {"job_ids": [(await shelf.photo(is_restored=False))["id"]]}
    key = {"Idempotency-Key": uuid4().hex}
    replies = [await shelf.http.post("/api/v1/albums", json=wish, headers=key) for _ in range(2)]
    assert replies[0].json() == replies[1].json()
    assert len((await shelf.http.get("/api/v1/albums")).json()["albums"]) == 1


@pytest.mark.parametrize("title", ["a\x00b", "x" * 201, "two\nlines"], ids=["nul", "long", "lines"])
async def test_a_title_is_one_printable_line(shelf: Shelf, title: str) -> None:
    wish = {"job_ids": [str(uuid4())], "title": title}
    reply = await shelf.http.post("/api/v1/albums", json=wish)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")


async def restored(shelf: Shelf, album: dict[str, Any], **headers: str) -> list[dict[str, Any]]:
    wish = {"denoise": 0.5}
    reply = await shelf.http.post(album["links"]["restore"], json=wish, headers=headers)
    assert reply.status_code == 202, reply.text
    items: list[dict[str, Any]] = reply.json()["items"]
    return items


async def test_every_photo_without_a_restoration_gets_one_with_the_same_parameters(
    shelf: Shelf, world: World
) -> None:
    has_one = await shelf.photo()
    lacking = [await shelf.photo(is_restored=False) for _ in range(2)]
    album = await shelf.album(has_one, *lacking)
    world.jobs.restored.clear()
    items = await restored(shelf, album)
    assert [each["outcome"] for each in items] == ["has_one", "started", "started"]
    assert {each["restoration"]["parameters"]["denoise"] for each in items[1:]} == {0.5}
    assert len({command.attempt_id for command in world.jobs.restored}) == 2
    again = await restored(shelf, album)
    assert {each["outcome"] for each in again} == {"has_one"}


async def test_what_is_refused_of_one_photo_is_told_and_may_be_asked_for_again(
    shelf: Shelf, world: World, set_settings: SetSettings
) -> None:
    album = await shelf.album(*[await shelf.photo(is_restored=False) for _ in range(3)])
    set_settings(max_open_attempts=2)
    first = await restored(shelf, album)
    assert [each["outcome"] for each in first] == ["started", "started", "refused"]
    assert first[2]["problem"]["code"] == "too_many_open_attempts"
    assert first[2]["problem"]["retryable"]
    set_settings(max_open_attempts=0)
    world.jobs.failure = WorkflowsUnavailable()
    key = {"Idempotency-Key": uuid4().hex}
    away = await restored(shelf, album, **key)
    assert [each["outcome"] for each in away] == ["has_one", "has_one", "refused"]
    assert away[2]["problem"]["code"] == "workflows_unavailable"
    world.jobs.failure = None
    better = await restored(shelf, album, **key)
    assert [each["outcome"] for each in better] == ["has_one", "has_one", "started"]
    assert await restored(shelf, album, **key) == better
    assert len(world.jobs.restored) == 3


async def test_parameters_that_fit_no_photo_are_refused_at_once(shelf: Shelf) -> None:
    album = await shelf.album(await shelf.photo(is_restored=False))
    for wish, code in (
        ({"denoise": 2}, "parameter_out_of_range"),
        ({"graph": "x"}, "unknown_graph"),
    ):
        reply = await shelf.http.post(album["links"]["restore"], json=wish)
        assert (reply.status_code, reply.json()["code"]) == (422, code)
