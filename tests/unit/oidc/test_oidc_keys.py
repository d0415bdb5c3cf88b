"""When the verifier asks for keys, and what it does without an answer."""

import asyncio

import pytest
from joserfc.jwk import RSAKey

from rekindle.adapters.oidc import KeyPolicy
from rekindle.errors import InvalidToken, IssuerUnavailable
from rekindle.ports.identity import Principal
from tests.unit.oidc.conftest import AUDIENCE, DISCOVERY, JWKS, NOW, POLICY, World

IMPATIENT = KeyPolicy(timeout=0.25)
"""For the one fault that ends by a time-out alone."""

_STRANGE_KIDS = [
    "../../etc/passwd",
    "https://evil.example/jwks.json",
    "' OR 1=1 --",
    "\x00",
    "nobody-knows-me",
]


@pytest.mark.parametrize("kid", _STRANGE_KIDS)
async def test_a_strange_kid_costs_one_request_to_the_key_set(
    world: World, foreign_key: RSAKey, kid: str
) -> None:
    await world.verifier.check()
    world.wire.forget()
    token = world.sign(world.claims(), {"kid": kid}, foreign_key)
    for _ in range(3):
        with pytest.raises(InvalidToken, match="does not have"):
            await world.verifier.verify(token)
    assert world.wire.asked == [JWKS]


async def test_a_kid_is_asked_for_again_after_a_minute(world: World, foreign_key: RSAKey) -> None:
    await world.verifier.check()
    token = world.sign(world.claims(), {"kid": "later"}, foreign_key)
    world.wire.forget()
    for seconds, asked in ((0, 1), (59, 1), (2, 2)):
        world.clock.now += seconds
        with pytest.raises(InvalidToken):
            await world.verifier.verify(token)
        assert len(world.wire.asked) == asked


async def test_many_kids_share_one_budget(world: World, foreign_key: RSAKey) -> None:
    await world.verifier.check()
    world.wire.forget()
    for n in range(25):
        token = world.sign(world.claims(), {"kid": f"k{n}"}, foreign_key)
        with pytest.raises(InvalidToken):
            await world.verifier.verify(token)
    assert world.wire.asked == [JWKS] * POLICY.asks_per_minute
    world.clock.now += 60
    with pytest.raises(InvalidToken):
        await world.verifier.verify(world.sign(world.claims(), {"kid": "k99"}, foreign_key))
    assert len(world.wire.asked) == POLICY.asks_per_minute + 1
    await world.verifier.verify(await world.token())


async def test_a_caller_who_leaves_early_still_uses_the_budget(
    world: World, foreign_key: RSAKey
) -> None:
    await world.verifier.check()
    world.wire.forget()
    token = world.sign(world.claims(), {"kid": "gone"}, foreign_key)
    await world.pull("faults", mode="hang")
    impatient = asyncio.create_task(world.verifier.verify(token))
    await world.wire.was_asked.wait()
    impatient.cancel()
    await asyncio.wait([impatient])
    await world.pull("faults", mode="none")
    await world.settled()
    with pytest.raises(InvalidToken):
        await world.verifier.verify(token)
    assert world.wire.asked == [JWKS]


async def test_old_and_new_keys_are_accepted_after_a_rotation(own_world: World) -> None:
    old = await own_world.token()
    await own_world.verifier.verify(old)
    await own_world.pull("rotate")
    new = await own_world.token()
    assert new.split(".")[0] != old.split(".")[0]
    own_world.wire.forget()
    await own_world.verifier.verify(new)
    await own_world.verifier.verify(old)
    assert own_world.wire.asked == [JWKS]


async def test_a_withdrawn_key_stops_working_once_the_keys_are_renewed(own_world: World) -> None:
    old = own_world.sign(own_world.claims(exp=NOW + 86_400))
    await own_world.verifier.verify(old)
    await own_world.pull("rotate", keep_previous=False)
    own_world.clock.now += POLICY.fresh
    own_world.wire.forget()
    await own_world.verifier.verify(old)
    await own_world.settled()
    with pytest.raises(InvalidToken):
        await own_world.verifier.verify(old)


@pytest.mark.parametrize("mode", ["unavailable", "html", "oversized", "hang", "cut"])
async def test_cached_keys_outlive_an_outage_until_their_limit(world: World, mode: str) -> None:
    if mode == "hang":
        world.verifier = world.verifier_for(AUDIENCE, IMPATIENT)
    token = world.sign(world.claims(exp=NOW + 10 * 86_400))
    await world.verifier.verify(token)
    if mode == "cut":
        world.wire.cut = True
    else:
        await world.pull("faults", mode=mode)
    world.wire.forget()
    world.clock.now = NOW + POLICY.fresh
    await world.verifier.verify(token)
    await world.settled()
    world.clock.now = NOW + POLICY.usable - 1
    await world.verifier.verify(token)
    await world.verifier.check()
    world.clock.now = NOW + POLICY.usable
    with pytest.raises(IssuerUnavailable):
        await world.verifier.verify(token)
    with pytest.raises(IssuerUnavailable):
        await world.verifier.check()
    world.wire.cut = False
    await world.pull("faults", mode="none")
    world.clock.now += POLICY.retry
    await world.verifier.verify(token)


async def test_a_slow_issuer_does_not_slow_known_tokens_down(world: World) -> None:
    token = world.sign(world.claims(exp=NOW + 86_400))
    await world.verifier.verify(token)
    await world.pull("faults", mode="hang")
    world.clock.now += POLICY.fresh
    world.wire.forget()
    verdict = asyncio.create_task(world.verifier.verify(token))
    for _ in range(3):
        await asyncio.sleep(0)
    assert verdict.done()
    assert world.wire.asked == [JWKS]


async def test_an_unknown_kid_during_an_outage_is_nobodys_fault(
    world: World, foreign_key: RSAKey
) -> None:
    await world.verifier.check()
    world.wire.cut = True
    token = world.sign(world.claims(), {"kid": "new"}, foreign_key)
    with pytest.raises(IssuerUnavailable):
        await world.verifier.verify(token)
    world.wire.cut = False
    world.clock.now += POLICY.retry
    with pytest.raises(InvalidToken):
        await world.verifier.verify(token)


async def test_a_first_failure_is_not_repeated_at_once_and_heals(world: World) -> None:
    token = await world.token()
    world.wire.cut = True
    for _ in range(5):
        with pytest.raises(IssuerUnavailable):
            await world.verifier.verify(token)
    assert len(world.wire.asked) == 1
    world.wire.cut = False
    world.clock.now += POLICY.retry
    await world.verifier.verify(token)


async def test_a_hundred_callers_share_one_request(world: World) -> None:
    token = await world.token()
    principals = await asyncio.gather(*(world.verifier.verify(token) for _ in range(100)))
    assert len(set(principals)) == 1
    assert world.wire.asked == [DISCOVERY, JWKS]


async def test_one_caller_leaving_does_not_take_the_others_along(world: World) -> None:
    token = await world.token()
    await world.pull("faults", mode="hang")
    callers = [asyncio.create_task(world.verifier.verify(token)) for _ in range(3)]
    await world.wire.was_asked.wait()
    callers[0].cancel()
    await asyncio.wait(callers[:1])
    await world.pull("faults", mode="none")
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert all(isinstance(each, Principal) for each in results[1:])


async def test_a_clock_set_back_does_not_keep_old_keys_for_ever(world: World) -> None:
    token = world.sign(world.claims(iat=NOW - 10 * 86_400))
    await world.verifier.verify(token)
    world.clock.now = NOW - 86_400
    world.wire.forget()
    await world.verifier.verify(token)
    assert world.wire.asked == [JWKS]


async def test_closing_stops_a_renewal_under_way(world: World) -> None:
    await world.pull("faults", mode="hang")
    waiting = asyncio.create_task(world.verifier.check())
    await world.wire.was_asked.wait()
    await world.verifier.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting
