"""Lists page, events are kept for a month, ids expand."""

import pytest

from tests.unit.stripe_simulator.conftest import Shop, error_of

URL = "/v1/checkout/sessions"
DAY = 86_400


async def test_a_list_is_walked_forth_and_back(shop: Shop) -> None:
    made = [(await shop.open_session())["id"] for _ in range(5)][::-1]
    first = await shop.get(URL, limit="2")
    assert (first["object"], first["url"], first["has_more"]) == ("list", URL, True)
    assert [one["id"] for one in first["data"]] == made[:2]
    second = await shop.get(URL, limit="2", starting_after=made[1])
    assert ([one["id"] for one in second["data"]], second["has_more"]) == (made[2:4], True)
    last = await shop.get(URL, limit="2", starting_after=made[3])
    assert ([one["id"] for one in last["data"]], last["has_more"]) == (made[4:], False)
    back = await shop.get(URL, limit="2", ending_before=made[3])
    assert ([one["id"] for one in back["data"]], back["has_more"]) == (made[1:3], True)
    start = await shop.get(URL, limit="2", ending_before=made[1])
    assert ([one["id"] for one in start["data"]], start["has_more"]) == (made[:1], False)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"starting_after": "cs_none"}, "starting_after"),
        ({"starting_after": "a", "ending_before": "b"}, None),
        ({"colour": "red"}, "colour"),
        ({"created[after]": "5"}, "created[after]"),
    ],
    ids=["none", "too many", "no number", "no such place", "both ways", "unknown", "no bound"],
)
async def test_a_wrong_query_is_refused(
    shop: Shop, query: dict[str, str], param: str | None
) -> None:
    reply = await shop.http.get(URL, params=query)
    assert reply.status_code == 400
    assert error_of(reply).get("param") == param


async def test_lists_are_cut_by_time(shop: Shop) -> None:
    early = await shop.open_session()
    await shop.control("clock", advance=100)
    late = await shop.open_session()
    for query, found in (
        ({"created[gt]": early["created"]}, [late]),
        ({"created[gte]": early["created"]}, [late, early]),
        ({"created[lt]": late["created"]}, [early]),
        ({"created[lte]": late["created"], "created[gt]": early["created"]}, [late]),
        ({"created": early["created"]}, [early]),
    ):
        listed = await shop.get(URL, **{word: str(at) for word, at in query.items()})
        assert listed["data"] == found, query


async def test_events_show_what_was_then_and_are_found_by_type(shop: Shop) -> None:
    session = await shop.open_session()
    await shop.control("pay", session=session["id"], **{"with": "bank"})
    await shop.control("settle", session=session["id"])
    pattern = {"types[0]": "checkout.session.*"}
    listed = (await shop.get("/v1/events", **pattern))["data"]
    statuses = [event["data"]["object"]["payment_status"] for event in listed]
    assert statuses == ["paid", "unpaid"]
    one = await shop.get("/v1/events", type="checkout.session.completed")
    assert one["data"] == listed[1:]
    assert await shop.get(f"/v1/events/{listed[0]['id']}") == listed[0]
    assert (listed[0]["livemode"], listed[0]["api_version"]) == (False, "2026-10-28.endive")
    assert listed[0]["pending_webhooks"] == 0
    reply = await shop.http.get("/v1/events", params={"type": "a", "types[0]": "b"})
    assert reply.status_code == 400


async def test_events_remember_who_asked(shop: Shop) -> None:
    session = await shop.open_session()
    reply = await shop.post(f"{URL}/{session['id']}/expire", {}, "expire-1")
    event = (await shop.get("/v1/events"))["data"][0]
    request_id = reply.headers["Request-Id"]
    assert event["request"] == {"id": request_id, "idempotency_key": "expire-1"}


async def test_events_are_kept_for_thirty_days(shop: Shop) -> None:
    await shop.paid_session()
    event = (await shop.get("/v1/events"))["data"][0]
    await shop.control("clock", advance=30 * DAY - 1)
    assert (await shop.get(f"/v1/events/{event['id']}"))["id"] == event["id"]
    await shop.control("clock", advance=2)
    assert (await shop.get("/v1/events"))["data"] == []
    assert (await shop.http.get(f"/v1/events/{event['id']}")).status_code == 404


async def test_ids_expand_through_several_objects(shop: Shop) -> None:
    session = await shop.paid_session()
    await shop.post("/v1/refunds", {"payment_intent": session["payment_intent"]})
    query = {"expand[0]": "payment_intent.latest_charge.refunds", "expand[1]": "line_items"}
    shown = await shop.get(f"{URL}/{session['id']}", **query)
    charge = shown["payment_intent"]["latest_charge"]
    assert charge["refunds"]["data"][0]["amount"] == 490
    assert shown["line_items"]["data"][0]["description"] == "Photo in HD"
    plain = await shop.get(f"{URL}/{session['id']}")
    assert plain["payment_intent"] == session["payment_intent"]


async def test_lists_and_new_objects_expand_too(shop: Shop) -> None:
    await shop.open_session()
    session = await shop.paid_session()
    listed = await shop.get(URL, **{"expand[]": "data.payment_intent"})
    assert [s["payment_intent"] and s["payment_intent"]["id"] for s in listed["data"]] == [
        session["payment_intent"],
        None,
    ]
    asked = {"payment_intent": session["payment_intent"], "expand[0]": "charge"}
    made = (await shop.post("/v1/refunds", asked)).json()
    assert made["charge"]["amount_refunded"] == 490


@pytest.mark.parametrize(
    "path", ["url", "amount_total", "nothing", "a.b.c.d.e", "metadata.order_id"]
)
async def test_what_cannot_be_expanded_is_refused(shop: Shop, path: str) -> None:
    session = await shop.open_session()
    reply = await shop.http.get(f"{URL}/{session['id']}", params={"expand[]": path})
    assert reply.status_code == 400
    assert error_of(reply)["param"] == "expand"


async def test_a_bad_expansion_undoes_the_request(shop: Shop) -> None:
    reply = await shop.post(URL, shop.form(**{"expand[0]": "nothing"}), "key-1")
    assert reply.status_code == 400
    assert (await shop.ledger())["sessions"] == []
