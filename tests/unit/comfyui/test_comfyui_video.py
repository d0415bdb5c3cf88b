"""Videos: what SaveVideo and SaveWEBM write, and what cannot be written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

Graph = dict[str, Any]


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def video(width: int = 32, height: int = 16, **changes: Any) -> Graph:
    """Six red frames at 12 frames a second."""
    saving = {"filename_prefix": "a/v", "format": "auto", "codec": "auto"} | changes
    return {
        "1": node("EmptyImage", width=width, height=height, batch_size=6, color=0xFF0000),
        "2": node("CreateVideo", images=["1", 0], fps=12.0),
        "3": node("SaveVideo", video=["2", 0], **saving),
    }


def atoms(path: Path) -> list[bytes]:
    """Names of an MP4's outermost boxes, in order."""
    data, place, found = path.read_bytes(), 0, []
    while place < len(data):
        found.append(data[place + 4 : place + 8])
        place += int.from_bytes(data[place : place + 4], "big")
    return found


def test_mp4_has_frames_rate_and_its_index_behind_the_data(bench: Any) -> None:
    output = bench.run(video())["outputs"]["3"]
    assert output == {
        "images": [{"filename": "v_00001_.mp4", "subfolder": "a", "type": "output"}],
        "animated": [True],
    }
    path = bench.engine.folders.output / "a" / "v_00001_.mp4"
    assert atoms(path).index(b"moov") > atoms(path).index(b"mdat")
    with av.open(path) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert (stream.codec.name, stream.average_rate) == ("h264", 12)
        assert "prompt" in container.metadata
    assert len(frames) == 6
    np.testing.assert_allclose(frames[0][8, 16], (254, 0, 0), atol=4)


@pytest.mark.parametrize(("width", "height"), [(33, 16), (32, 17)])
def test_odd_sides_fail_in_the_encoder(bench: Any, width: int, height: int) -> None:
    event, told = bench.last_message(bench.run(video(width, height)))
    assert (event, told["node_type"]) == ("execution_error", "SaveVideo")
    assert 'avcodec_open2("libx264"' in told["exception_message"]


@pytest.mark.parametrize("changes", [{"format": "mkv"}, {"codec": "vp9"}])
def test_other_containers_and_codecs_fail_while_running(
    bench: Any, changes: dict[str, Any]
) -> None:
    _, told = bench.last_message(bench.run(video(**changes)))
    assert told["exception_type"] == "ValueError"


def test_metadata_switch_reaches_mp4_but_not_webm(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(disable_metadata=True)
    graph = video() | {
        "4": node("SaveWEBM", images=["1", 0], filename_prefix="w", codec="vp9", fps=12.0, crf=40.0)
    }
    outputs = bench.run(graph)["outputs"]
    assert outputs["4"]["images"][0]["filename"] == "w_00001_.webm"
    with av.open(bench.engine.folders.output / "a" / "v_00001_.mp4") as mp4:
        assert "prompt" not in mp4.metadata
    with av.open(bench.engine.folders.output / "w_00001_.webm") as webm:
        assert "PROMPT" in {key.upper() for key in webm.metadata}
        assert sum(1 for _ in webm.decode(video=0)) == 6


def test_video_is_read_back_into_pictures_and_copied_without_encoding(bench: Any) -> None:
    bench.run(video())
    source = bench.engine.folders.output / "a" / "v_00001_.mp4"
    source.rename(bench.engine.folders.input / "in.mp4")
    graph = {
        "1": node("LoadVideo", file="in.mp4"),
        "2": node("GetVideoComponents", video=["1", 0]),
        "3": node("GetImageSize", image=["2", 0]),
        "frames": node("PreviewAny", source=["3", 2]),
        "fps": node("PreviewAny", source=["2", 2]),
        "copy": node(
            "SaveVideo", video=["1", 0], filename_prefix="copy", format="mp4", codec="auto"
        ),
    }
    outputs = bench.run(graph)["outputs"]
    assert outputs["frames"] == {"text": ["6"]}
    assert outputs["fps"] == {"text": ["12.0"]}
    with av.open(bench.engine.folders.output / "copy_00001_.mp4") as copy:
        assert sum(1 for _ in copy.decode(video=0)) == 6
