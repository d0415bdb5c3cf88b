"""What people do: pay, give up, complain; what the account's owner does by hand."""

from __future__ import annotations

from enum import StrEnum

from simulators.stripe.account import disputes, payments, refunds, sessions
from simulators.stripe.account.book import Book, Change, Thing
from simulators.stripe.account.faults import FaultKind
from simulators.stripe.account.injector import FaultInjector
from simulators.stripe.account.payments import NOBODY, NotPossible, Payer
from simulators.stripe.account.refunds import NewRefund
from simulators.stripe.account.refusal import Refusal


class How(StrEnum):
    """The buttons of the payment page."""

    CARD = "card"
    DECLINED = "declined"
    BANK = "bank"
    BANK_FAILS = "bank_fails"


class People:
    """Deeds; each is committed before it returns.

    Args:
        book: The account.
        faults: Say whose card is declined.
        bank_seconds: How long a bank takes.
    """

    def __init__(self, book: Book, faults: FaultInjector, bank_seconds: float) -> None:
        self._book = book
        self._faults = faults
        self._bank_seconds = bank_seconds

    def pay(self, session_id: str, how: How, payer: Payer = NOBODY, reason: str = "") -> Thing:
        """Press a button of the payment page; returns the session, still open if declined.

        Args:
            session_id: The session.
            how: The button.
            payer: Who presses it.
            reason: Decline code of a declined card.

        Raises:
            NotPossible: The session is not open, or has no such button.
        """
        change = Change(self._book)
        session = self._book.find(sessions.KIND, session_id)
        reference = None if session is None else session["client_reference_id"]
        if how is How.CARD and session is not None and session["status"] == "open":
            fault = self._faults.of_money(frozenset({FaultKind.CHARGE_FAILS}), reference)
            if fault is not None:
                how, reason = How.DECLINED, fault.reason or ""
        if how is How.CARD:
            paid = payments.pay_by_card(change, session_id, payer)
        elif how is How.DECLINED:
            paid = payments.decline_card(change, session_id, payer, reason or "generic_decline")
        else:
            succeeds = how is How.BANK
            paid = payments.pay_by_bank(change, session_id, payer, succeeds, self._bank_seconds)
        change.commit()
        return paid

    def settle(self, intent_id: str, *, succeeds: bool) -> Thing:
        """Have a bank answer now; returns the session.

        Raises:
            NotPossible: No payment waits.
        """
        change = Change(self._book)
        session = payments.settle(change, intent_id, succeeds=succeeds)
        change.commit()
        return session

    def refund(self, charge_id: str, amount: int | None) -> Thing:
        """Refund by hand, in the dashboard; nothing of it carries our metadata.

        Raises:
            NotPossible: There is no such money.
        """
        change = Change(self._book)
        try:
            refund = refunds.create(change, NewRefund(charge_id, amount))
        except Refusal as refusal:
            raise NotPossible(refusal.message) from None
        change.commit()
        return refund

    def move_refund(self, refund_id: str, status: str) -> Thing:
        """Have a refund succeed, fail or be canceled.

        Raises:
            NotPossible: It cannot.
        """
        change = Change(self._book)
        refund = refunds.move(change, refund_id, status)
        change.commit()
        return refund

    def dispute(
        self, charge_id: str, reason: str, amount: int | None, *, is_inquiry: bool
    ) -> Thing:
        """Complain to one's bank.

        Raises:
            NotPossible: There is nothing to complain about.
        """
        change = Change(self._book)
        dispute = disputes.open_dispute(change, charge_id, reason, amount, is_inquiry=is_inquiry)
        change.commit()
        return dispute

    def move_dispute(self, dispute_id: str, status: str) -> Thing:
        """Have a dispute go on.

        Raises:
            NotPossible: It cannot go there.
        """
        change = Change(self._book)
        dispute = disputes.move(change, dispute_id, status)
        change.commit()
        return dispute
