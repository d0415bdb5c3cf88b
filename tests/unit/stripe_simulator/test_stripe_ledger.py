"""The books for auditors, and that they outlive the process."""

from pathlib import Path

from tests.unit.stripe_simulator.conftest import MakeShop, Shop

URL = "/v1/checkout/sessions"


async def test_the_ledger_adds_up_by_payment_and_currency(shop: Shop) -> None:
    one, other = await shop.paid_session(), await shop.paid_session(client_reference_id="order-2")
    asked = {"payment_intent": one["payment_intent"], "amount": "90"}
    await shop.post("/v1/refunds", asked, "refund-1")
    dispute = await shop.control("disputes", session=other["id"])
    ledger = await shop.ledger()
    rows = {row["client_reference_id"]: row for row in ledger["payments"]}
    assert (rows["order-1"]["captured"], rows["order-1"]["refunded"]) == (490, 90)
    assert rows["order-1"]["metadata"] == {"order_id": "order-1"}
    assert rows["order-2"]["withdrawn_by_disputes"] == 490
    assert ledger["totals"]["eur"] == {
        "captured": 980,
        "refunded": 90,
        "refunds_pending": 0,
        "withdrawn_by_disputes": 490,
        "net": 400,
    }
    assert [row["id"] for row in ledger["disputes"]] == [dispute["id"]]
    only = await shop.get("/simulator/ledger", reference="order-2")
    assert [row["id"] for row in only["sessions"]] == [other["id"]]
    assert only["refunds"] == []


async def test_every_post_is_logged_with_its_key_and_what_it_asked(shop: Shop) -> None:
    await shop.post(URL, shop.form(), "key-1")
    await shop.post(URL, shop.form(), "key-1")
    await shop.post(URL, shop.form(mode="setup"), "key-2")
    await shop.get(URL)
    rows = (await shop.ledger())["requests"]
    assert [(row["idempotency_key"], row["outcome"], row["status"]) for row in rows] == [
        ("key-1", "done", 200),
        ("key-1", "replayed", 200),
        ("key-2", "refused", 400),
    ]
    assert rows[0]["parameters_sha256"] == rows[1]["parameters_sha256"]
    assert rows[0]["parameters_sha256"] != rows[2]["parameters_sha256"]
    assert (await shop.ledger())["keys_with_two_meanings"] == []


async def test_the_ledger_outlives_the_process(make_shop: MakeShop) -> None:
    first = await make_shop()
    session = await first.paid_session()
    await first.control("refunds", session=session["id"], amount=100)
    await first.control("clock", advance=5000)
    before = await first.ledger()
    await first.app.aclose()
    second = await make_shop()
    after = await second.ledger()
    assert after["now"] >= before["now"]
    assert {**after, "now": 0} == {**before, "now": 0}
    assert await second.event_types() == await first.event_types()


async def test_a_line_that_a_crash_cut_off_never_happened(
    make_shop: MakeShop, tmp_path: Path
) -> None:
    first = await make_shop()
    await first.open_session()
    await first.app.aclose()
    journal = tmp_path / "stripe" / "journal.jsonl"
    kept = journal.read_bytes()
    journal.write_bytes(kept + kept[: len(kept) // 2])
    second = await make_shop()
    assert len((await second.ledger())["sessions"]) == 1
    await second.open_session()
    await second.app.aclose()
    assert len((await (await make_shop()).ledger())["sessions"]) == 2


async def test_nothing_secret_is_kept_readable_for_others(
    make_shop: MakeShop, tmp_path: Path
) -> None:
    await (await make_shop()).open_session()
    assert (tmp_path / "stripe" / "journal.jsonl").stat().st_mode & 0o077 == 0


async def test_time_does_not_go_back(shop: Shop) -> None:
    assert "back" in await shop.refused("clock", advance=-1)
