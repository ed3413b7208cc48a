"""Scripts of other programs, unchanged, against a fresh `limner serve` with the model that ships."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import webuiapi
from PIL import Image, ImageChops, ImageOps, ImageStat

from tests import ROOT
from tests.engine.web.kept_secret import made

pytestmark = pytest.mark.timeout(900)  # one thread draws a million pixels
CLIENTS = ROOT.parent / "shared" / "clients"
LIMNER = [sys.executable, "-m", "bot"]
# script: the files it leaves, their format and size
WANTED: dict[str, tuple[str, int, str, tuple[int, int]]] = {
    "003_1_text_to_image_lighthouse.py": ("out/v1_txt2img_*.png", 1, "PNG", (1024, 1024)),
    "003_2_text_to_image_sunset.py": ("out/v1_txt2img_*.png", 1, "PNG", (1024, 1024)),
    "004_4_3_text_to_image.py": ("images/sd_*.png", 1, "PNG", (1024, 1024)),
    "004_4_4_image_to_image.py": ("images/*_img2img_*.png", 1, "PNG", (1024, 1024)),
    "004_4_5_masking.py": ("images/*_masking_*.png", 4, "PNG", (1024, 1024)),
    "004_4_6_upscale.py": ("images/*_upscale_*.png", 1, "PNG", (2048, 2048)),
    "004_dalle_1_generate.py": ("dalle_image.png", 1, "PNG", (1024, 1024)),
    "004_dalle_2_variations.py": ("variation_*.png", 4, "PNG", (1024, 1024)),
    "001_1_flask_predict.py": ("generated_image.jpg", 1, "JPEG", (512, 512)),
    "001_2_vertex_predict.py": ("generated_image.jpg", 1, "JPEG", (512, 512)),
}
SAYS = {"004_4_1_list_engines.py": "stable-diffusion-v1-6", "004_dalle_3_raw.py": "http://127.0.0.1"}


@dataclass
class Serving:
    """A running `limner serve`, its address and a key to it."""

    url: str
    key: str
    process: subprocess.Popen[str]
    log: Path


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "LIMNER_DATA_DIR": str(folder / "data"), "OMP_NUM_THREADS": "1", **more}


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("serve")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = environment(folder, LIMNER_WEB_PORT=str(port), PYTHONPATH=str(ROOT))
    done = subprocess.run(
        [*LIMNER, "keys", "create", "scripts", "--json"],
        cwd=folder, env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen([*LIMNER, "serve"], cwd=folder, env=env, stderr=out, text=True)
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 600
        while True:
            try:
                if httpx.get(f"{url}/healthz", timeout=None).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.5)
        yield Serving(url, made(json.loads(done.stdout)["key"]), process, log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text()
        assert "stopped" in log.read_text()
        assert json.loads(done.stdout)["key"] not in log.read_text()
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.wait()


def run(script: Path, folder: Path, serving: Serving) -> str:
    env = {**os.environ, "API_HOST": serving.url, "STABILITY_API_KEY": serving.key}
    env["OPENAI_API_BOOK_KEY"] = serving.key
    done = subprocess.run(
        [sys.executable, str(script)], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{serving.log.read_text()[-3000:]}"
    return done.stdout


@pytest.mark.skipif(not CLIENTS.is_dir(), reason=f"there is no {CLIENTS}")
@pytest.mark.parametrize("script", [*WANTED, *SAYS])
def test_a_script_runs_as_it_is(script: str, serving: Serving, tmp_path: Path) -> None:
    run(CLIENTS / "make_inputs.py", tmp_path, serving)
    said = run(CLIENTS / script, tmp_path, serving)
    if script in SAYS:
        assert SAYS[script] in said
        return
    pattern, count, kind, size = WANTED[script]
    files = list(tmp_path.glob(pattern))
    assert len(files) == count
    for file in files:
        with Image.open(file) as picture:
            assert (picture.format, picture.size) == (kind, size)
            colours = picture.convert("RGB").resize((64, 64)).getcolors(4096) or []
            assert len(colours) > 100  # not one plain colour


def examples() -> dict[str, str]:
    """The Python examples of docs/api.md, by the heading they stand under."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    return {
        heading: code
        for heading, rest in re.findall(r"(?ms)^## ([^\n]+)\n(.*?)(?=^## |\Z)", text)
        for code in re.findall(r"(?s)```python\n(.*?)```", rest)
    }


@pytest.mark.parametrize("heading", examples())
def test_an_example_of_the_page_runs(heading: str, serving: Serving, tmp_path: Path) -> None:
    code = examples()[heading].replace("http://127.0.0.1:8765", serving.url).replace("limner_…", serving.key)
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    Image.radial_gradient("L").convert("RGB").resize((512, 512)).save(tmp_path / "lake.png")
    try:
        run(tmp_path / "example.py", tmp_path, serving)
    finally:
        (tmp_path / "example.py").unlink()  # it has the key, and no file of ours may
    [file] = tmp_path.glob("apple*")
    with Image.open(file) as picture:
        assert picture.size == (512, 512)


def test_the_five_lines_of_the_page_make_a_picture(serving: Serving, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    [curl] = re.findall(r"(?m)^curl [^\n]+apple\.json$", text)
    line = curl.replace("http://127.0.0.1:8765", serving.url).replace("$KEY", serving.key)
    subprocess.run(["bash", "-c", line], cwd=tmp_path, check=True)
    told = json.loads((tmp_path / "apple.json").read_text())
    (tmp_path / "apple.png").write_bytes(base64.b64decode(told["artifacts"][0]["base64"]))
    with Image.open(tmp_path / "apple.png") as picture:
        assert picture.size == (512, 512)


def test_the_client_of_automatic1111_runs_as_it_is(serving: Serving, tmp_path: Path) -> None:
    port = int(serving.url.rpartition(":")[2])
    client = webuiapi.WebUIApi(port=port, username="anybody", password=serving.key)
    [name] = [model["title"] for model in client.get_sd_models()]
    client.set_options({"sd_model_checkpoint": name})
    assert client.get_options()["sd_model_checkpoint"] == name
    drawn = client.txt2img(prompt="a red apple", seed=7, steps=4, width=320, height=256)
    assert (drawn.image.size, drawn.info["seed"]) == ((320, 256), 7)
    assert drawn.parameters["prompt"] == "a red apple"
    said = client.png_info(drawn.image)
    assert said.info.startswith("a red apple\n")
    assert "Seed: 7, Size: 320x256" in said.info
    assert said.info == drawn.info["infotexts"][0] == drawn.image.info["parameters"]
    start = Image.radial_gradient("L").convert("RGB")
    over = client.img2img(images=[start], prompt="a red apple", steps=4, width=256, height=256)
    assert over.image.size == (256, 256)
    mask = Image.new("L", (256, 256))
    mask.paste(255, (0, 0, 128, 256))
    part = client.img2img(images=[start], mask_image=mask, prompt="a wall", steps=4, width=256, height=256)
    # black keeps: to the right of the rim nothing changed, to the left something did
    assert _differs(part.image, start, (136, 0, 256, 256)) <= 8  # of the invisible mark
    assert _differs(part.image, start, (0, 0, 120, 256)) > 20
    large = client.extra_single_image(image=drawn.image, upscaling_resize=2)
    assert large.image.size == (640, 512)
    assert client.get_progress()["progress"] == 0
    assert client.interrupt() == {}
    assert client.get_cmd_flags() == {}
    assert {"Euler a", "DPM++ 2M"} <= {one["name"] for one in client.get_samplers()}
    with pytest.raises(RuntimeError, match="422"):
        client.txt2img(prompt="a red apple", width=2049)
    wrong = webuiapi.WebUIApi(port=port, username="anybody", password="limner_no")
    with pytest.raises(RuntimeError, match="401"):
        wrong.txt2img(prompt="a red apple")


def test_the_same_fields_are_the_same_pixels_through_all_doors(serving: Serving, tmp_path: Path) -> None:
    """Within the invisible mark, which names the job; beside others in one grid a level may differ too."""
    key = {"Authorization": f"Bearer {serving.key}"}
    with httpx.Client(base_url=serving.url, headers=key, timeout=600) as client:
        body = {
            "text_prompts": [{"text": "a red apple"}],
            "seed": 7,
            "steps": 10,
            "width": 512,
            "height": 512,
        }
        body |= {"cfg_scale": 4, "sampler": "K_EULER"}
        answer = client.post("/v1/generation/stable-diffusion-v1-6/text-to-image", json=body).json()
        drawn = {"Stability": answer["artifacts"][0]["base64"]}
        body = {"prompt": "a red apple", "seed": 7, "steps": 10, "cfg_scale": 4}
        answer = client.post(
            "/v1/images/generations", json=body | {"model": "pocket", "size": "512x512", "sampler": "euler"}
        ).json()
        drawn["OpenAI"] = answer["data"][0]["b64_json"]
        answer = client.post("/sdapi/v1/txt2img", json=body | {"sampler_name": "Euler"}).json()
        drawn["AUTOMATIC1111"] = answer["images"][0]
        found = {name: Image.open(io.BytesIO(base64.b64decode(text))) for name, text in drawn.items()}
        line = "a red apple --seed 7 --steps 10 --cfg 4 --sampler euler --stylize 0"
        where = client.post("/api/v1/jobs", json={"prompt": line}).headers["location"]
        while (job := client.get(where).json())["state"] in ("queued", "running"):
            time.sleep(0.3)
        file = client.get(job["pictures"][0]).content
    found["own jobs"] = Image.open(io.BytesIO(file))
    env = environment(tmp_path, PYTHONPATH=str(ROOT))
    subprocess.run([*LIMNER, "imagine", line, "--out", str(tmp_path)], cwd=tmp_path, env=env, check=True)
    found["limner imagine"] = Image.open(io.BytesIO((tmp_path / "1.png").read_bytes()))
    first = found["Stability"].convert("RGB")
    for name, picture in found.items():
        apart = ImageChops.difference(picture.convert("RGB"), first)
        # two marks apart at the most, where another seed would be tens apart on the whole
        assert _differs(picture, first, (0, 0, 512, 512)) <= 40, name
        assert max(ImageStat.Stat(apart).mean) < 3, name


def test_both_ends_of_strength_and_grey_masks(serving: Serving) -> None:
    def png(picture: Image.Image) -> bytes:
        file = io.BytesIO()
        picture.save(file, "PNG")
        return file.getvalue()

    gradient = Image.radial_gradient("L").resize((512, 512))
    one = Image.merge("RGB", (gradient, ImageOps.invert(gradient), gradient))
    two = Image.new("RGB", (512, 512), "navy")
    base = "/v1/generation/stable-diffusion-v1-6/image-to-image"
    key = {"Authorization": f"Bearer {serving.key}", "Accept": "image/png"}
    with httpx.Client(base_url=serving.url, headers=key, timeout=600) as client:

        def over(start: Image.Image, path: str = "", **more: Any) -> Image.Image:
            files = {"init_image": png(start)}
            if "mask_image" in more:
                files["mask_image"] = png(more.pop("mask_image"))
            data = {"text_prompts[0][text]": "a red apple", "seed": "7", "steps": "10", **more}
            answer = client.post(base + path, files=files, data=data)
            assert answer.status_code == 200, answer.text
            return Image.open(io.BytesIO(answer.content)).convert("RGB")

        whole = (0, 0, 512, 512)
        assert _differs(over(one, image_strength="1"), one, whole) <= 16  # of the invisible mark
        ignored = [over(start, image_strength="0") for start in (one, two)]
        assert max(ImageStat.Stat(ImageChops.difference(*ignored)).mean) < 3  # nothing of either is left
        masks = [Image.new("L", (512, 512), level) for level in (0, 128, 255)]
        painted = [over(two, "/masking", mask_source="MASK_IMAGE_WHITE", mask_image=mask) for mask in masks]
    changed = [sum(ImageStat.Stat(ImageChops.difference(one, two)).mean) for one in painted]
    assert changed[0] < 3 < changed[1] < changed[2]


def _differs(one: Image.Image, two: Image.Image, area: tuple[int, int, int, int]) -> int:
    """Return the most by which a level differs in an area."""
    apart = ImageChops.difference(one.convert("RGB").crop(area), two.convert("RGB").crop(area))
    return max(most for _, most in apart.getextrema())  # type: ignore[misc, union-attr]


def test_serving_needs_neither_discord_nor_torch() -> None:
    heavy = ("discord", "torch", "diffusers", "transformers")
    code = f"import sys, bot.cli.main, bot.cli.serving; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
