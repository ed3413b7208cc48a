"""The plain endpoint, and Vertex AI's form of it."""

from __future__ import annotations

import base64
import io

from PIL import Image

from tests.engine.web.conftest import Api

VERTEX = "/v1/projects/p/locations/us-central1/endpoints/e:predict"


async def test_a_prompt_is_answered_with_a_jpeg_and_instances_with_predictions(api: Api) -> None:
    async with api.client() as client:
        answer = await client.post("/predict", json={"prompt": "Polar bear", "seed": 3})
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["x-limner-ignored"] == "seed"
        assert Image.open(io.BytesIO(answer.content)).format == "JPEG"
        for path in ("/predict", VERTEX):
            body = {"instances": [{"prompt": "a bear"}, {"prompt": "a cat"}]}
            predictions = (await client.post(path, json=body)).json()["predictions"]
            files = [base64.b64decode(one) for one in predictions]
            assert [Image.open(io.BytesIO(file)).format for file in files] == ["JPEG", "JPEG"]


async def test_what_is_wrong_is_said_in_googles_shape(api: Api) -> None:
    many = {"instances": [{"prompt": "a bear"}] * 11}
    async with api.client() as client:
        for path, body in (
            ("/predict", {}),
            (VERTEX, {"prompt": "a bear"}),
            (VERTEX, many),
            (VERTEX, {"instances": []}),
        ):
            error = (await client.post(path, json=body)).json()["error"]
            assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    async with api.client("") as stranger:
        error = (await stranger.post("/predict", json={"prompt": "a"})).json()["error"]
        assert (error["code"], error["status"]) == (401, "UNAUTHENTICATED")
