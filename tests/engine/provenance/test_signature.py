"""Signatures: C2PA's own reader finds them valid, with their ingredients, and sees every change."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path
from typing import Any

import c2pa
import pytest
from PIL import Image

from engine.errors import ConfigError
from engine.provenance.keys import CHAIN, KEY, Identity, load_or_make
from engine.provenance.signature import COMPOSED, MADE, MIME, Signer, Unsigned, kind_of, read
from engine.provenance.values import Disclosure
from tests.engine.provenance.pictures import photograph

FILES = 200


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return load_or_make(tmp_path_factory.mktemp("keys"))


def saved(kind: str, number: int = 1) -> bytes:
    buffer = io.BytesIO()
    photograph(number, 96, 64).save(buffer, kind)
    return buffer.getvalue()


def judged(data: bytes) -> tuple[str, dict[str, Any]]:
    """Return the state and the manifest by the library's own reader, with nothing of ours in between."""
    with c2pa.Reader(MIME[kind_of(data) or ""], io.BytesIO(data)) as reader:
        return str(reader.get_validation_state()), json.loads(reader.json())


def actions(store: dict[str, Any]) -> list[dict[str, Any]]:
    manifest = store["manifests"][store["active_manifest"]]
    [found] = [one for one in manifest["assertions"] if one["label"].startswith("c2pa.actions")]
    return list(found["data"]["actions"])


def check(identity: Identity, kind: str, count: int) -> None:
    signer = Signer(identity, "1.2")
    for number in range(count):
        data = saved(kind, number)
        signed = signer.sign(data, Disclosure("abcdefghjk", cell=2))
        state, store = judged(signed)
        assert state == "Valid"
        [made] = actions(store)
        assert (made["action"], made["digitalSourceType"]) == ("c2pa.created", MADE)
        edited = signer.sign(data, Disclosure("bbbbbbbbbb", cell=0, parents=(signed, saved("PNG"))))
        state, store = judged(edited)
        assert state == "Valid"
        assert [one["action"] for one in actions(store)] == ["c2pa.opened", "c2pa.placed", "c2pa.edited"]
        assert actions(store)[-1]["digitalSourceType"] == COMPOSED
        ingredients = store["manifests"][store["active_manifest"]]["ingredients"]
        assert [one["relationship"] for one in ingredients] == ["parentOf", "componentOf"]
        assert ingredients[0]["active_manifest"]  # the parent's own signature is kept
        with Image.open(io.BytesIO(edited)) as opened, Image.open(io.BytesIO(data)) as before:
            assert opened.tobytes() == before.tobytes()


@pytest.mark.parametrize("kind", MIME)
def test_two_hundred_signed_files_are_valid_to_c2pas_reader(identity: Identity, kind: str) -> None:
    check(identity, kind, FILES // len(MIME) + 1)


@pytest.mark.parametrize("kind", MIME)
def test_what_we_read_of_it(identity: Identity, tmp_path: Path, kind: str) -> None:
    data = saved(kind)
    assert read(data) is None
    signed = Signer(identity, "1.2").sign(data, Disclosure("abcdefghjk", cell=2))
    found = read(signed, identity.root)
    assert found is not None
    assert (found.state, found.ours, found.made) == ("valid", True, True)
    assert (found.software, found.job, found.cell) == ("Limner 1.2", "abcdefghjk", 2)
    stranger = read(signed, load_or_make(tmp_path).root)
    assert stranger is not None
    assert (stranger.state, stranger.ours) == ("valid", False)
    anybody = read(signed)
    assert anybody is not None
    assert not anybody.ours


def test_a_changed_pixel_is_reported(identity: Identity) -> None:
    signed = Signer(identity, "1.2").sign(saved("JPEG"), Disclosure("abcdefghjk"))
    changed = bytearray(signed)
    changed[-300] ^= 1
    found = read(bytes(changed), identity.root)
    assert found is not None
    assert (found.state, found.ours) == ("tampered", False)


def test_what_no_signature_fits_into_is_said(identity: Identity) -> None:
    for data in (b"", b"GIF89a", b"\x89PNG\r\n\x1a\n broken"):
        with pytest.raises(Unsigned):
            Signer(identity, "1.2").sign(data, Disclosure("abcdefghjk"))
        assert read(data) is None or kind_of(data)


def test_keys_are_made_once_and_are_the_owners_alone(tmp_path: Path) -> None:
    first = load_or_make(tmp_path)
    assert stat.S_IMODE((tmp_path / KEY).stat().st_mode) == 0o600
    assert load_or_make(tmp_path) == first
    assert 0 < first.host < 2**20


def test_the_hosts_own_keys_and_what_is_wrong_with_them(tmp_path: Path) -> None:
    load_or_make(tmp_path / "one")
    load_or_make(tmp_path / "two")
    chain, key = tmp_path / "one" / CHAIN, tmp_path / "one" / KEY
    own = load_or_make(tmp_path / "none", chain, key)
    assert not (tmp_path / "none").exists()
    signed = Signer(own, "1.2").sign(saved("PNG"), Disclosure("abcdefghjk"))
    found = read(signed, own.root)
    assert found is not None
    assert found.ours
    with pytest.raises(ConfigError, match="belong together"):
        load_or_make(tmp_path, chain, None)
    with pytest.raises(ConfigError, match="does not belong"):
        load_or_make(tmp_path, chain, tmp_path / "two" / KEY)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_or_make(tmp_path, chain, tmp_path / "nothing")
    (tmp_path / "odd").write_text("no key")
    with pytest.raises(ConfigError, match="hold no certificates"):
        load_or_make(tmp_path, chain, tmp_path / "odd")
