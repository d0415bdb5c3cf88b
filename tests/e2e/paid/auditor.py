"""Judges sales by what the system cannot write: the account's ledger, the engine's, the files."""

from typing import Any

from tests.e2e.paid.shop import Sale, Shop


def audit(shop: Shop) -> None:
    """Raise an assertion error that names every fault; call it when all has ended."""
    faults = {str(sale.order_id): found for sale in shop.sales if (found := _faults(shop, sale))}
    assert not faults, faults
    assert shop.till.ledger()["keys_with_two_meanings"] == []


def _faults(shop: Shop, sale: Sale) -> list[str]:
    row = sale.row
    assert row is not None
    ledger = shop.till.ledger(str(row["id"]))
    payments, refunds = ledger["payments"], ledger["refunds"]
    kept = [p for p in payments if p["captured"] - p["refunded"] - p["refunds_pending"] > 0]
    net = sum(p["captured"] - p["refunded"] for p in payments)
    is_had = sale.opens()
    asked = shop.rows("select * from order_refunds where order_id = %(id)s", id=row["id"])
    ends = [] if not is_had else ["success"]
    told = shop.rows(
        "select 1 from job_events where kind = 'order.changed' and job_id = %(job)s "
        "and data->>'order_id' = %(id)s and data->>'status' = 'delivered'",
        job=row["job_id"],
        id=str(row["id"]),
    )
    checks: dict[str, Any] = {
        f"{net} is kept, and HD {'opens' if is_had else 'does not'}": net
        == (row["amount"] if is_had else 0),
        "several payments are kept": len(kept) <= 1,
        f"{len(refunds)} refunds of {len(asked)} rows": len(refunds) == len(asked)
        and len({r["payment_intent"] for r in refunds}) == len(refunds),
        "a page is open": not sale.open_sessions(),
        "HD is neither had nor asked to be paid": is_had or sale.hd().status_code == 402,
        f"delivered {len(told)} times": len(told) == (1 if is_had else 0),
        "HD was not made exactly once": [p for p in sale.prompts if p == "success"] == ends,
    }
    return [what for what, holds in checks.items() if not holds]
