"""Places made of a ground and of icons that stand about in it; it refuses to know captions of things.

One scene a line: `name | what it is called | where something is | ground | what stands about`. The ground
is one of `places`, one of ours, or `room wall floor`; what stands about is `noun@x,y,extent`, the centre as
shares of the sides, the extent as a share of the shorter one. Names that `places` paints already come
without a picture of their own: they are there to be asked for as a scene.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw

from engine.pocket.train.grounds import ground_of
from engine.pocket.train.places import FLOATING as _FLOATING
from engine.pocket.train.places import PHRASES as _PHRASES
from engine.pocket.train.places import disc, fade, place

_TABLE = """
beach | a beach,a sandy beach | on the beach | beach |
night | a night sky,the night sky | at night | night |
snow | a snowy landscape,a winter landscape | in the snow | snow |
water | an underwater world,the bottom of the sea,the sea floor | under water | \
    water  | tropical fish@.25,.35,.22 coral@.8,.8,.26 fish@.7,.3,.16
forest | a forest,the woods,a dark forest | in the forest | forest |
city | a city,a big city,a city street | in the city | city |
space | outer space,space,stars and planets | in space | space |
rain | rain,a rainy day,a rainy landscape | in the rain | rain |
sunset | a sunset,a beautiful sunset | at sunset | sunset |
desert | a desert,sand dunes | in the desert | desert |
grass | a meadow,a green field,a grassy landscape | in a meadow | grass |
palm beach | a beach with palm trees,a tropical beach,a palm beach | on a tropical beach | \
    beach  | palm tree@.2,.5,.55 palm tree@.85,.55,.42
sea sunset | a sunset over the sea,a sunset over the ocean,a sunset by the sea | at sea at sunset | \
    evening sea  |
sea | the sea,the ocean,waves on the sea | on the sea,on the ocean | sea |
sailing sea | a ship on the sea,a boat on the sea | out at sea | sea | sailboat@.5,.5,.5
lake | a lake,a calm lake,a mountain lake | by the lake,at the lake | \
    lake  | pine tree@.1,.5,.28 pine tree@.9,.5,.32
river | a river,a river through the forest,a stream | by the river | \
    river  | deciduous@.15,.45,.34 pine tree@.85,.42,.38 pine tree@.72,.36,.26
falls | a waterfall,a big waterfall,a waterfall in the jungle | at the waterfall,by the waterfall | \
    falls  | palm tree@.12,.6,.34 leaf@.88,.72,.24
tropical island | a tropical island,an island in the sea,a desert island | on an island,\
    on a tropical island | \
    sea  | island@.5,.52,.74
mountains | mountains,a mountain range,a mountain landscape | in the mountains | mountains |
snowy mountains | snowy mountains,snow capped mountains,a snowy mountain range | in the snowy mountains | \
    snowy mountains  |
hills | green hills,rolling hills,a valley | in the hills,on a hill | hills |
castle hill | a castle on a hill,a castle on a mountain | by the castle | hills | castle@.5,.42,.55
volcano land | a volcano erupting,an erupting volcano,a volcano | by the volcano,at the volcano | \
    lava  | volcano@.5,.5,.72
village | a village,a small village,a little town | in the village,in a village | \
    grass  | house@.2,.6,.36 cottage@.52,.54,.34 house@.82,.62,.36 tree@.36,.68,.22 tree@.68,.7,.2
snowy village | a village in the snow,a snowy village,a winter village | in a snowy village | \
    snow  | house@.2,.6,.36 cottage@.52,.54,.34 house@.82,.62,.36 pine tree@.37,.68,.24 \
    snowman@.67,.76,.2
farm | a farm,a farm with animals,a farmyard | on the farm,on a farm | \
    grass  | barn@.26,.5,.44 cow@.68,.68,.28 chicken@.46,.8,.16 tractor@.84,.52,.26
garden | a garden,a garden full of flowers,a flower garden | in the garden,in a garden | \
    grass  | sunflower@.14,.66,.3 tulip@.34,.74,.24 rose@.54,.7,.26 tulip@.72,.76,.24 \
    flower@.88,.68,.26 flower@.45,.9,.18
flower field | a field of flowers,a flower meadow,a field full of flowers | in a field of flowers | \
    grass  | tulip@.12,.7,.18 tulip@.3,.8,.2 tulip@.5,.7,.18 tulip@.7,.82,.2 tulip@.88,.7,.18 \
    tulip@.2,.93,.2 tulip@.6,.95,.2
park | a park,a city park | in the park,in a park | \
    grass  | tree@.15,.5,.42 tree@.85,.52,.38 fountain@.5,.62,.3
autumn forest | an autumn forest,a forest in autumn,autumn trees | in an autumn forest,in autumn | autumn |
jungle | a jungle,a green jungle,a rainforest | in the jungle,in a jungle | \
    forest  | palm tree@.14,.5,.55 palm tree@.86,.48,.55 leaf@.3,.86,.26 leaf@.72,.88,.26
forest path | a forest path,a path through the forest,a trail in the woods | on a forest path | \
    forest path  |
road | a road,a country road,a long road | on the road,on a road | road |
street | a street,a street with houses | on the street,in the street | \
    street  | house@.18,.46,.36 house@.82,.46,.36
rainy street | a street in the rain,a rainy street,a rainy city street | on a rainy street | \
    rain  | skyscraper@.16,.5,.5 skyscraper@.84,.5,.5 umbrella@.5,.66,.26
playground | a playground,a playground with a slide | in the playground,at the playground | \
    grass  | slide@.3,.56,.46 ferris wheel@.76,.5,.4
harbour | a harbour,a harbor,a port with ships | in the harbour,at the harbor | \
    sea  | ship@.3,.5,.42 sailboat@.72,.52,.36
city night | a city at night,a night city,city lights | in the city at night | night city |
living room | a living room,a cozy living room,a room | in the living room,in a room | \
    room e9d8bd a9754c  | window@.24,.28,.3 sofa@.5,.66,.5 lamp@.87,.5,.26
bedroom | a bedroom,a cozy bedroom | in the bedroom,in bed | \
    room c9d9ee b98d66  | window@.26,.28,.28 bed@.56,.64,.54 picture frame@.72,.24,.2
kitchen | a kitchen,a modern kitchen | in the kitchen,in a kitchen | \
    room f3ead6 c2c2c4  | fridge@.16,.55,.44 fried egg@.52,.5,.26 window@.55,.22,.24 \
    teapot@.82,.54,.22 table@.62,.76,.46
bathroom | a bathroom | in the bathroom | \
    room d5edf2 b6c6cc  | bathtub@.52,.68,.52 mirror@.26,.3,.28 toilet paper@.84,.44,.16
library | a library,a library full of books | in the library,in a library | \
    room c79a6b 7d5236  | bookshelf@.18,.36,.36 bookshelf@.5,.36,.36 bookshelf@.82,.36,.36 stack of \
    books@.3,.76,.26 open book@.68,.78,.24
classroom | a classroom,a school classroom | in the classroom,at school | \
    room e8edd0 b38a5c  | desktop computer@.5,.3,.36 table@.28,.74,.3 table@.72,.74,.3 globe@.86,.5,.18
office | an office,an office desk | in the office,at the office | \
    room dfe4ea 8d939c  | desktop computer@.5,.44,.36 table@.5,.74,.6 potted plant@.86,.5,.24
laboratory | a laboratory,a science lab | in the laboratory,in a lab | \
    room dfeef0 a9b4b8  | test tube@.24,.52,.24 microscope@.5,.5,.3 alembic@.77,.52,.26 table@.5,.78,.7
stage | a stage,a concert stage | on stage,on the stage | \
    room 5b2a6e 3a2436  | studio microphone@.5,.56,.3 speaker@.14,.6,.26 speaker@.86,.6,.26
gym | a gym | in the gym | room cfd3d8 6d7278 | barbell@.3,.6,.32 basketball@.74,.72,.2
throne room | a throne room,a castle hall | in the castle,in a throne room | \
    room 9a8f9e 7a2f38  | throne@.5,.5,.5 torch@.16,.34,.22 torch@.84,.34,.22
cafe | a cafe,a coffee shop,a restaurant | in a cafe,in a restaurant | \
    room f0dcc0 8a5a3c  | window@.5,.24,.28 table@.5,.74,.5 cup of coffee@.4,.54,.2 slice of \
    cake@.62,.54,.2
cave | a cave,a dark cave | in a cave,in the cave | cave | crystals@.2,.76,.22 crystals@.82,.74,.24
graveyard | a graveyard,a cemetery | in the graveyard,in a graveyard | \
    night  | gravestone@.2,.7,.26 gravestone@.5,.66,.28 gravestone@.8,.72,.26 bat@.35,.25,.16
haunted hill | a haunted house,a haunted house at night,a spooky house | by the haunted house | \
    night  | haunted house@.5,.52,.6 bat@.2,.22,.16 bat@.84,.4,.12
savanna | the savanna,a savanna | in the savanna,in africa | savanna | dead tree@.82,.48,.34
arctic | the arctic,an icy landscape,a frozen landscape | in the arctic,on the ice | \
    ice  | ice cube@.16,.66,.22 ice cube@.86,.7,.26
sky | the sky,a blue sky with clouds,clouds | in the sky,in the clouds | sky |
moon land | the surface of the moon,a moon landscape | on the moon | moon | earth@.78,.2,.22
mars | the surface of mars,a mars landscape | on mars | mars |
galaxy | a galaxy,a colourful galaxy,a nebula | in the galaxy,in a galaxy | galaxy |
storm | a storm,a thunderstorm,a stormy sky | in a storm,in the storm | \
    rain  | lightning bolt@.3,.4,.34 thundercloud@.68,.26,.36
sunrise land | a sunrise,a sunrise over the mountains,dawn | at sunrise,at dawn | sunrise |
rainbow land | a rainbow over a field,a landscape with a rainbow | under a rainbow | \
    grass  | rainbow@.5,.4,.7
campsite | a campsite,a camp in the forest | at the campsite,at a campfire | \
    forest  | tent@.34,.66,.38 campfire@.7,.76,.26
pyramid land | the pyramids,pyramids in the desert,egypt | by the pyramids,in egypt | \
    desert  | pyramids@.5,.5,.62
circus land | a fairground,an amusement park | at the circus,at the fair | \
    grass  | circus tent@.3,.5,.46 ferris wheel@.74,.48,.46
stadium land | a football field,a soccer field,a sports field | on a soccer field,in the stadium | \
    field  | goal net@.5,.4,.36
swimming pool | a swimming pool | in the pool,in a swimming pool | pool |
candy land | a candy land,a land of sweets | in candy land | \
    candy  | lollipop@.16,.58,.32 cupcake@.84,.66,.28 candy@.5,.8,.18
railway | a railway,a train station | on the tracks,at the station | road | train@.5,.5,.46
"""


@dataclass(frozen=True)
class Scene:
    """A place: how it is asked for, how something in it is, its ground and what stands about."""

    name: str
    alone: tuple[str, ...]
    within: tuple[str, ...]
    ground: str
    props: tuple[tuple[str, float, float, float], ...]


def _read() -> dict[str, Scene]:
    found = {}
    for line in _TABLE.strip().splitlines():
        name, alone, within, ground, props = (part.strip() for part in re.sub(r" +", " ", line).split("|"))
        standing = re.findall(r"([a-z -]+?)@([\d.]+),([\d.]+),([\d.]+)", props)
        found[name] = Scene(
            name,
            tuple(map(str.strip, alone.split(","))),
            _PHRASES.get(name) or tuple(map(str.strip, within.split(","))),
            ground,
            tuple(
                ({"deciduous": "tree"}.get(noun.strip(), noun.strip()), float(x), float(y), float(extent))
                for noun, x, y, extent in standing
            ),
        )
    return found


SCENES: dict[str, Scene] = _read()
"""Every place by name: the eleven of `places` first."""

PHRASES: dict[str, tuple[str, ...]] = {name: scene.within for name, scene in SCENES.items()}
"""Each place and how people say that something is there."""

FLOATING = _FLOATING | {"sky", "galaxy", "sea", "sea sunset", "swimming pool"}
"""Places without ground under one's feet: things are drawn in their middle."""

INDOORS = frozenset(name for name, scene in SCENES.items() if scene.ground.startswith("room"))

TIMES: dict[str, tuple[str, ...]] = {
    "night": ("at night", "by night", "in the moonlight"),
    "sunset": ("at sunset", "in the evening"),
    "snow": ("in winter", "in the snow"),
}
"""Times that change a scene out of doors, and how people ask for them."""

Icon = Callable[[str], Image.Image]


def paint(
    name: str, size: tuple[int, int], rng: random.Random, icon: Icon, time: str | None = None
) -> Image.Image:
    """Paint a place at `size` (width, height) pixels, `icon` giving what stands about; returns RGB."""
    scene, (w, h) = SCENES[name], size
    ground = scene.ground
    base = (
        place(ground, size, rng)
        if ground in _PHRASES
        else ground_of(ground, (w * 2, h * 2), rng).resize(size, Image.Resampling.BOX)
    )
    picture = base.convert("RGBA")
    short, mirrored = min(size), rng.random() < 0.5
    for noun, x, y, extent in scene.props:
        side = max(6, round(extent * short * rng.uniform(0.9, 1.1)))
        thing = icon(noun).resize((side, side), Image.Resampling.LANCZOS)
        at = (1 - x if mirrored else x) + rng.uniform(-0.03, 0.03)
        left, top = round(at * w - side / 2), round((y + rng.uniform(-0.02, 0.02)) * h - side / 2)
        whole = Image.new("RGBA", size)
        whole.paste(thing, (left, top))
        picture.alpha_composite(whole)
    return _timed(picture.convert("RGB"), time, rng)


def _timed(picture: Image.Image, time: str | None, rng: random.Random) -> Image.Image:
    """Let night fall over a scene, or evening, or snow."""
    w, h = picture.size
    if time is None:
        return picture
    if time == "sunset":
        glow = fade(picture.size, (140, 60, 130), (255, 160, 70))
        return Image.blend(picture, glow, 0.48)
    if time == "night":
        dark = Image.blend(picture, Image.new("RGB", picture.size, (14, 18, 58)), 0.66)
        pen = ImageDraw.Draw(dark)
        for _ in range(rng.randint(10, 16)):
            disc(pen, rng.random() * w, rng.random() * h * 0.4, rng.uniform(0.6, 1.3), (255, 250, 215))
        disc(pen, w * rng.choice((0.15, 0.85)), h * 0.13, h * 0.07, (252, 242, 190))
        return dark
    white = Image.blend(picture, Image.new("RGB", picture.size, (236, 243, 252)), 0.5)
    pen = ImageDraw.Draw(white)
    for _ in range(rng.randint(28, 40)):
        disc(pen, rng.random() * w, rng.random() * h, rng.uniform(0.9, 2.2), (255, 255, 255))
    return white
