"""The server's own description: of every endpoint, and true of the cases that schemathesis makes of it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import hypothesis
import jsonschema
import pytest
import schemathesis
from fastapi.routing import APIRoute
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from engine.config import ApiConfig, Config, EngineConfig, LimitsConfig, WebConfig
from engine.rules import keys
from engine.service import Service
from engine.store import keys as store_keys
from engine.web import Doors, application, listening
from engine.web.description import ENDPOINTS, HIDDEN, OPEN, described
from tests.engine.web.conftest import FAKE, Api
from tests.engine.web.kept_secret import made

CASES = int(os.environ.get("LIMNER_API_CASES", "500"))
SEED = int(os.environ.get("LIMNER_API_SEED", "14"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


@dataclass
class Running:
    """A listening API in a thread of its own: cases are sent from this one."""

    url: str
    key: str
    document: dict[str, Any]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    found: list[Running] = []
    ready, done = threading.Event(), threading.Event()

    async def serve(folder: Path) -> None:
        config = Config(
            data_dir=folder,
            engine=EngineConfig(device="cpu"),
            api=ApiConfig(enabled=True),
            limits=LimitsConfig(max_pixels=262_144),
        )
        ticks = count()
        async with Service.open(config, renderer=FAKE, arguments={}) as service:
            doors = Doors.of(service, clock=lambda: 3600.0 * next(ticks))  # so nobody is ever too fast
            secret = made(keys.make())
            new = store_keys.NewKey("cases", secret[: keys.START], keys.digest(secret), keys.SCOPES, "cli")
            await service.store.write(store_keys.create, service.store.now(), new)
            async with listening(service, WebConfig(port=0), doors=doors) as port:
                document = described(application(service, {}, doors))
                found.append(Running(f"http://127.0.0.1:{port}", secret, document))
                ready.set()
                while not done.is_set():  # noqa: ASYNC110 - another thread ends it
                    await asyncio.sleep(0.1)

    thread = threading.Thread(target=asyncio.run, args=(serve(tmp_path_factory.mktemp("api")),))
    thread.start()
    try:
        assert ready.wait(120)
        yield found[0]
    finally:
        done.set()
        thread.join()


async def test_every_endpoint_is_described(api: Api) -> None:
    app = application(api.service, {}, api.doors)
    document = described(app)
    routes = {
        (method.lower(), route.path)
        for route in app.routes
        if isinstance(route, APIRoute) and not route.path.startswith(HIDDEN)
        for method in route.methods or ()
    }
    told = {(method, path) for path, one in document["paths"].items() for method in one}
    assert told == routes
    assert set(ENDPOINTS) <= routes  # and nothing that is not there
    assert {path for method, path in routes if not document["paths"][path][method]["security"]} == set(OPEN)
    for method, path in routes:
        assert document["paths"][path][method]["summary"].endswith("."), path
    async with api.client("") as client:
        assert (await client.get("/openapi.json")).json() == document
        page = await client.get("/docs")
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert "<script" not in page.text
        for _, path in routes:
            assert path in page.text
        style = await client.get("/docs/style.css")
        assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    for model in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(model)


@pytest.mark.timeout(0)
def test_cases_are_answered_as_described(
    running: Running, record_property: Callable[[str, object], None]
) -> None:
    schema = schemathesis.openapi.from_dict(running.document)
    operations = [found.ok() for found in schema.get_all_operations()]
    each = max(1, CASES // (2 * len(operations)))
    record_property("seed", SEED)
    seen = sum(probed(running, operation, mode, each) for operation in operations for mode in GenerationMode)
    record_property("cases", seen)
    assert seen >= each * len(operations)  # what takes no fields cannot be asked wrongly


def probed(running: Running, operation: Any, mode: GenerationMode, each: int) -> int:
    """Send cases of an endpoint, the first also without a key and with a wrong one; return how many."""
    # that the engine is not ready, as on a busy machine, is no fault of the server: it is what is asked for
    checks = [one for one in CHECKS if one is not not_a_server_error or operation.path != "/healthz"]
    right = {"Authorization": f"Bearer {running.key}"}
    wrong = {"Authorization": f"Bearer {keys.make()}"}
    shut = mode is GenerationMode.POSITIVE and bool(operation.definition.raw["security"])
    seen = 0

    @hypothesis.seed(SEED)
    @hypothesis.settings(
        max_examples=each,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        nonlocal seen
        first, seen = seen == 0, seen + 1
        for headers in ({}, wrong, right) if shut and first else (right,):
            response = case.call(base_url=running.url, headers=headers, timeout=120)
            assert headers is right or response.status_code == 401
            case.validate_response(response, checks=checks)

    try:
        check()
    except hypothesis.errors.Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, operation.label
    return seen
