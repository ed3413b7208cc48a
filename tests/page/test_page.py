"""The page does what a person expects of a chat window, with the real stand-in behind it."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from bot.demo import playground
from bot.demo.seed_data import ADMIN_ROLE_ID, ALICE_ID, APP_ID, BOB_ID, GENERAL_ID
from bot.demo.server import Standin
from bot.demo.shapes import Upload
from bot.demo.world import World
from tests.page.conftest import PHONE, Open
from tests.page.stage import ScriptedBot, numbered, picture

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="package")]  # one browser for all

Scene = tuple[Standin, ScriptedBot]
LAST = ".message:last-child"


async def _imagine(page: Page, prompt: str = "a red apple") -> None:
    await page.fill("#composer", f"/imagine {prompt}")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=U1")


async def test_from_the_command_to_the_grid_the_modal_and_a_note_for_one(
    scene: Scene, visit: Open, tmp_path: Path
) -> None:
    standin, bot = scene
    page = await visit(standin.url)

    # the picker: what is typed is looked for, Enter takes it
    await page.focus("#composer")
    await page.keyboard.type("/ima")
    await expect(page.locator(".suggest-row")).to_have_count(1)
    await expect(page.locator(".suggest-row.active")).to_contain_text("/imagine")
    await page.keyboard.press("Enter")
    await expect(page.locator(".pill-command")).to_have_text("/imagine")

    # a required option left empty is pointed at, and nothing is sent
    await page.keyboard.press("Enter")
    await expect(page.locator(".pill.wrong")).to_contain_text("prompt")
    assert not bot.seen

    # options: the bot's own suggestions, and a list of choices
    await page.keyboard.type("a red apple")
    await page.keyboard.press("ArrowRight")
    await page.locator(".suggest-row", has_text="model").click()
    await page.keyboard.type("fast")
    await page.locator(".suggest-row", has_text="pocket-fast").click()
    await page.locator(".pill-more").click()
    await page.locator(".suggest-row", has_text="aspect").click()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.screenshot(path=tmp_path / "composer.png")
    await page.keyboard.press("Enter")

    # a preview, then the grid with its buttons
    await expect(page.locator(LAST).locator("button.button")).to_have_count(9)
    sent = next(item for item in bot.seen if item["type"] == 2)
    assert {one["name"]: one["value"] for one in sent["data"]["options"]} == {
        "prompt": "a red apple",
        "model": "pocket-fast",
        "aspect": "3:2",
    }
    image = page.locator(f"{LAST} .picture img")
    await expect(image).to_have_attribute("alt", "four pictures of a red apple")
    await expect(image).to_have_js_property("naturalWidth", 512)
    box = await image.bounding_box()
    assert box is not None
    assert (round(box["width"]), round(box["height"])) == (512, 512)
    await page.screenshot(path=tmp_path / "grid.png")

    # a button opens a modal; its fields, a select and an upload go back to the bot
    await page.locator(LAST).get_by_role("button", name="V2").click()
    dialog = page.get_by_role("dialog", name="Change the prompt")
    await expect(dialog).to_be_visible()
    await dialog.get_by_label("Prompt").fill("a green apple")
    await dialog.get_by_role("combobox").click()
    await dialog.get_by_role("option", name="Strong").click()
    await dialog.locator("input[type=file]").set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": picture(32)}
    )
    await page.screenshot(path=tmp_path / "modal.png")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog).to_have_count(0)
    submitted = next(item for item in bot.seen if item["type"] == 5)["data"]
    fields = {one["component"]["custom_id"]: one["component"] for one in submitted["components"]}
    assert fields["prompt"]["value"] == "a green apple"
    assert fields["strength"]["values"] == ["strong"]
    (uploaded,) = submitted["resolved"]["attachments"].values()
    assert (uploaded["filename"], uploaded["width"]) == ("mine.png", 32)

    # the answer is for this person alone, and goes when dismissed
    note = page.locator(".message.ephemeral")
    await expect(note).to_contain_text("Changed, thank you.")
    await expect(note).to_contain_text("Only you can see this")
    await page.screenshot(path=tmp_path / "ephemeral.png")
    await note.get_by_role("button", name="Dismiss message").click()
    await expect(note).to_have_count(0)
    assert all(
        (tmp_path / f"{name}.png").stat().st_size for name in ("composer", "grid", "modal", "ephemeral")
    )


async def test_a_dialog_left_gives_the_keyboard_back_to_its_button(scene: Scene, visit: Open) -> None:
    standin, _ = scene
    page = await visit(standin.url)
    await _imagine(page)
    opener = page.locator(LAST).get_by_role("button", name="V2")
    await opener.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Change the prompt")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(opener).to_be_focused()


async def test_a_large_picture_and_its_buttons_fit_a_phone(scene: Scene, visit: Open) -> None:
    standin, _ = scene
    world = standin.world
    url = f"data:image/png;base64,{base64.b64encode(picture(512)).decode()}"
    media = {"url": url, "content_type": "image/png", "width": 512, "height": 512}
    shown = {"type": 12, "id": 1, "items": [{"media": media}]}
    faces = ("Repaint…", "Say where…", "Upload a mask…", "Cancel")
    row = {
        "type": 1,
        "id": 2,
        "components": [
            {"type": 2, "id": 3 + at, "style": 2, "label": face, "custom_id": f"m:{at}"}
            for at, face in enumerate(faces)
        ],
    }
    world.post(APP_ID, GENERAL_ID, components=[shown, row], flags=32768)
    page = await visit(standin.url, **PHONE)
    message = page.locator(LAST)
    await expect(message.locator(".picture img")).to_have_js_property("naturalWidth", 512)
    for part in (message.locator(".picture"), *(message.get_by_role("button", name=face) for face in faces)):
        box = await part.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


async def test_numbers_in_boxes_need_no_emoji_font(scene: Scene, visit: Open) -> None:
    standin, _ = scene
    standin.world.post(APP_ID, GENERAL_ID, "1\ufe0f\u20e3 a cat\n2\ufe0f\u20e3 a dog")
    page = await visit(standin.url)
    boxes = page.locator(LAST).locator(".content .keycap")
    await expect(boxes).to_have_text(["1", "2"])
    await expect(boxes.first).to_have_attribute("aria-label", "1\ufe0f\u20e3")


async def test_a_live_edit_changes_the_message_in_place(scene: Scene, visit: Open) -> None:
    standin, _ = scene
    world = standin.world
    message = world.post(APP_ID, GENERAL_ID, "**a fox** - 10 %", components=numbered())
    page = await visit(standin.url)
    await page.evaluate(f"""() => {{
        window.kept = document.getElementById("m-{message.id}");
        window.button = window.kept.querySelector("button.button");
        window.button.focus();
    }}""")
    world.edit(message, content="**a fox** - 60 %")
    await expect(page.locator(f"#m-{message.id} .content")).to_contain_text("60 %")
    await expect(page.locator(f"#m-{message.id} .edited")).to_have_text("(edited)")
    # the same nodes: nothing flickered, and the keyboard stayed where it was
    assert await page.evaluate(f"""() => window.kept === document.getElementById("m-{message.id}")
        && window.button.isConnected && document.activeElement === window.button""")


async def test_text_of_others_stays_text(scene: Scene, visit: Open) -> None:
    standin, _ = scene
    hostile = (
        "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script> "
        "[click](javascript:window.hacked=1) **bold <b>not</b>** `<i>code</i>` ||<u>secret</u>||"
    )
    world = standin.world
    world.post(
        APP_ID, GENERAL_ID, hostile, embeds=[{"type": "rich", "title": hostile, "description": hostile}]
    )
    world.person("bob").say("general", "x" * 5000 + "*" * 2000 + "`" * 999 + "[" * 999 + "||" * 500)
    world.start_thread(BOB_ID, GENERAL_ID, "<img src=x onerror='window.hacked=1'>")
    page = await visit(standin.url)
    content = page.locator(".message .content").first
    await expect(content).to_contain_text("<img src=x onerror='window.hacked=1'>")
    await expect(content.locator("strong")).to_have_text("bold <b>not</b>")
    await expect(content.locator("code")).to_have_text("<i>code</i>")
    assert await page.locator(".messages script, .messages .content img, .messages .embed img").count() == 0
    assert await page.locator(".messages a[href^=javascript]").count() == 0
    assert await page.evaluate("window.hacked") is None


async def test_markdown_as_discord_shows_it(scene: Scene, visit: Open) -> None:
    standin, _ = scene
    text = (
        "# Head\n**b** *i* _j_ __u__ ~~s~~ ***both*** snake_case_word\n> quoted\n- one\n- two\n"
        f"```py\n**raw**\n```<@{ALICE_ID}> <#{GENERAL_ID}> \\*plain\\* <https://example.org/a_b_c>"
    )
    standin.world.post(APP_ID, GENERAL_ID, text)
    page = await visit(standin.url)
    content = page.locator(".message .content")
    await expect(content.get_by_role("heading")).to_have_text("Head")
    assert await content.locator("strong").all_text_contents() == ["b", "both"]
    assert await content.locator("em").all_text_contents() == ["i", "j", "both"]
    assert await content.locator("u").all_text_contents() == ["u"]
    assert await content.locator("s").all_text_contents() == ["s"]
    assert await content.locator("blockquote").all_text_contents() == ["quoted"]
    assert await content.locator("li").all_text_contents() == ["one", "two"]
    await expect(content.locator("pre")).to_have_text("**raw**")
    assert await content.locator(".mention").all_text_contents() == ["@Alice", "#general"]
    await expect(content).to_contain_text("snake_case_word")
    await expect(content).to_contain_text("*plain*")
    await expect(content.locator("a")).to_have_attribute("href", "https://example.org/a_b_c")
    await expect(content.locator("a")).to_have_attribute("rel", "noopener noreferrer nofollow")


async def test_each_person_sees_their_own_world(scene: Scene, visit: Open) -> None:
    standin, _ = scene
    world = standin.world
    shared = world.person("bob").say("general", "hello all")
    world.person("bob").react(shared.id, "❤️")
    world.post(APP_ID, GENERAL_ID, "for Alice alone", viewer=ALICE_ID, flags=64)
    private = world.person("alice").dm()
    world.post(APP_ID, private["id"], "a private word")
    page = await visit(standin.url)
    await expect(page.locator(".me-button")).to_contain_text("Alice")
    await expect(page.get_by_text("for Alice alone")).to_be_visible()
    await expect(page.locator(".reaction").first).to_have_attribute("aria-pressed", "false")
    await page.locator(".reaction").first.click()
    await expect(page.locator(".reaction").first).to_have_attribute("aria-pressed", "true")
    assert await page.locator("[data-channel]", has_text="Limner").count() == 1

    await page.locator(".me-button").click()
    await page.get_by_role("menuitemradio", name="Bob").click()
    await expect(page.locator(".me-button")).to_contain_text("Bob")
    await expect(page.get_by_text("hello all")).to_be_visible()
    await expect(page.get_by_text("for Alice alone")).to_have_count(0)
    await expect(page.locator(".reaction").first).to_have_text("2")
    await expect(page.locator(".reaction").first).to_have_attribute("aria-pressed", "true")
    assert await page.locator("[data-channel]", has_text="Limner").count() == 0

    await page.locator(".me-button").click()
    await page.get_by_role("menuitemradio", name="Ada").click()
    await expect(page.locator(".me-button")).to_contain_text("server admin")


async def test_threads_replies_menus_and_direct_messages(scene: Scene, visit: Open) -> None:
    standin, bot = scene
    world = standin.world
    said = world.person("bob").say("general", "look at this apple")
    page = await visit(standin.url)
    row = page.locator(f"#m-{said.id}")

    await row.hover()
    await row.get_by_role("button", name="Reply").click()
    await page.keyboard.type("a fine one")
    await page.keyboard.press("Enter")
    await expect(page.locator(f"{LAST}, .message")).not_to_have_count(0)
    answer = page.locator(".message", has_text="a fine one").first
    await expect(answer.locator(".reply")).to_contain_text("look at this apple")
    assert world.history(GENERAL_ID)[0]["message_reference"]["message_id"] == said.id

    await row.locator(".content").click(button="right")
    await page.get_by_role("menuitem", name="Describe picture").click()
    await expect(page.locator(".message.ephemeral").first).to_contain_text("Only for your eyes")
    assert bot.seen[-1]["data"]["target_id"] == said.id

    await row.locator(".content").click(button="right")
    await page.get_by_role("menuitem", name="Open a thread").click()
    await expect(page.locator(".title")).to_contain_text("look at this apple")
    await page.keyboard.type("inside")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message .content").first).to_have_text("inside")

    await page.get_by_role("button", name="Message Limner").click()
    await expect(page.locator(".title")).to_contain_text("Limner")
    direct = next(channel for channel in world.channels_for(ALICE_ID) if channel["type"] == 1)
    await page.locator("[data-channel]", has_text="gallery").click()
    world.post(APP_ID, direct["id"], "a private word")
    await expect(page.locator(f'[data-channel="{direct["id"]}"] .badge')).to_have_text("1")


async def test_what_the_bot_does_not_answer_is_said(scene: Scene, visit: Open) -> None:
    standin, bot = scene
    world = standin.world
    message = world.post(APP_ID, GENERAL_ID, "a grid", components=numbered())
    page = await visit(standin.url)
    bot.silent = True
    await page.locator(f"#m-{message.id}").get_by_role("button", name="U1").click()
    await expect(page.locator(f"#m-{message.id} button.waiting")).to_have_count(1)
    world.clock = lambda: time.time() + 10  # the three seconds are over
    await expect(page.locator(f"#m-{message.id} .failure")).to_contain_text("This interaction failed")
    await expect(page.locator("button.waiting")).to_have_count(0)
    world.clock = time.time
    await page.fill("#composer", "/help ")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Sending command")
    world.clock = lambda: time.time() + 20
    await expect(page.locator(".message.ephemeral")).to_contain_text("The application did not respond")


async def test_the_page_comes_back_with_the_server(visit: Open) -> None:
    world = World()
    first = Standin(world=world)
    playground.mount(first.app, world)
    async with first:
        page = await visit(first.url)
        world.person("bob").say("general", "before")
        await page.wait_for_selector("text=before")
    await expect(page.locator("#status")).to_contain_text("not answering")
    again = Standin(world=world, port=first.port)
    playground.mount(again.app, world)
    async with again:
        await expect(page.locator("#status")).to_be_hidden()
        world.person("bob").say("general", "after")
        await page.wait_for_selector("text=after")
        await expect(page.locator(".message", has_text="before")).to_have_count(1)


async def test_by_keyboard_alone(scene: Scene, visit: Open) -> None:
    standin, bot = scene
    page = await visit(standin.url)
    await page.keyboard.type("/imagine a red apple")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=U1")
    # up-arrow brings the command back, Escape leaves it
    await page.keyboard.press("ArrowUp")
    await expect(page.locator(".pill-input")).to_have_value("a red apple")
    await page.keyboard.press("Escape")
    await expect(page.locator(".pill-command")).to_have_count(0)
    # into the messages, to the newest one's first picture, and through the viewer
    await page.locator(LAST).focus()
    await page.locator(f"{LAST} .picture").focus()
    await page.keyboard.press("Enter")
    viewer = page.get_by_role("dialog", name="Picture viewer")
    await expect(viewer).to_be_visible()
    await expect(page.locator(".viewer-img")).to_have_js_property("complete", True)
    before = await page.locator(".viewer-scale").inner_text()
    await page.keyboard.press("+")
    assert await page.locator(".viewer-scale").inner_text() != before
    await page.keyboard.press("0")
    await expect(page.locator(".viewer-scale")).to_have_text(before)
    await page.keyboard.press("Escape")
    await expect(viewer).to_be_hidden()
    await expect(page.locator(f"{LAST} .picture")).to_be_focused()
    # a button by Enter; the keyboard stays on it
    u1 = page.locator(".message", has_text="a red apple").get_by_role("button", name="U1", exact=True)
    await u1.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".message", has_text="picture 1")).to_have_count(1)
    assert bot.seen[-1]["data"]["custom_id"] == "u:1"
    await expect(u1).to_be_focused()
    # Alt+Down opens the next channel
    await page.keyboard.press("Alt+ArrowDown")
    await expect(page.locator(".title")).to_contain_text("gallery")


async def test_options_of_every_kind_are_checked_and_sent_as_what_they_are(scene: Scene, visit: Open) -> None:
    standin, bot = scene
    page = await visit(standin.url)
    await page.keyboard.type("/kinds 9")
    for word in ("heavy", "maybe", "Bob", "gallery", "Admin"):
        await page.keyboard.press("ArrowRight")
        await page.keyboard.type(word)
    heading = page.locator(".suggest-heading:visible")
    for name, complaint, right in (
        ("count", "at most 4", "3"),
        ("weight", "must be a number", "0.5"),
        ("tile", "choose one of the list", "true"),
    ):
        await page.get_by_role("button", name="Send", exact=True).click()
        await expect(page.locator(".pill.wrong .pill-name")).to_have_text(name)
        await expect(heading).to_contain_text(complaint, ignore_case=True)
        await page.locator(".pill", has_text=name).locator("input").fill(right)
    assert not bot.seen
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".pill-command")).to_have_count(0)
    assert [(one["name"], one["value"]) for one in bot.seen[0]["data"]["options"]] == [
        ("count", 3),
        ("weight", 0.5),
        ("tile", True),
        ("who", BOB_ID),
        ("where", standin.world.channel_id("gallery")),
        ("role", ADMIN_ROLE_ID),
    ]


async def test_enter_sends_a_command_that_needs_nothing(scene: Scene, visit: Open) -> None:
    standin, bot = scene
    page = await visit(standin.url)
    await page.keyboard.type("/help ")
    await expect(page.locator(".suggest-row")).to_have_count(1)  # the option it may have
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.ephemeral")).to_have_count(1)
    await page.keyboard.type("/settings show ")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.ephemeral")).to_have_count(2)
    assert "options" not in bot.seen[0]["data"]
    assert bot.seen[1]["data"]["options"] == [{"name": "show", "type": 1, "options": []}]
    # a pasted line is cut at the names of the options
    await page.fill("#composer", "/imagine prompt: a red apple: ripe aspect: wide 3:2 seed: 7")
    await page.get_by_role("button", name="Send", exact=True).click()
    await page.wait_for_selector("text=U1")
    assert {one["name"]: one["value"] for one in bot.seen[2]["data"]["options"]} == {
        "prompt": "a red apple: ripe",
        "aspect": "3:2",
        "seed": 7,
    }


async def test_long_histories_load_as_one_scrolls(scene: Scene, visit: Open) -> None:
    standin, _ = scene
    bob = standin.world.person("bob")
    for number in range(150):
        bob.say("general", f"line {number}")
    page = await visit(standin.url)
    await expect(page.locator(".message").last).to_contain_text("line 149")
    assert await page.locator(".message").count() < 150
    for _ in range(4):
        await page.evaluate("document.getElementById('scroller').scrollTop = 0")
        await page.wait_for_timeout(200)
    await expect(page.locator(".message")).to_have_count(150)
    await expect(page.locator(".beginning-title")).to_be_visible()
    # reading further up, one is told of news and not dragged there
    bob.say("general", "news")
    await expect(page.locator("#newer")).to_be_visible()
    assert await page.evaluate("document.getElementById('scroller').scrollTop") < 2000
    await page.locator("#newer").click()
    await expect(page.locator(".message").last).to_be_in_viewport()
    await expect(page.locator("#newer")).to_be_hidden()


async def test_plain_words_get_a_friendly_hint(scene: Scene, visit: Open) -> None:
    standin, bot = scene
    page = await visit(standin.url)
    await page.keyboard.type("a blue door")
    await expect(page.locator(".composer-banner")).to_contain_text("/imagine")
    await page.keyboard.press("Tab")
    await expect(page.locator(".pill-input")).to_have_value("a blue door")
    await page.keyboard.press("Escape")
    await page.keyboard.type("just talking")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.ephemeral")).to_contain_text("I draw when you use")
    assert standin.world.history(GENERAL_ID)[0]["content"] == "just talking"
    assert not bot.seen


async def test_a_welcome_prompt_draws_at_once(scene: Scene, visit: Open) -> None:
    standin, bot = scene
    page = await visit(standin.url)
    prompts = page.locator(".welcome-prompt")
    await expect(prompts).to_have_count(3)
    words = (await prompts.first.inner_text()).strip()
    await prompts.first.click()
    await page.wait_for_selector("text=U1")
    assert bot.seen[0]["data"]["options"] == [{"name": "prompt", "type": 3, "value": words}]


async def test_files_by_drop_and_paste(scene: Scene, visit: Open) -> None:
    standin, bot = scene
    page = await visit(standin.url)
    give = """([kind, target]) => {
        const bytes = Uint8Array.from(atob(window.png), (char) => char.charCodeAt(0));
        const data = new DataTransfer();
        data.items.add(new File([bytes], "given.png", {type: "image/png"}));
        const init = {bubbles: true, cancelable: true};
        const event = kind === "drop" ? new DragEvent("drop", {...init, dataTransfer: data})
            : new ClipboardEvent("paste", {...init, clipboardData: data});
        document.querySelector(target).dispatchEvent(event);
    }"""
    await page.evaluate("(text) => { window.png = text; }", base64.b64encode(picture(48)).decode())
    await page.fill("#composer", "/imagine like this")
    await page.evaluate(give, ["drop", "#scroller"])
    await expect(page.locator(".pill", has_text="image")).to_contain_text("given.png")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=U1")
    (attached,) = bot.seen[0]["data"]["resolved"]["attachments"].values()
    assert attached["width"] == 48
    await page.fill("#composer", "my picture")
    await page.evaluate(give, ["paste", "#composer"])
    await expect(page.locator(".tray-item")).to_contain_text("given.png")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message", has_text="my picture").locator(".picture img")).to_have_count(1)
    said = next(
        message for message in standin.world.history(GENERAL_ID) if message["content"] == "my picture"
    )
    assert said["attachments"][0]["width"] == 48


async def test_on_a_phone(scene: Scene, visit: Open, tmp_path: Path) -> None:
    standin, _ = scene
    world = standin.world
    world.post(
        APP_ID, GENERAL_ID, "wide", attachments=[world.store(GENERAL_ID, Upload("w.png", picture(512)))]
    )
    world.person("bob").say("general", "averylongword" * 40)
    page = await visit(standin.url, **PHONE)
    await page.tap("#composer")
    await _imagine(page, "a red apple on a wooden table with a very long description that must wrap")
    width = await page.evaluate(
        "[document.documentElement.scrollWidth, innerWidth, document.getElementById('scroller').scrollWidth]"
    )
    assert max(width) <= 390
    await page.screenshot(path=tmp_path / "phone.png")
    # fingers need room: every button of the grid is at least 40 pixels high
    heights = await page.locator(f"{LAST} .button").evaluate_all("all => all.map((one) => one.offsetHeight)")
    assert len(heights) == 9
    assert min(heights) >= 40
    await page.get_by_role("button", name="Channels", exact=True).tap()
    await page.locator("[data-channel]", has_text="gallery").tap()
    await expect(page.locator(".title")).to_contain_text("gallery")
    await expect(page.locator("body")).not_to_have_class("sidebar-open")
    await page.screenshot(path=tmp_path / "phone-gallery.png")


AUDIT = (Path(__file__).parent / "audit.js").read_text()


@pytest.mark.parametrize("colours", ["dark", "light"])
async def test_readable_and_named(scene: Scene, visit: Open, colours: str, tmp_path: Path) -> None:
    """WCAG 2.2: 4.5 to 1 for text, 3 to 1 for large text, a name for everything that can be pressed."""
    standin, _ = scene
    world = standin.world
    said = world.person("bob").say(
        "general", f"**hello** <@{ALICE_ID}> `code` <#{GENERAL_ID}> https://example.org\n> quote"
    )
    world.person("alice").react(said.id, "👍")
    world.person("alice").say("general", "an answer", reply_to=said.id)
    world.start_thread(BOB_ID, GENERAL_ID, "a thread", said.id)
    world.person("alice").dm()
    world.post(
        APP_ID,
        GENERAL_ID,
        "all styles",
        embeds=[{"type": "rich", "title": "Title", "description": "words", "footer": {"text": "foot"}}],
        components=[
            {
                "type": 1,
                "id": 1,
                "components": [
                    {
                        "type": 2,
                        "id": 1 + style,
                        "style": style,
                        "label": f"Style {style}",
                        "custom_id": f"s{style}",
                    }
                    for style in (1, 2, 3, 4)
                ],
            }
        ],
    )
    page = await visit(standin.url, color_scheme=colours)
    await _imagine(page)
    await page.locator(LAST).get_by_role("button", name="🔄").click()
    await expect(page.locator(".message.ephemeral")).to_have_count(1)
    await page.evaluate("document.getElementById('scroller').scrollTop = 0")
    await page.mouse.move(0, 0)
    await page.screenshot(path=tmp_path / f"{colours}.png")
    assert "\n".join(await page.evaluate(AUDIT)) == ""
    await page.fill("#composer", "/")
    await page.wait_for_selector(".suggest-row")
    assert "\n".join(await page.evaluate(AUDIT)) == ""
    await page.fill("#composer", "plain words")
    await page.locator("[data-tool=traffic]").click()
    await expect(page.locator("#traffic")).to_be_visible()
    assert "\n".join(await page.evaluate(AUDIT)) == ""
    await page.locator(LAST).locator("..").get_by_role("button", name="V1").first.click()
    await page.wait_for_selector("dialog.modal")
    await page.wait_for_timeout(250)  # the dialog rises into place
    assert "\n".join(await page.evaluate(AUDIT)) == ""


async def test_the_drawer_shows_traffic_without_tokens(scene: Scene, visit: Open) -> None:
    standin, _ = scene
    world = standin.world
    token = "aW50ZXJhY3Rpb24" + "x" * 40
    page = await visit(standin.url)
    world.traffic(
        "rest", f"POST /interactions/42/{token}/callback", body={"type": 5, "token": token}, status=200
    )
    await page.locator("[data-tool=traffic]").click()
    row = page.locator(".traffic-list li")
    await expect(row).to_have_count(1)  # what passed before the drawer was opened is there
    await expect(row).to_contain_text("/interactions/42/[hidden]/callback")
    await row.locator("summary").click()
    await expect(row.locator("pre")).to_contain_text('"type": 5')
    world.traffic("rest", "PATCH /channels/1/messages/2", body={"bot": world.token}, status=429)
    await expect(row).to_have_count(2)
    await page.get_by_role("searchbox", name="Filter traffic").fill("429")
    await expect(row.nth(0)).to_be_hidden()
    await expect(row.nth(1)).to_be_visible()
    everything = await page.locator("body").inner_html()
    assert token not in everything
    assert world.token not in everything
