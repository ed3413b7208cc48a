"""Words that mean what another word means, or nearly: they start as that word; it refuses to know networks.

A line is `word taught: words that start as it`; plurals start as its plural. Where one of them is taught
later in its own right it has the better start. Words that say nothing of a picture are silent.
"""

from __future__ import annotations

import re

from engine.pocket.train.concepts import plural

_THINGS = """
rocket: spaceship starship spacecraft
ufo: spacesaucer
car: auto sedan limousine ferrari porsche tesla
bus: coach minibus
train: railway subway tram
airplane: aeroplane jet aircraft airliner
sailboat: yacht dinghy
ship: ferry liner steamship vessel
bicycle: cycle
motorcycle: scooter moped
house: village farm home cottage hut cabin farmhouse bungalow villa
castle: palace fortress fort citadel
church: chapel cathedral
skyscraper: tower highrise
tent: tipi teepee
mountain: hill peak mountaintop alps everest
volcano: eruption
tree: oak elm willow
tree: spruce conifer evergreen
flower: daisy lily orchid poppy hibiscus wildflower
rose: rosebud
tulip: daffodil crocus
mushroom: fungus shroom
cactus: cacti succulent
plant: houseplant fern herb
leaf: foliage
cat: feline tomcat pussycat
dog: hound doggy doggo pup corgi labrador retriever beagle terrier husky poodle
rabbit: hare
bear: grizzly cub
wolf: coyote werewolf
fox: vixen
lion: lioness
tiger: tigress
horse: stallion mare foal
cow: cattle calf bull ox
pig: piglet hog boar swine
sheep: ewe ram
monkey: ape chimpanzee chimp baboon
gorilla: orangutan
mouse: rat rodent
bird: sparrow robin finch bluebird songbird
eagle: hawk falcon
owl: owlet
duck: duckling mallard
chicken: poultry
chick: hatchling
dove: seagull
parrot: macaw cockatoo parakeet
fish: goldfish trout salmon carp tuna
shark: megalodon
dolphin: porpoise orca
octopus: kraken
turtle: seaturtle
snake: serpent cobra python viper
lizard: gecko iguana chameleon salamander
frog: toad
crocodile: gator
dinosaur: dino tyrannosaurus raptor velociraptor
dragon: wyvern drake
butterfly: moth
bee: bumblebee wasp hornet
ladybug: beetle
spider: tarantula
snail: slug
lemon: lime citrus tangerine
strawberry: raspberry
watermelon: melon
cake: gateau
cookie: biscuit cracker
candy: sweets bonbon
chocolate: cocoa
bagel: bun
burger: cheeseburger
spaghetti: macaroni lasagna
noodles: soup
coffee: latte espresso cappuccino mocha
beer: ale lager
wine: chardonnay merlot
juice: lemonade smoothie
milk: milkshake
pizza: pepperoni margherita
steak: beef meat
man: guy dude gentleman husband father dad daddy uncle male mister
woman: lady wife mother mom mum mommy aunt female madam
boy: lad son kid child toddler nephew brother schoolboy
girl: lass daughter niece sister schoolgirl
baby: infant newborn
grandmother: grandma granny nana
princess: queen duchess empress
prince: king emperor duke
wizard: witch sorceress sorcerer mage warlock magician merlin
fairy: pixie elf
ninja: samurai shinobi assassin
superhero: superman batman hero
policeman: cop sheriff
doctor: nurse surgeon medic physician
chef: cook baker
astronaut: cosmonaut spaceman
cowboy: cowgirl
clown: jester joker
robot: android cyborg droid mech bot
alien: extraterrestrial martian
ghost: spirit spectre phantom
devil: demon satan
angel: seraph
zombie: undead
vampire: dracula
skull: skeleton
guitar: ukulele banjo
violin: fiddle cello viola
drum: bongo
piano: synthesizer
trumpet: bugle
book: novel textbook notebook tome
pen: biro
phone: cellphone iphone
laptop: pc macbook
television: telly
clock: timepiece
watch: wristwatch
candle: candlelight
hat: fedora bowler
shirt: tee blouse
dress: gown skirt
coat: hoodie sweater parka
shoe: boot trainer
crown: tiara diadem
gem: treasure ruby sapphire emerald gemstone
diamond: brilliant
coin: penny
gift: parcel
ball: orb sphere
swords: sword sabre katana blade
shield: buckler
axe: hatchet
hammer: mallet
bomb: dynamite grenade
fire: campfire bonfire blaze inferno
lightning: thunderbolt thunder
cloud: cloudy
storm: tempest
heart: valentine
star: starfish
sun: sunshine
moon: lunar
planet: saturn jupiter
sofa: settee loveseat lounge
chair: armchair stool
bed: bunk
bathtub: tub bathroom
bulb: lamp
books: library bookshelf
bag: sack tote
"""

_PLACES = """
city: town downtown street urban metropolis
forest: jungle woodland rainforest grove
beach: shore coast seaside seashore
desert: sahara dunes dune
space: cosmos universe galaxy
sea: ocean
snow: winter snowy arctic snowfall
rain: rainy drizzle rainstorm
sunset: dusk sundown evening twilight sunrise dawn
night: midnight nighttime
meadow: garden farmland park pasture prairie lawn grassland
grass: turf
"""

_COLOURS = """
red: crimson scarlet maroon burgundy
orange: amber
yellow: golden blond blonde
green: olive khaki jade
blue: navy azure cobalt cyan teal turquoise indigo
purple: violet lilac lavender mauve
pink: magenta fuchsia rosy
brown: beige tan bronze
black: ebony onyx
white: ivory
grey: gray silver
old: elderly aged
small: mini miniature wee petite smaller
big: giant gigantic enormous massive bigger
"""

_DEEDS = """
and: plus riding holding playing eating drinking reading wearing driving carrying beside near next
"""

_SILENT = """
one many to by left right top bottom without sky day summer picture photo icon emoji dark bright no
"""
"""Words that the first tokenizer kept in store with vectors of chance, which no caption ever said."""


def _read(text: str, plurals: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.strip().splitlines():
        known, _, others = line.partition(": ")
        for word in re.findall(r"(?<![\w-])[a-z]+(?![\w-])", others):
            found.setdefault(word, known)
            if plurals:
                found.setdefault(plural(word), plural(known))
    return found


SAME: dict[str, str] = {
    **_read(_COLOURS, False),
    **_read(_PLACES, False),
    **_read(_DEEDS, False),
    **_read(_THINGS, True),
}
"""Word to the word it starts as."""

SILENT: tuple[str, ...] = tuple(_SILENT.split())
"""Words that start, and stay, without a voice."""
