"""The command line: ComfyUI's flags and this engine's own."""

from pathlib import Path

import pytest

from simulators.comfyui.cli import parse
from simulators.comfyui.options import CacheMode, ModelFile, ModelsMode, Options


def test_defaults_are_comfyuis(tmp_path: Path) -> None:
    options = parse(["--base-directory", str(tmp_path)])
    assert options == Options(tmp_path, argv=options.argv)
    assert (options.listen, options.port) == ("127.0.0.1", 8188)
    assert options.max_upload_bytes == 104857600


def test_all_flags(tmp_path: Path) -> None:
    options = parse(
        [
            *("--base-directory", str(tmp_path), "--listen", "::1", "--port", "0"),
            *("--models-mode", "test-card", "--model", "unet/wan/high.safetensors"),
            *("--model", "vae/v.pt", "--disable-metadata", "--cache-lru", "7"),
            *("--max-upload-size", "1.5", "--canonical-ids", "--step-delay", "0.2"),
            *("--node-delay", "ImageBlur=2", "--node-delay", "*=0.1"),
        ]
    )
    assert options.models == (
        ModelFile("unet", "wan/high.safetensors"),
        ModelFile("vae", "v.pt"),
    )
    assert options.models_mode is ModelsMode.TEST_CARD
    assert (options.cache, options.cache_size) == (CacheMode.LRU, 7)
    assert options.node_delay == {"ImageBlur": 2.0, "*": 0.1}
    assert options.step_delay == 0.2
    assert (options.disable_metadata, options.canonical_ids) == (True, True)
    assert options.max_upload_bytes == 1572864


def test_launch_script_of_a_real_comfyui_is_understood(tmp_path: Path) -> None:
    script = (
        f"--listen --port 8188 --base-directory {tmp_path} --database-url sqlite:///x.db "
        "--disable-api-nodes --cpu --preview-method none --reserve-vram 2 --cache-none"
    )
    options = parse(script.split())
    assert options.listen == "0.0.0.0"  # noqa: S104
    assert options.cache is CacheMode.NONE


@pytest.mark.parametrize(
    "bad",
    [
        ["--model", "nowhere/a.pt"],
        ["--model", "vae"],
        ["--node-delay", "ImageBlur"],
        ["--node-delay", "ImageBlur=soon"],
        ["--models-mode", "real"],
        ["--cache-none", "--cache-lru", "3"],
        ["--no-such-flag"],
    ],
)
def test_mistake_ends_with_a_sentence(
    tmp_path: Path, bad: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--base-directory", str(tmp_path), *bad])
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
