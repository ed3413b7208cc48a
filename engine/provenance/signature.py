"""Signed origin: C2PA manifests written into pictures and read again. Knows files and keys, no people."""

from __future__ import annotations

import io
import json
from typing import Any

import c2pa

from engine.provenance.keys import Identity
from engine.provenance.values import Disclosure, Signature

SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
"""IPTC's vocabulary of digital source types."""
MADE = SOURCE + "trainedAlgorithmicMedia"
COMPOSED = SOURCE + "compositeWithTrainedAlgorithmicMedia"
MIME = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
_SETTINGS = {"builder": {"thumbnail": {"enabled": False}}, "verify": {"verify_after_sign": False}}


class Unsigned(Exception):
    """A picture could not be signed; the text says why."""


def kind_of(data: bytes) -> str | None:
    """Return PNG, JPEG or WEBP by a file's first bytes."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    return "WEBP" if data[:4] + data[8:12] == b"RIFFWEBP" else None


class Signer:
    """Signs with one identity, as one version. Slow enough (milliseconds) to be called from a thread."""

    def __init__(self, identity: Identity, version: str, authority: str | None = None) -> None:
        self._version = version
        self._info = c2pa.C2paSignerInfo(
            identity.algorithm, identity.chain.encode(), identity.key.encode(), authority
        )
        self._context = c2pa.Context.from_dict(_SETTINGS)

    def sign(self, data: bytes, leaving: Disclosure) -> bytes:
        """Return the file with a manifest in it. Raises Unsigned."""
        kind = kind_of(data)
        if kind is None:
            raise Unsigned("only PNG, JPEG and WebP are signed")
        target = io.BytesIO()
        parents = _parents(leaving)
        try:
            with (
                c2pa.Signer.from_info(self._info) as signer,
                c2pa.Builder(_manifest(leaving, self._version), context=self._context) as builder,
            ):
                for number, parent_kind in parents.items():
                    ingredient = {
                        "title": f"picture {number + 1}",
                        "relationship": "parentOf" if number == min(parents) else "componentOf",
                        "label": f"parent-{number}",
                    }
                    parent = io.BytesIO(leaving.parents[number])
                    builder.add_ingredient(json.dumps(ingredient), MIME[parent_kind], parent)
                builder.sign(signer, MIME[kind], io.BytesIO(data), target)
        except (c2pa.C2paError, OSError, ValueError) as error:
            raise Unsigned(str(error)) from error
        return target.getvalue()


def _parents(leaving: Disclosure) -> dict[int, str]:
    """Return the kinds of a picture's parents by their numbers, as far as they are known."""
    kinds = enumerate(map(kind_of, leaving.parents))
    return {number: kind for number, kind in kinds if kind is not None}


def _manifest(leaving: Disclosure, version: str) -> dict[str, Any]:
    """Return the claim (C2PA technical specification 2.1, 18.15: actions)."""
    agent = {"name": "Limner", "version": version}
    parents = [f"parent-{number}" for number in _parents(leaving)]
    actions: list[dict[str, Any]] = []
    if parents:
        actions.append({"action": "c2pa.opened", "parameters": {"ingredientIds": parents[:1]}})
        if len(parents) > 1:
            actions.append({"action": "c2pa.placed", "parameters": {"ingredientIds": parents[1:]}})
        actions.append({"action": "c2pa.edited", "softwareAgent": agent, "digitalSourceType": COMPOSED})
    else:
        actions.append({"action": "c2pa.created", "softwareAgent": agent, "digitalSourceType": MADE})
    made: dict[str, Any] = {"job": leaving.job, "cell": leaving.cell}
    if leaving.prompt is not None:
        made["prompt"] = leaving.prompt
    return {
        "claim_generator_info": [agent],
        "title": f"limner {leaving.job}",
        "assertions": [
            {"label": "c2pa.actions", "data": {"actions": actions}},
            {"label": "limner.job", "data": made},
        ],
    }


def read(data: bytes, root: str | None = None) -> Signature | None:
    """Return what a file's manifest says, None where it has none or cannot have one. Never raises.

    ``root``: certificates (PEM) whose signatures are ours.
    """
    kind = kind_of(data)
    if kind is None:
        return None
    settings: dict[str, Any] = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
    if root is not None:
        settings["trust"] = {"user_anchors": root}
    try:
        with (
            c2pa.Context.from_dict(settings) as context,
            c2pa.Reader(MIME[kind], io.BytesIO(data), context=context) as reader,
        ):
            state = reader.get_validation_state() or "Invalid"
            manifest = reader.get_active_manifest() or {}
            results = reader.get_validation_results() or {}
    except c2pa.C2paError as error:
        if "ManifestNotFound" in type(error).__name__ or "no JUMBF" in str(error):
            return None
        return Signature("broken", "", False, "", False, None, None, None)
    failed = {one.get("code", "") for one in results.get("activeManifest", {}).get("failure", [])}
    if state == "Invalid":
        state = "tampered" if any(code.endswith("mismatch") for code in failed) else "broken"
    else:
        state = "valid"
    return _said(state, manifest, failed, root is not None)


def _said(state: str, manifest: dict[str, Any], failed: set[str], known: bool) -> Signature:
    signed = manifest.get("signature_info") or {}
    generators = manifest.get("claim_generator_info") or [{}]
    software = " ".join(str(generators[0].get(part, "")) for part in ("name", "version")).strip()
    job, cell, made = None, None, False
    for assertion in manifest.get("assertions") or []:
        data = assertion.get("data")
        if not isinstance(data, dict):
            continue
        if assertion.get("label") == "limner.job" and isinstance(data.get("job"), str):
            job, cell = data["job"], data.get("cell")
        for action in data.get("actions") or []:
            made |= "rainedAlgorithmicMedia" in str(action.get("digitalSourceType", ""))
    ours = known and state == "valid" and "signingCredential.untrusted" not in failed
    return Signature(
        state, str(signed.get("common_name") or signed.get("issuer") or ""), ours, software, made, job,
        cell if isinstance(cell, int) else None, signed.get("time"),
    )  # fmt: skip
