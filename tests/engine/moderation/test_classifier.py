"""What looks at pictures: real classifiers, harmless pictures."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from engine.config import ModerationConfig
from engine.errors import ConfigError
from engine.moderation.pictures import FLAGGED, UNSURE, judge
from engine.render.tools.classify import NudeNet, Transformer, classifier
from tests.engine.moderation import colours


def png(colour: str, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, (48, 64), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return colours.save(tmp_path_factory.mktemp("colours"))


def test_a_transformers_classifier_is_read_by_its_labels(folder: Path, tmp_path: Path) -> None:
    looking = classifier(ModerationConfig(classifier=str(folder)))
    red, blue, white = looking.adult([png("red"), png("blue"), png("white", "RGBA")])
    assert red > 0.99
    assert max(blue, white) < 0.01
    turned = Transformer(str(folder), ["Fine"])
    assert turned.adult([png("red")])[0] < 0.01
    other = colours.save(tmp_path / "other", {0: "cat", 1: "dog"})
    with pytest.raises(ConfigError, match="`cat`, `dog`; name those"):
        Transformer(str(other), [])
    with pytest.raises(ConfigError, match="cannot be loaded"):
        Transformer(str(tmp_path / "nothing"), [])


def test_nudenet_finds_nothing_in_harmless_pictures() -> None:
    pytest.importorskip("nudenet", reason="pip install 'limner[nsfw]'")
    looking = NudeNet()
    scores = looking.adult([png("red"), png("blue", "RGBA"), png("white")])
    assert len(scores) == 3
    assert all(0 <= score < 0.5 for score in scores)


def test_without_its_package_nudenet_says_what_to_do() -> None:
    try:
        import nudenet  # noqa: F401
    except ImportError:
        with pytest.raises(ConfigError, match=r"pip install 'limner\[nsfw\]'"):
            classifier(ModerationConfig(classifier="nudenet"))


def test_what_becomes_of_a_picture_is_decided_by_place_and_host() -> None:
    off, on = ModerationConfig(), ModerationConfig(classifier="x", threshold=0.5)
    assert judge((0.9,), "refuse", off).sentence is None
    assert judge((0.1, 0.49), "refuse", on).sentence is None
    assert judge((0.1, 0.5), "refuse", on).sentence == FLAGGED
    shown = judge((0.9,), "spoiler", on)
    assert (shown.sentence, shown.rated) == (None, True)
    assert judge((0.9,), "allow", on).rated
    assert not judge((0.1,), "allow", on).rated
    assert judge(None, "allow", on).sentence == UNSURE
    assert judge(None, "refuse", on.model_copy(update={"unsure": "show"})).sentence is None
