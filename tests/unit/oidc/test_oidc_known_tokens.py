"""Tokens that were seen before: quicker, and judged no more kindly."""

import pytest

from rekindle.adapters.oidc.known_tokens import KnownToken, KnownTokens
from rekindle.errors import ExpiredToken, InvalidToken
from rekindle.ports.identity import Principal
from tests.unit.oidc.conftest import ISSUER, NOW, POLICY, World


async def test_a_token_that_is_seen_again_tells_the_same(world: World) -> None:
    token = await world.token()
    assert await world.verifier.verify(token) == await world.verifier.verify(token)


async def test_a_token_that_is_known_still_expires(world: World) -> None:
    token = world.sign(world.claims(exp=NOW + 60))
    await world.verifier.verify(token)
    world.clock.now = NOW + 60 + 29
    await world.verifier.verify(token)
    world.clock.now = NOW + 60 + 31
    for _ in range(2):
        with pytest.raises(ExpiredToken):
            await world.verifier.verify(token)


async def test_a_token_that_is_known_is_early_again_when_the_clock_is_set_back(
    world: World,
) -> None:
    token = world.sign(world.claims(nbf=NOW))
    await world.verifier.verify(token)
    world.clock.now = NOW - 60
    with pytest.raises(InvalidToken):
        await world.verifier.verify(token)


async def test_the_same_claims_under_another_signature_are_unknown(world: World) -> None:
    token = world.sign(world.claims())
    await world.verifier.verify(token)
    signed, _, signature = token.rpartition(".")
    changed = "B" if signature[0] == "A" else "A"
    with pytest.raises(InvalidToken):
        await world.verifier.verify(f"{signed}.{changed}{signature[1:]}")


async def test_a_known_token_is_good_when_its_key_was_fetched_again(world: World) -> None:
    token = world.sign(world.claims(exp=NOW + 86_400))
    first = await world.verifier.verify(token)
    world.clock.now += POLICY.fresh
    await world.verifier.verify(token)
    await world.settled()
    assert await world.verifier.verify(token) == first


async def test_the_tokens_that_were_not_seen_for_longest_are_forgotten(world: World) -> None:
    await world.verifier.check()
    key = await world.verifier.keys.get(world.ring.signing_key.kid or "")
    known = KnownToken("kid", key, {}, Principal(ISSUER, "ada", frozenset(), None, 0))
    tokens = KnownTokens(most=2)
    tokens.put("one", known)
    tokens.put("two", known)
    assert tokens.get("one") is known
    tokens.put("three", known)
    assert [tokens.get(name) for name in ("one", "two", "three")] == [known, None, known]
