"""Workflows of ComfyUI, queued graphs and saved canvases, also in parts: what they draw, and how."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MARK = re.compile(
    r"(?:^|[\"'])(?:class_type|widgets_values|last_node_id|last_link_id)[\"']\s*:"
    r"|^\{\s*(?:\"prompt\"\s*:\s*\{\s*)?\"[\w:]{1,20}\"\s*:\s*\{\s*\"(?:inputs|_meta)\"\s*:"
)
"""Names that a workflow of ComfyUI alone has."""
SPOKEN = ("text", "t5xxl", "text_g", "string", "value")
"""Under what names nodes have their words."""


def is_graph(nodes: Any) -> bool:
    """Tell whether a value is a graph as it is queued: nodes by their names."""
    return isinstance(nodes, dict) and any(
        isinstance(node, dict) and "class_type" in node for node in nodes.values()
    )


_WIDGETS = {
    "KSampler": ("seed", "", "steps", "cfg", "sampler_name", "scheduler"),
    "KSamplerAdvanced": ("", "noise_seed", "", "steps", "cfg", "sampler_name", "scheduler"),
    "CLIPTextEncode": ("text",),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "EmptySD3LatentImage": ("width", "height", "batch_size"),
}
"""What a saved canvas calls the fields of these nodes by their place alone."""


def drawn_graph(canvas: Mapping[str, Any]) -> dict[str, Any]:
    """Return a saved canvas (``nodes`` and ``links``) in the form in which graphs are queued."""
    ends: dict[str, Any] = {}
    for node in canvas["nodes"]:  # the list of all links comes last: in a canvas that is cut it is not there
        for slot in _listed(node, "outputs"):
            ends |= {str(link): node.get("id") for link in _listed(slot, "links")}
    links = (link for link in _listed(canvas, "links") if isinstance(link, list) and len(link) > 1)
    ends |= {str(link[0]): link[1] for link in links}
    graph: dict[str, Any] = {}
    for node in canvas["nodes"]:
        if not isinstance(node, dict):
            continue
        names = _WIDGETS.get(str(node.get("type")), ())
        its = dict(zip(names, _listed(node, "widgets_values"), strict=False))
        for slot in _listed(node, "inputs"):
            if isinstance(slot, dict) and str(slot.get("link")) in ends:
                its[str(slot.get("name"))] = [ends[str(slot["link"])], 0]
        named = {"title": node.get("title")}
        graph[str(node.get("id"))] = {"class_type": node.get("type"), "inputs": its, "_meta": named}
    return graph


def _listed(value: Any, key: str) -> list[Any]:
    """Return a list that an object has under a name; an empty one where it is no object, or has none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _object(value: Any, key: str) -> dict[str, Any]:
    """The same of an object."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def from_pieces(pieces: Mapping[str, Any]) -> dict[str, Any]:
    """Return a graph of the objects that are left of one: nodes, and what was in nodes that are cut."""
    values = pieces.values()
    if any(isinstance(one, dict) and "widgets_values" in one for one in values):
        return {"nodes": [*values]}
    return {
        name: one if not isinstance(one, dict) or "inputs" in one else {"inputs": one}
        for name, one in pieces.items()
    }


def from_nodes(nodes: Mapping[str, Any], cut: bool) -> dict[str, str]:
    """Return what a ComfyUI graph says: the sampler's settings, and the texts it leads back to.

    Where nothing leads to a text, the only one that is there is the prompt, unless others may have been cut.
    """
    every = [_object(node, "inputs") for node in nodes.values()]
    # one node that samples holds all; newer graphs have one for the noise, one for the steps, …
    main = next(
        (its for its in every if "positive" in its and {"steps", "seed", "noise_seed"} & set(its)), {}
    )
    guides = next((its for its in every if {"positive", "conditioning"} & set(its)), {})
    wanted = main.get("positive") or guides.get("positive") or guides.get("conditioning")
    unwanted = main.get("negative") or guides.get("negative")
    found = {"prompt": _words(nodes, wanted), "negative": _words(nodes, unwanted)}
    if not found["prompt"]:
        found |= _unlinked(nodes, found["negative"], cut)
    for its in (main, *every):
        for key, name in (("seed", "seed"), ("noise_seed", "seed"), ("steps", "steps"), ("cfg", "cfg scale")):
            if isinstance(its.get(key), int | float):
                found.setdefault(name, str(its[key]))
        if isinstance(its.get("sampler_name"), str):
            found.setdefault("sampler", its["sampler_name"])
        if isinstance(its.get("scheduler"), str):
            found.setdefault("schedule type", its["scheduler"])
        if {"width", "height", "batch_size"} <= set(its) and isinstance(its["width"], int):
            found.setdefault("width", str(its["width"]))
            found.setdefault("height", str(its["height"]))
    return found


def _unlinked(nodes: Mapping[str, Any], negative: str, cut: bool) -> dict[str, str]:
    """Return the texts of a graph by their titles alone; no prompt where there are several."""
    wanted: list[str] = []
    for node in nodes.values():
        its = _object(node, "inputs")
        if not its or not re.search(r"text|prompt", str(node.get("class_type", "text")), re.IGNORECASE):
            continue
        text = next((its[key] for key in SPOKEN if isinstance(its.get(key), str)), "")
        title = str(_object(node, "_meta").get("title", "")).lower()
        if "negative" in title:
            negative = negative or text
        elif text and text != negative and ("positive" in title or not cut):
            wanted.append(text)
    return {"prompt": wanted[0] if len(wanted) == 1 else "", "negative": negative}


def _words(nodes: Mapping[str, Any], link: Any) -> str:
    """Return the text a link leads back to."""
    for _ in range(8):  # conditioning may pass through nodes that change it
        if not (isinstance(link, list) and link):
            break
        behind = _object(nodes.get(str(link[0])), "inputs")
        for key in SPOKEN:
            if isinstance(behind.get(key), str):
                return str(behind[key])
        link = next(
            (behind[key] for key in ("text", "conditioning", "positive", "string") if key in behind), None
        )
    return ""
