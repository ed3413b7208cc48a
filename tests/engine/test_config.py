"""The host's configuration: what is read, what wins, and one clear sentence for every mistake."""

from __future__ import annotations

import codecs
import json
import os
import tomllib
from pathlib import Path

import pytest

from engine import config
from engine.config.devices import named
from engine.config.secret import formed
from engine.errors import ConfigError
from tests import ROOT

EXAMPLE = ROOT / "config.example.toml"


def write(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_file_the_shipped_model_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = config.load(None, {})
    assert [model.name for model in loaded.models] == ["pocket"]
    assert loaded.models[0].default
    assert loaded.data_dir == tmp_path / "data"
    assert not loaded.web.enabled
    assert loaded.web.host == "127.0.0.1"


@pytest.mark.parametrize("said", ["v 1", "v 5.2", "v 6.1", "v 7", "v 8.1", "niji", "niji 6"])
def test_the_shipped_model_answers_to_every_midjourney_version(said: str) -> None:
    assert said in config.pocket().aliases


def test_the_shipped_models_size_is_read_from_its_weights(tmp_path: Path) -> None:
    # by hand: 16 latents x 2 x 2 (three stages, two halvings) = 64 pixels; pipelines take steps of 8
    (tmp_path / "unet").mkdir()
    (tmp_path / "vae").mkdir()
    (tmp_path / "unet/config.json").write_text(
        json.dumps({"sample_size": 16, "down_block_types": ["a", "b", "c"]})
    )
    (tmp_path / "vae/config.json").write_text(json.dumps({"encoder_block_out_channels": [32, 32, 32]}))
    model = config.pocket(tmp_path)
    assert (model.width, model.height, model.multiple) == (64, 64, 8)
    # Stable Diffusion 1.5's published figures: 64 latents, a factor of 8
    (tmp_path / "unet/config.json").write_text(json.dumps({"sample_size": 64, "down_block_types": ["a"] * 4}))
    (tmp_path / "vae/config.json").write_text(json.dumps({"block_out_channels": [128, 256, 512, 512]}))
    model = config.pocket(tmp_path)
    assert (model.width, model.multiple) == (512, 8)


def test_the_flow_model_that_ships_is_known_by_its_source_and_draws_only_where_named(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    entry = '[[models]]\nname = "small"\nsource = "pocket-flow"\n'
    file.write_text(f'[[models]]\nname = "pocket"\nsource = "pocket"\n{entry}steps = 8\n')
    first, second = config.load(file, {}).models
    assert (first.default, second.default) == (True, False)
    # pictures of the first model's size; a token is two latents each way, and a latent eight pixels
    assert (second.width, second.height, second.multiple) == (first.width, first.height, 16)
    assert (second.steps, second.sampler) == (8, "euler")
    assert second.source == "pocket-flow", "no path beside the file"
    assert second.enlarged == first.enlarged


def test_the_example_loads_and_shows_the_four_kinds() -> None:
    loaded = config.load(EXAMPLE, {})
    models = {model.name: model for model in loaded.models}
    flows = {"z-image", "klein", "qwen-image", "qwen-edit", "sd35-medium"}
    assert set(models) == {"pocket", "sd15", "sdxl", "sdxl-turbo", "flux", *flows}
    # steps and licences as published
    assert {name: (models[name].steps, models[name].licence) for name in flows} == {
        "z-image": (8, "Apache-2.0"),
        "klein": (4, "Apache-2.0"),
        "qwen-image": (50, "Apache-2.0"),
        "qwen-edit": (50, "Apache-2.0"),
        "sd35-medium": (28, "Stability AI Community License"),
    }
    assert [model.name for model in loaded.models if model.default] == ["pocket"]
    assert models["sd15"].width == 512
    assert models["sdxl"].width == 1024
    assert models["sdxl-turbo"].steps == 4
    assert models["flux"].multiple == 16
    assert all(model.licence for model in loaded.models)


def test_every_default_the_example_shows_is_the_default() -> None:
    """Uncomment its lines: what the file says is the default must change nothing."""
    lines = EXAMPLE.read_text(encoding="utf-8").partition("# -----")[0].splitlines()
    shown = [
        line.removeprefix("# ")
        for line in lines
        if line.startswith("[") or (line.startswith("# ") and " = " in line)
    ]
    values = tomllib.loads(
        "\n".join(line for line in shown if "token" not in line and "123456789" not in line)
    )
    defaults = config.Config().model_dump(mode="json")
    assert len(values) > 5
    for key, value in values.items():
        if isinstance(value, dict):
            assert value == {name: defaults[key][name] for name in value}, key
        else:
            assert value == defaults[key], key
    for section in ("engine", "limits", "web"):
        assert set(values[section]) == set(defaults[section]), f"[{section}] of the example lacks a key"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[engin]\ndevice = 'cpu'", "there is no key `engin`. Did you mean `engine`?"),
        ("[engine]\ndevise = 'cpu'", "there is no key `engine.devise`. Did you mean `engine.device`?"),
        ("device = 'cpu'", "there is no key `device`. `device` belongs under `[engine]`."),
        ("guidance_scale = 3", "`guidance_scale` belongs under `[[models]]`."),
        ("[web]\nport = 'eighty'", '`web.port` cannot be "eighty". It must be a whole number.'),
        ("[web]\nport = 99999", "`web.port` cannot be 99999. It must be less than or equal to 65535."),
        ("[limits]\nrunning = 0", "`limits.running` cannot be 0. It must be greater than or equal to 1."),
        ("[engine]\nheartbeat_timeout = 0", "`engine.heartbeat_timeout` cannot be 0."),
        ("[[models]]\nname = 'a'\nsource = 'pocket'\nwidth = -5", "`width` cannot be -5."),
        ("[[models]]\nname = 'a'\nsource = 'pocket'\nsteps = 0", "`steps` cannot be 0."),
        ("[web]\nenabled = 'perhaps'", '`web.enabled` cannot be "perhaps". It must be true or false.'),
        (
            "[engine]\ndevice = 'gpu'",
            "`engine.device` cannot be \"gpu\". It must be one of 'auto', 'cpu', 'cuda' or 'mps'.",
        ),
        ("engine = 3", "`engine` is a section. Write `[engine]` above its keys."),
        ("[models]\nname = 'a'", "`models` is a list of tables. Write `[[models]]` above each."),
        ("[[models]]\nname = 'a'", "models number 1: the key `source` is missing. Add it."),
        ("[[models]]\nname = 'A b'\nsource = 'x/y'", 'models number 1: `name` cannot be "A b".'),
        ("[[models]]\nname = 'a'\nsource = 'x/y'\nstep = 3", "there is no key `step`. Did you mean `steps`?"),
        (
            "[[models]]\nname = 'a'\nsource = 'x/y'\n[[models]]\nname = 'a'\nsource = 'x/z'",
            "two models are named `a`",
        ),
        ("[[models]]\nname = 'a'\nsource = 'old.ckpt'", "is a pickle (`old.ckpt`)"),
        (
            "[[models]]\nname = 'a'\nsource = 'x/y'\naliases = ['v 7']\n"
            "[[models]]\nname = 'b'\nsource = 'x/z'\naliases = ['V 7']",
            "the models `a` and `b` both answer to `v 7`",
        ),
        (
            "[[loras]]\nname = 'a'\nsource = 'x/y'\nmodel = 'nope'",
            "is for the model `nope`, which is not named here",
        ),
        ("[discord]\nowners = ['me']", '`discord.owners` cannot be "me". It must be a whole number.'),
        ("[discord]\ntoken = 'x'", "`discord.token`"),
        ("a = = 3", "is not valid TOML"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_it(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, text), {})
    message = str(caught.value)
    assert said in message
    assert "\n" not in message
    assert "config.toml" in message


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    text = "data_dirr = 'x'\n[engine]\ndevise = 'cpu'\n[[models]]\nnamed = 'x'\n"
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, text), {})
    for said in ("`data_dirr`", "`engine.devise`", "Models number 1", "`named`"):
        assert said in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, "[engine]\nmax_rows = 'x'\ndevice = 'y'\n"), {})
    for said in ("`engine.max_rows`", "`engine.device`"):
        assert said in str(caught.value)
    many = "".join(f"k{number} = 1\n" for number in range(40))
    with pytest.raises(ConfigError, match="And 35 more"):
        config.load(write(tmp_path, many), {})


def test_a_key_of_older_versions_is_left_out_and_said(tmp_path: Path) -> None:
    file = write(tmp_path, "[[models]]\nname = 'a'\nsource = 'o/n'\nfamily = 'sdxl'\n")
    assert config.load(file, {}).models[0].name == "a"
    [said] = config.retired(file)
    assert said.startswith("models number 1: `family` is read no more")


PLACED = "[engine]\ndevices = ['cuda:0', 'cuda:1']\n[[engine.placement]]\ndevice = 'cuda:1'\nmodels = ['a']\n"
MODELS = "[[models]]\nname = 'a'\nsource = 'o/n'\n[[models]]\nname = 'b'\nsource = 'o/m'\n"


def test_devices_have_a_kind_and_an_index() -> None:
    assert named(("cpu", "cuda", "cpu", "cuda:1", "mps")) == ("cpu:0", "cuda:0", "cpu:1", "cuda:1", "mps:0")
    assert named(("cpu:1", "cpu", "cpu")) == ("cpu:1", "cpu:0", "cpu:2")


def test_a_device_can_be_kept_for_some_models(tmp_path: Path) -> None:
    engine = config.load(write(tmp_path, PLACED + MODELS), {}).engine
    assert engine.devices == ("cuda:0", "cuda:1")
    assert [(one.device, one.models) for one in engine.placement] == [("cuda:1", ("a",))]
    assert config.load(write(tmp_path, ""), {"LIMNER_ENGINE_DEVICES": "cpu,cpu"}).engine.devices == (
        "cpu",
        "cpu",
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "devices = ['cuda:0', 'cuda:1']",
            "devices = ['cuda:0', 'gpu']",
            "name devices `cuda:0`, `cuda:1`, `mps` or",
        ),
        ("devices = ['cuda:0', 'cuda:1']", "devices = ['cuda', 'cuda:0', 'cuda:1']", "`cuda:0` stands twice"),
        (
            "devices = ['cuda:0', 'cuda:1']",
            "devices = ['cuda:0']",
            "for `cuda:1`, which is not among `devices`",
        ),
        ("'cuda:0', ", "", "no device may draw `b`"),
        ("['a']", "['c']", "the model `c`, which is not named here"),
        ("[engine]\n", "[engine]\ndevice = 'cpu'\n", "`device` and `devices` both"),
        ("[engine]\n", "[engine]\nworkers = 2\n", 'Write `devices = ["cuda:0", "cuda:1"]` under `[engine]`'),
        ("[[engine.placement]]", "[engine.placement]", "Write `[[engine.placement]]` above each."),
        (
            "models = ['a']",
            "models = ['a']\n[[engine.placement]]\ndevice = 'cuda:1'\nmodels = []",
            "has two `[[",
        ),
    ],
)
def test_devices_that_cannot_be_are_said(tmp_path: Path, before: str, after: str, said: str) -> None:
    text = PLACED + MODELS
    assert before in text
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, text.replace(before, after)), {})
    assert said in str(caught.value)


def test_the_old_number_of_workers_is_refused_from_the_environment_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="each device has one worker"):
        config.load(write(tmp_path, ""), {"LIMNER_ENGINE_WORKERS": "2"})


def test_the_mark_that_editors_put_first_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_bytes(b"\xef\xbb\xbf[engine]\nmax_rows = 2\n")
    assert config.load(tmp_path / "c.toml", {}).engine.max_rows == 2


TOKEN = "MTE5ODYyMjQ4MzQ3MTkyNTI0OA.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"  # as in Discord's documentation


@pytest.mark.parametrize(
    "written",
    [
        "\ufeff{}",
        "{}\r\n\r\n",
        '"{}"',
        "Bot {}",
        "'Bot {}'",
        "LIMNER_TOKEN={}",
        'export DISCORD_TOKEN="{}"',
        "token = '{}'",
        "\u200b{}\u200b",
        "“{}”",
    ],
)
def test_what_came_along_with_a_token_is_taken_off(tmp_path: Path, written: str) -> None:
    file = tmp_path / "token"
    file.write_text(written.format(TOKEN), encoding="utf-8")
    file.chmod(0o600)
    loaded = config.load(write(tmp_path, "[discord]\ntoken_file = 'token'"), {})
    assert config.token(loaded, {}).get_secret_value() == TOKEN
    assert config.token(loaded, {"LIMNER_TOKEN": written.format(TOKEN)}).get_secret_value() == TOKEN


@pytest.mark.parametrize("written", ["{0}\n{0}", "# mine\n{0}", "two {0}", "{0}\u00e9", "{0}\x00", '""'])
def test_what_cannot_be_a_token_is_refused_in_one_line_that_does_not_show_it(
    tmp_path: Path, written: str
) -> None:
    file = tmp_path / "token"
    file.write_text(written.format(TOKEN), encoding="utf-8")
    file.chmod(0o600)
    loaded = config.load(write(tmp_path, "[discord]\ntoken_file = 'token'"), {})
    with pytest.raises(ConfigError) as caught:
        config.token(loaded, {})
    assert "\n" not in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert "Copy it anew" in str(caught.value)


def test_a_token_file_of_another_encoding_is_read_and_a_folder_is_named_as_one(tmp_path: Path) -> None:
    file = tmp_path / "token"
    loaded = config.load(write(tmp_path, "[discord]\ntoken_file = 'token'"), {})
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):  # as PowerShell writes, with a mark in front
        mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(encoding, b"")
        file.write_bytes(mark + f"{TOKEN}\r\n".encode(encoding))
        file.chmod(0o600)
        assert config.token(loaded, {}).get_secret_value() == TOKEN
    file.unlink()
    file.mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="is a folder"):
        config.token(loaded, {})


def test_a_token_is_told_from_what_is_none_by_its_form() -> None:
    assert formed(TOKEN)
    for none in ("hello", "x" * 32, "1198622483471925248", "a.b.c"):
        assert not formed(none)


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no configuration file"):
        config.load(tmp_path / "nope.toml", {})
    with pytest.raises(ConfigError, match="There is no configuration file"):
        config.load(None, {"LIMNER_CONFIG": str(tmp_path / "nope.toml")})


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        config.load(tmp_path / "c.toml", {})


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "[engine]\ndevice = 'cuda'\nmax_rows = 4\n")
    loaded = config.load(
        file,
        {
            "LIMNER_ENGINE_DEVICE": "cpu",
            "LIMNER_DATA_DIR": "/srv/limner",
            "LIMNER_DISCORD_GUILDS": "1, 2",
            "LIMNER_WEB_ENABLED": "true",
            "LIMNER_DISCORD_API": "http://127.0.0.1:1/api/v10",
        },
    )
    assert loaded.engine.device == "cpu"
    assert loaded.engine.max_rows == 4
    assert loaded.data_dir == Path("/srv/limner")
    assert loaded.discord.guilds == (1, 2)
    assert loaded.web.enabled


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(
        ConfigError, match=r"`LIMNER_ENGINE_DEVISE` names no setting\. Did you mean `LIMNER_ENGINE_DEVICE`"
    ):
        config.load(EXAMPLE, {"LIMNER_ENGINE_DEVISE": "cpu"})
    with pytest.raises(ConfigError, match='the environment: `LIMNER_WEB_PORT` cannot be "x"'):
        config.load(EXAMPLE, {"LIMNER_WEB_PORT": "x"})


def test_paths_are_relative_to_the_file_and_hub_names_stay(tmp_path: Path) -> None:
    (tmp_path / "models/mine").mkdir(parents=True)
    file = write(
        tmp_path,
        """
        data_dir = "store"
        [discord]
        token_file = "token"
        [engine]
        enhancer = "http://127.0.0.1/model.bin"
        translator = "models/mine"
        [[models]]
        name = "one"
        source = "./weights/one.safetensors"
        [[models]]
        name = "two"
        source = "models/mine"
        [[models]]
        name = "three"
        source = "owner/name"
        """,
    )
    loaded = config.load(file, {})
    assert loaded.data_dir == tmp_path / "store"
    assert loaded.discord.token_file == str(tmp_path / "token")
    assert loaded.engine.enhancer == "http://127.0.0.1/model.bin"
    assert loaded.engine.translator == str(tmp_path / "models/mine")
    assert [model.source for model in loaded.models] == [
        str(tmp_path / "weights/one.safetensors"),
        str(tmp_path / "models/mine"),
        "owner/name",
    ]
    assert [model.default for model in loaded.models] == [True, False, False]


def test_the_token_comes_from_the_environment_first(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-file\n")
    file.chmod(0o600)
    loaded = config.load(write(tmp_path, "[discord]\ntoken_file = 'token'"), {})
    assert config.token(loaded, {}).get_secret_value() == "from-file"
    assert config.token(loaded, {"LIMNER_TOKEN": " from-env "}).get_secret_value() == "from-env"
    assert "from-env" not in repr(config.token(loaded, {"LIMNER_TOKEN": "from-env"}))


@pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_token_file_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text("secret")
    file.chmod(mode)
    loaded = config.load(write(tmp_path, "[discord]\ntoken_file = 'token'"), {})
    with pytest.raises(ConfigError, match="chmod 600"):
        config.token(loaded, {})


def test_a_missing_or_empty_token_says_where_to_put_it(tmp_path: Path) -> None:
    loaded = config.load(write(tmp_path, ""), {})
    with pytest.raises(ConfigError, match="LIMNER_TOKEN"):
        config.token(loaded, {})
    loaded = config.load(write(tmp_path, "[discord]\ntoken_file = 'token'"), {})
    with pytest.raises(ConfigError, match="No such file"):
        config.token(loaded, {})
    (tmp_path / "token").touch(mode=0o600)
    with pytest.raises(ConfigError, match="is empty"):
        config.token(loaded, {})


ADAPTED = """
[[models]]
name = "sd15"
source = "owner/name"
ip_adapter = { source = "./adapter", weights = "a.safetensors", image_encoder = "models/image_encoder" }
"""


def test_an_ip_adapter_is_read_and_what_is_wrong_with_it_is_named(tmp_path: Path) -> None:
    [model] = config.load(write(tmp_path, ADAPTED), {}).models
    assert model.ip_adapter is not None
    assert model.ip_adapter.source == str(tmp_path / "adapter")
    for wrong, said in (
        ("weight =", "Did you mean `ip_adapter.weights`?"),
        ("wights = 'b', weights =", "Did you mean `ip_adapter.weights`?"),
        ("weights = 3, subfolder =", "`ip_adapter.weights` cannot be 3"),
    ):
        with pytest.raises(ConfigError) as error:
            config.load(write(tmp_path, ADAPTED.replace("weights =", wrong)), {})
        assert said in str(error.value), wrong
    with pytest.raises(ConfigError, match="is a pickle"):
        config.load(write(tmp_path, ADAPTED.replace("a.safetensors", "a.bin")), {})
    with pytest.raises(ConfigError, match=r"\[ip_adapter\]"):
        config.load(write(tmp_path, ADAPTED.split("ip_adapter")[0] + "ip_adapter = 'owner/name'"), {})
