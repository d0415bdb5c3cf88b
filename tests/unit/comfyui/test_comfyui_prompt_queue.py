"""The queue, the running prompt and the history."""

from collections.abc import Callable
from typing import Any

import pytest

from simulators.comfyui.engine.prompt_queue import HISTORY_LIMIT, Ending, PromptQueue, Queued

ENDED = Ending({}, {}, [], completed=True)


class Spy:
    def __init__(self) -> None:
        self.changes = 0
        self.dropped: list[str] = []

    def changed(self) -> None:
        self.changes += 1

    def drop(self, queued: Queued) -> None:
        self.dropped.append(queued.run)


@pytest.fixture
def spy() -> Spy:
    return Spy()


@pytest.fixture
def queue(spy: Spy) -> PromptQueue:
    return PromptQueue(spy.changed, spy.drop)


def put(queue: PromptQueue, number: float, prompt_id: str, run: str = "", **graph: Any) -> None:
    queue.put(Queued((number, prompt_id, graph, {}, ["9"]), run or prompt_id))


def finish_next(queue: PromptQueue, ending: Ending = ENDED) -> None:
    taken = queue.take()
    assert taken is not None
    queue.finish(taken.run, ending)


def ids(queue: PromptQueue) -> tuple[list[str], list[str]]:
    running, pending = queue.snapshot()
    return [item[1] for item in running], [item[1] for item in pending]


def test_lower_number_runs_first(queue: PromptQueue) -> None:
    for number, prompt_id in ((3, "c"), (1, "a"), (-2, "front"), (2, "b")):
        put(queue, number, prompt_id)
    taken = [queue.take() for _ in range(4)]
    assert [one.item[1] for one in taken if one] == ["front", "a", "b", "c"]


def test_pending_prompts_show_in_heap_order_not_sorted(queue: PromptQueue) -> None:
    for number in (1, 5, 2, 6, 3):
        put(queue, number, str(number))
    assert ids(queue)[1] == ["1", "3", "2", "6", "5"]


def test_prompt_is_in_exactly_one_place(queue: PromptQueue) -> None:
    put(queue, 0, "a")
    assert ids(queue) == ([], ["a"])
    taken = queue.take()
    assert taken is not None
    assert ids(queue) == (["a"], [])
    assert queue.history_of("a") == {}
    queue.finish(taken.run, ENDED)
    assert ids(queue) == ([], [])
    assert list(queue.history_of("a")) == ["a"]
    assert queue.remaining() == 0


def test_same_id_twice_is_two_prompts_and_history_keeps_the_last_to_finish(
    queue: PromptQueue,
) -> None:
    put(queue, 0, "a", "first")
    put(queue, 1, "a", "second")
    finish_next(queue, Ending({"9": 1}, {}, [], completed=True))
    finish_next(queue, Ending({"9": 2}, {}, [], completed=False))
    assert queue.history_of("a")["a"]["outputs"] == {"9": 2}


def test_equal_number_and_id_with_other_graphs_cannot_be_ordered(queue: PromptQueue) -> None:
    put(queue, 0, "a", one={})
    with pytest.raises(TypeError):
        put(queue, 0, "a", two={})


def test_deleting_takes_one_pending_prompt_and_no_running_one(queue: PromptQueue, spy: Spy) -> None:
    put(queue, 0, "running")
    queue.take()
    put(queue, 1, "a", "first")
    put(queue, 2, "a", "second")
    for prompt_id in ("running", "unknown", "a"):
        queue.delete(prompt_id)
    assert ids(queue) == (["running"], ["a"])
    assert spy.dropped == ["first"]
    assert queue.history_of("a") == {}


def test_clearing_leaves_the_running_prompt_alone(queue: PromptQueue, spy: Spy) -> None:
    put(queue, 0, "running")
    queue.take()
    put(queue, 1, "a")
    put(queue, 2, "b")
    queue.clear()
    assert ids(queue) == (["running"], [])
    assert spy.dropped == ["a", "b"]


def test_every_change_of_length_is_told(queue: PromptQueue, spy: Spy) -> None:
    put(queue, 0, "a")
    finish_next(queue)
    assert spy.changes == 3


def test_clients_keep_seeing_the_graph_as_it_was_posted(queue: PromptQueue) -> None:
    put(queue, 0, "a", node={"inputs": {}})
    taken = queue.take()
    assert taken is not None
    taken.item[2]["node"]["is_changed"] = "by execution"
    queue.finish(taken.run, ENDED)
    assert queue.history_of("a")["a"]["prompt"][2] == {"node": {"inputs": {}}}


def test_history_is_capped(queue: PromptQueue) -> None:
    for number in range(HISTORY_LIMIT + 3):
        put(queue, number, str(number))
        finish_next(queue)
    kept = list(queue.history(None, -1))
    assert len(kept) == HISTORY_LIMIT + 1
    assert kept[0] == "2"


@pytest.mark.parametrize(
    ("max_items", "offset", "expected"),
    [
        (None, -1, "abcd"),
        (2, -1, "cd"),
        (2, 0, "ab"),
        (1, 2, "c"),
        (None, 3, "d"),
        (9, -1, "abcd"),
    ],
)
def test_history_shows_a_window(
    queue: PromptQueue, max_items: int | None, offset: int, expected: str
) -> None:
    for prompt_id in "abcd":
        put(queue, 0, prompt_id)
        finish_next(queue)
    assert "".join(queue.history(max_items, offset)) == expected


def test_forgetting_history(queue: PromptQueue) -> None:
    for prompt_id in "ab":
        put(queue, 0, prompt_id)
        finish_next(queue)
    queue.forget("a")
    queue.forget(["not an id"])
    assert list(queue.history(None, -1)) == ["b"]
    queue.forget_all()
    assert queue.history(None, -1) == {}


def test_keys_of_api_nodes_never_reach_the_history(queue: PromptQueue) -> None:
    extra: dict[str, Any] = {
        "api_key_comfy_org": "k",
        "auth_token_comfy_org": "t",
        "client_id": "c",
    }
    queue.put(Queued((0, "a", {}, extra, []), "a"))
    finish_next(queue)
    assert queue.history_of("a")["a"]["prompt"][3] == {"client_id": "c"}


def test_flag_wakes_the_worker_without_a_prompt(queue: PromptQueue) -> None:
    queue.set_flag("free_memory", True)
    assert queue.take() is None
    assert queue.take_flags() == {"free_memory": True}
    assert queue.take_flags() == {}


def numbers(bench: Any, two_nodes: Callable[..., Any], *bodies: dict[str, Any]) -> list[float]:
    found = []
    for body in bodies:
        _, _, number = bench.engine.submit({"prompt": two_nodes(), **body})
        found.append(number)
    return found


def test_numbers_count_up_and_front_counts_down(bench: Any, two_nodes: Callable[..., Any]) -> None:
    asked: tuple[dict[str, Any], ...] = (
        {},
        {},
        {"front": True},
        {"number": "7.5"},
        {"front": False},
    )
    assert numbers(bench, two_nodes, *asked) == [0, 1, -2, 7.5, 3]


@pytest.mark.parametrize(("given", "told"), [(12345, "12345"), (None, "None"), ("x", "x")])
def test_any_prompt_id_becomes_text(
    bench: Any, two_nodes: Callable[..., Any], given: object, told: str
) -> None:
    _, prompt_id, _ = bench.engine.submit({"prompt": two_nodes(), "prompt_id": given})
    assert prompt_id == told
