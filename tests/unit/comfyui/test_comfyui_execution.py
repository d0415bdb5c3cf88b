"""One prompt after the other: what runs, what clients hear, what history keeps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from simulators.comfyui.options import CacheMode, ModelFile, ModelsMode

Graph = dict[str, Any]


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def test_messages_of_a_prompt_come_in_comfyuis_order(
    bench: Any, two_nodes: Callable[..., Graph]
) -> None:
    bench.run(two_nodes(), client_id="me")
    assert bench.outbox.to("me") == [
        "execution_start",
        "execution_cached",
        *("progress_state", "executing", "progress_state"),
        *("progress_state", "executing", "executed", "progress_state"),
        "execution_success",
        "executing",
    ]
    assert bench.outbox.sent[-1][1]["node"] is None
    statuses = [data for event, data, _ in bench.outbox.sent if event == "status"]
    remaining = [data["status"]["exec_info"]["queue_remaining"] for data in statuses]
    assert remaining == [1, 1, 0]


def test_prompt_without_client_tells_everyone_its_progress_and_nothing_else(
    bench: Any, two_nodes: Callable[..., Graph]
) -> None:
    bench.run(two_nodes())
    assert set(bench.outbox.to(None)) == {"status", "progress_state"}
    assert len(bench.outbox.sent) == 7


def test_history_of_a_success(bench: Any, two_nodes: Callable[..., Graph]) -> None:
    graph = two_nodes("jobs/1/out")
    entry = bench.run(graph, client_id="me", prompt_id="the-id")
    assert entry["prompt"] == (0, "the-id", graph, {"client_id": "me"}, ["2"])
    assert entry["outputs"] == {
        "2": {"images": [{"filename": "out_00001_.png", "subfolder": "jobs/1", "type": "output"}]}
    }
    assert entry["meta"]["2"]["real_node_id"] == "2"
    assert entry["status"]["status_str"] == "success"
    assert entry["status"]["completed"] is True
    events = [event for event, _ in entry["status"]["messages"]]
    assert events == ["execution_start", "execution_cached", "execution_success"]


def test_same_graph_again_runs_nothing_and_names_the_first_file(
    bench: Any, two_nodes: Callable[..., Graph]
) -> None:
    first = bench.run(two_nodes(), client_id="me")
    bench.outbox.sent.clear()
    again = bench.run(two_nodes(), client_id="me")
    assert again["outputs"] == first["outputs"]
    assert again["status"]["messages"][1][1]["nodes"] == ["1", "2"]
    assert "executed" in bench.outbox.to("me")
    assert bench.outbox.to("me").count("executing") == 1
    assert bench.engine.ledger.runs()[1]["executed"] == []


def test_cached_run_succeeds_although_its_file_is_gone(
    bench: Any, two_nodes: Callable[..., Graph]
) -> None:
    bench.run(two_nodes())
    (bench.engine.folders.output / "out_00001_.png").unlink()
    assert bench.run(two_nodes())["status"]["status_str"] == "success"
    assert list(bench.engine.folders.output.iterdir()) == []


def test_another_prefix_runs_only_the_saving_node(
    bench: Any, two_nodes: Callable[..., Graph]
) -> None:
    bench.run(two_nodes("a"))
    entry = bench.run(two_nodes("b"))
    assert entry["outputs"]["2"]["images"][0]["filename"] == "b_00001_.png"
    assert bench.engine.ledger.runs()[1]["executed"] == ["2"]


def test_cache_keeps_only_what_the_latest_prompt_uses(
    bench: Any, two_nodes: Callable[..., Graph]
) -> None:
    bench.run(two_nodes())
    bench.run(two_nodes(color=1))
    bench.run(two_nodes())
    assert bench.engine.ledger.runs()[2]["executed"] == ["1", "2"]


def test_lru_cache_keeps_results_over_other_prompts(
    make_bench: Callable[..., Any], two_nodes: Callable[..., Graph]
) -> None:
    bench = make_bench(cache=CacheMode.LRU, cache_size=2)
    for color in (1, 2, 1, 2):
        bench.run(two_nodes(color=color))
    # The first graph outlives the second, which is dropped when the first is used again.
    executed = [run["executed"] for run in bench.engine.ledger.runs()]
    assert executed == [["1", "2"], ["1", "2"], [], ["1", "2"]]


def test_cache_none_runs_everything_and_writes_a_new_file(
    make_bench: Callable[..., Any], two_nodes: Callable[..., Graph]
) -> None:
    bench = make_bench(cache=CacheMode.NONE)
    bench.run(two_nodes())
    entry = bench.run(two_nodes())
    assert entry["outputs"]["2"]["images"][0]["filename"] == "out_00002_.png"


def test_freeing_memory_empties_the_cache(bench: Any, two_nodes: Callable[..., Graph]) -> None:
    bench.run(two_nodes())
    bench.engine.queue.set_flag("free_memory", True)
    assert bench.engine.queue.take() is None
    assert bench.engine.queue.take_flags() == {"free_memory": True}
    bench.engine._executor.forget_results()
    bench.run(two_nodes())
    assert bench.engine.ledger.runs()[1]["executed"] == ["1", "2"]


def test_overwritten_picture_runs_again(bench: Any) -> None:
    path = bench.engine.folders.input / "p.png"
    graph = {
        "1": node("LoadImage", image="p.png"),
        "2": node("PreviewImage", images=["1", 0]),
    }
    Image.new("RGB", (4, 4), "red").save(path)
    bench.run(graph)
    Image.new("RGB", (4, 4), "blue").save(path)
    bench.run(graph)
    assert bench.engine.ledger.runs()[1]["executed"] == ["1", "2"]


def test_nodes_that_differ_only_in_their_id_share_a_result(
    bench: Any, two_nodes: Callable[..., Graph]
) -> None:
    bench.run(two_nodes())
    graph = two_nodes()
    renamed = {"a": graph["1"], "b": graph["2"]}
    renamed["b"]["inputs"]["images"] = ["a", 0]
    entry = bench.run(renamed)
    assert entry["outputs"]["b"]["images"][0]["filename"] == "out_00001_.png"
    assert bench.engine.ledger.runs()[1]["executed"] == []


def test_node_that_shows_its_own_id_is_cached_for_that_id_alone(bench: Any) -> None:
    empty = node("EmptyImage", width=8, height=6, batch_size=1, color=0)
    sizes = {
        "1": empty,
        "2": node("GetImageSize", image=["1", 0]),
        "3": node("PreviewAny", source=["2", 1]),
    }
    entry = bench.run(sizes)
    assert entry["outputs"]["3"] == {"text": ["6"]}
    frames = [data for event, data, sid in bench.outbox.sent if event == 3 and sid is None]
    assert frames == [b"\0\0\0\x012width: 8, height: 6\n batch size: 1"]
    bench.run({"1": empty, "x": sizes["2"], "3": node("PreviewAny", source=["x", 1])})
    assert bench.engine.ledger.runs()[1]["executed"] == ["x", "3"]


def test_failed_node_ends_the_prompt_and_keeps_finished_branches(bench: Any) -> None:
    (bench.engine.folders.input / "bad.png").write_bytes(b"no picture")
    graph = {
        "1": node("EmptyImage", width=8, height=6, batch_size=1, color=0),
        "2": node("SaveImage", images=["1", 0], filename_prefix="good"),
        "3": node("LoadImage", image="bad.png"),
        "4": node("SaveImage", images=["3", 0], filename_prefix="bad"),
    }
    entry = bench.run(graph, client_id="me")
    assert list(entry["outputs"]) == ["2"]
    assert (entry["status"]["status_str"], entry["status"]["completed"]) == ("error", False)
    event, data = bench.last_message(entry)
    assert event == "execution_error"
    assert (data["node_id"], data["node_type"]) == ("3", "LoadImage")
    assert data["executed"] == ["1", "2"]
    assert data["exception_type"] == "PIL.UnidentifiedImageError"
    assert data["exception_message"].startswith("cannot identify image file '")
    assert data["exception_message"].endswith("bad.png'\n")
    assert data["current_inputs"] == {"image": ["bad.png"]}
    assert data["current_outputs"] == ["1", "2", "3", "4"]
    assert any("load_image" in line for line in data["traceback"])
    assert bench.outbox.to("me")[-2:] == ["execution_error", "executing"]


def test_next_prompt_runs_after_a_failed_one(bench: Any, two_nodes: Callable[..., Graph]) -> None:
    bench.run(two_nodes("../../outside"))
    entry = bench.run(two_nodes())
    assert entry["status"]["status_str"] == "success"


def test_saving_outside_the_output_folder_fails_while_running(
    bench: Any, two_nodes: Callable[..., Graph], tmp_path: Path
) -> None:
    event, data = bench.last_message(bench.run(two_nodes("../../outside")))
    assert (event, data["exception_type"]) == ("execution_error", "Exception")
    assert "outside the output folder is not allowed" in data["exception_message"]
    assert data["current_inputs"]["images"][0].startswith("tensor([[[[")
    assert set(data["current_inputs"]) == {"images", "filename_prefix", "prompt", "extra_pnginfo"}
    assert not list(tmp_path.glob("outside*"))


def test_link_nobody_declared_fails_while_running(bench: Any) -> None:
    graph = {
        "1": node("EmptyImage", width=8, height=6, batch_size=1, color=0),
        "2": node("PreviewImage", images=["1", 0], zzz=["1", 0]),
    }
    event, data = bench.last_message(bench.run(graph))
    assert (event, data["exception_type"]) == ("execution_error", "TypeError")
    assert "zzz" in data["exception_message"]


def test_constant_nobody_declared_is_ignored(bench: Any, two_nodes: Callable[..., Graph]) -> None:
    graph = two_nodes()
    graph["2"]["inputs"]["zzz"] = 5
    assert bench.run(graph)["status"]["status_str"] == "success"


def test_malformed_node_nobody_needs_does_not_stop_the_engine(
    bench: Any, two_nodes: Callable[..., Graph]
) -> None:
    broken = bench.run(two_nodes() | {"z": {"class_type": "ImageInvert"}})
    assert broken["status"]["status_str"] == "error"
    assert bench.run(two_nodes())["status"]["status_str"] == "success"


def test_interrupt_stops_at_a_step_and_is_told_apart_from_an_error(make_bench: Any) -> None:
    bench = make_bench(models_mode=ModelsMode.TEST_CARD)
    steps = sampling(steps=5)

    def react(event: Any, data: Any) -> None:
        if event == "progress" and data["value"] == 2:
            bench.engine.interrupt("the-id")

    bench.outbox.react = react
    entry = bench.run(steps, client_id="me", prompt_id="the-id")
    event, data = bench.last_message(entry)
    assert event == "execution_interrupted"
    assert set(data) == {"prompt_id", "node_id", "node_type", "executed", "timestamp"}
    assert (data["node_type"], entry["status"]["status_str"]) == ("KSampler", "error")
    assert bench.outbox.to("me").count("progress") == 2
    assert bench.engine.ledger.runs()[0]["outcome"] == "interrupted"


def sampling(**changes: Any) -> Graph:
    """A graph with a sampler, in test card mode."""
    settings = {"seed": 1, "steps": 3, "cfg": 1.0, "sampler_name": "euler", "denoise": 1.0}
    links = {"positive": ["t", 0], "negative": ["t", 0], "latent_image": ["l", 0]}
    return {
        "c": node("CheckpointLoaderSimple", ckpt_name="any.safetensors"),
        "t": node("CLIPTextEncode", text="x", clip=["c", 1]),
        "l": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "k": node("KSampler", model=["c", 0], scheduler="simple", **settings | links | changes),
        "d": node("VAEDecode", samples=["k", 0], vae=["c", 2]),
        "s": node("SaveImage", images=["d", 0], filename_prefix="card"),
    }


def test_interrupting_another_prompt_changes_nothing(
    bench: Any, two_nodes: Callable[..., Graph]
) -> None:
    bench.outbox.react = lambda event, _: event == "executing" and bench.engine.interrupt("other")
    assert bench.run(two_nodes())["status"]["status_str"] == "success"


def test_interrupting_an_idle_engine_does_not_harm_the_next_prompt(
    bench: Any, two_nodes: Callable[..., Graph]
) -> None:
    bench.engine.interrupt(None)
    assert bench.run(two_nodes())["status"]["status_str"] == "success"


def test_interrupt_without_id_hits_whatever_runs_and_is_told_to_everyone(
    bench: Any, two_nodes: Callable[..., Graph]
) -> None:
    bench.outbox.react = lambda event, _: event == "progress_state" and bench.engine.interrupt("")
    bench.run(two_nodes())
    assert bench.outbox.to(None)[-2:] == ["execution_interrupted", "status"]


def test_sampler_reports_every_step(make_bench: Any) -> None:
    bench = make_bench(models_mode=ModelsMode.TEST_CARD)
    bench.run(sampling(steps=4), client_id="me")
    told = [data for event, data, _ in bench.outbox.sent if event == "progress"]
    assert [(data["value"], data["max"], data["node"]) for data in told] == [
        (step, 4, "k") for step in (1, 2, 3, 4)
    ]


def test_listed_weights_that_are_none_fail_in_the_loader(make_bench: Any) -> None:
    bench = make_bench(models=(ModelFile("checkpoints", "any.safetensors"),))
    event, data = bench.last_message(bench.run(sampling()))
    assert (event, data["node_type"]) == ("execution_error", "CheckpointLoaderSimple")
    assert data["exception_type"] == "safetensors._safetensors_rust.SafetensorError"
    assert "header too small" in data["exception_message"]


def test_missing_upscaler_passes_validation_and_fails_while_running(bench: Any) -> None:
    graph = {
        "1": node("EmptyImage", width=8, height=8, batch_size=1, color=0),
        "2": node("UpscaleModelLoader", model_name="x4.pth"),
        "3": node("ImageUpscaleWithModel", upscale_model=["2", 0], image=["1", 0]),
        "4": node("PreviewImage", images=["3", 0]),
    }
    event, data = bench.last_message(bench.run(graph))
    assert (event, data["exception_type"]) == ("execution_error", "FileNotFoundError")


def test_node_runs_once_for_each_value_of_a_list(bench: Any) -> None:
    graph = {
        "1": node("EmptyImage", width=8, height=8, batch_size=5, color=0),
        "2": node("RebatchImages", images=["1", 0], batch_size=2),
        "3": node("ImageInvert", image=["2", 0]),
        "4": node("SaveImage", images=["3", 0], filename_prefix="out"),
    }
    entry = bench.run(graph)
    names = [image["filename"] for image in entry["outputs"]["4"]["images"]]
    assert names == [f"out_{number:05}_.png" for number in range(1, 6)]


@pytest.mark.parametrize("cache", list(CacheMode))
def test_branches_that_save_go_first(make_bench: Callable[..., Any], cache: CacheMode) -> None:
    bench = make_bench(cache=cache, cache_size=9)
    graph = {
        "far": node("ImageInvert", image=["near", 0]),
        "farther": node("ImageInvert", image=["far", 0]),
        "near": node("EmptyImage", width=8, height=8, batch_size=1, color=0),
        "p": node("PreviewImage", images=["near", 0]),
        "q": node("PreviewImage", images=["farther", 0]),
    }
    bench.run(graph)
    assert bench.engine.ledger.runs()[0]["executed"] == ["near", "p", "far", "farther", "q"]
