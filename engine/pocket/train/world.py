"""The wider world of version 1: some three hundred more things; it refuses to know how they are drawn.

One thing a line: `noun = icon : other noun, other noun`. The icon is the noun with dashes where none is
named. A noun ending in `~` has no article and no plural ("noodles"); `the ` before it marks a thing there is
one of.
"""

WORLD = """
angry face : mad face
crying face = loudly-crying-face
laughing face = face-with-tears-of-joy
winking face
sleeping face : sleepy face, tired face
surprised face = astonished-face : shocked face
face in love = smiling-face-with-heart-eyes : loving face
scared face = face-screaming-in-fear : frightened face
thinking face
sick face = nauseated-face
confused face
kissing face = face-blowing-a-kiss
nerd face : face with glasses
party face = partying-face
freezing face = cold-face
clown = clown-face
cowboy = cowboy-hat-face
bored face = neutral-face : neutral face
angel = limner:angel
devil = smiling-face-with-horns
poop = pile-of-poo
crazy face = zany-face : silly face
happy cat = grinning-cat : smiling cat
crying cat : sad cat
wolf
raccoon
mouse = mouse-face
hamster
squirrel = chipmunk : chipmunk
hedgehog
bat
koala
polar bear
sloth
kangaroo
turkey
chicken : hen
rooster
bird
eagle
swan
flamingo
peacock
parrot
dove : pigeon
goose
seal
dolphin
shark
squid
shrimp
lobster
snail
caterpillar = bug
ant
ladybug = lady-beetle : ladybird
spider
scorpion
crocodile : alligator
lizard
snake
brontosaurus = sauropod
mammoth
rhino = rhinoceros : rhinoceros
hippo = hippopotamus : hippopotamus
camel
giraffe
zebra
gorilla
donkey
sheep = ewe : lamb
goat
deer
llama
teddy bear
pufferfish = blowfish
tropical fish
spider web
palm tree
pine tree = evergreen-tree : fir tree
christmas tree
cherry blossom
bouquet : bunch of flowers
maple leaf
clover = four-leaf-clover
potted plant : plant
leaf = leaf-fluttering-in-wind
peach
kiwi = kiwi-fruit
tomato
avocado
eggplant : aubergine
broccoli~
corn~ = ear-of-corn : ear of corn
chili pepper = hot-pepper : hot pepper, chili
bell pepper : pepper
onion
potato
blueberries~
coconut
bread~ : loaf of bread
croissant
baguette = baguette-bread
pretzel
bagel
pancakes~
waffle
bacon~
steak = cut-of-meat
hot dog
french fries~ : fries
sandwich
taco
burrito
sushi~
bowl of noodles = steaming-bowl : ramen, noodles
spaghetti~ : pasta
bowl of rice = cooked-rice : rice
popcorn~
cupcake : muffin
pie
chocolate bar : chocolate
candy
lollipop
honey~ = honey-pot : honey pot
glass of milk : milk
teapot
beer = beer-mug : mug of beer
glass of wine = wine-glass : wine
cocktail = cocktail-glass
bottle of champagne = bottle-with-popping-cork : champagne
juice box = beverage-box : juice
bubble tea
soda = cup-with-straw : drink
sundae = ice-cream
spoon
knife = kitchen-knife
truck = delivery-truck : lorry
taxi : cab
police car
ambulance
fire truck = fire-engine : fire engine
race car = racing-car : racing car
pickup truck
tractor
motorcycle : motorbike
skateboard = limner:skateboard
van = minibus
cruise ship = passenger-ship
speedboat : motorboat
anchor
ufo = flying-saucer : flying saucer
satellite
parachute
traffic light = vertical-traffic-light
church
skyscraper = office-building : office building
statue of liberty
ferris wheel
circus tent : circus
volcano
island = desert-island
japanese castle
door
window
bed
sofa = couch-and-lamp : couch
toilet
bathtub : bath
candle
television : tv
telephone
keyboard
computer mouse
desktop computer : monitor
game controller = video-game : gamepad
headphones~ = headphone
microphone
telescope
microscope
magnifying glass = magnifying-glass-tilted-left
magnet
flashlight
bomb
crossed swords~ : swords
shield
bow and arrow
axe
wrench : spanner
screwdriver
gear : cog
ladder
bucket
broom
toothbrush
pen
crayon
paintbrush
palette = artist-palette : paint palette
ruler = straight-ruler
stack of books = books
envelope
cardboard box = package : package, box
suitcase = luggage
purse
shopping bag = shopping-bags
shopping cart
bag of money = money-bag : money bag
coin
money~ = dollar-banknote : banknote
diamond = gem-stone : gem, jewel
sock = socks
scarf
dress
shorts~
coat : jacket
tie = necktie
high heel = high-heeled-shoe
cap = billed-cap : baseball cap
sunglasses~
helmet = rescue-workers-helmet
graduation cap
medal = sports-medal : gold medal
hourglass = hourglass-not-done
watch
tooth
bone
brain
eye
mouth : lips
basketball
american football
tennis ball = tennis
volleyball
bowling ball = bowling
boxing glove
fishing rod = fishing-pole : fishing pole
ice skate
kite
target = bullseye : bullseye
die = game-die : dice
puzzle piece
chess pawn : pawn
party popper
fireworks~
pumpkin = jack-o-lantern : halloween pumpkin
lantern = red-paper-lantern
magic wand
crystal ball
eight ball = pool-8-ball : billiard ball
frisbee = flying-disc
drum = limner:drum
trumpet
piano = musical-keyboard
saxophone
music note = musical-note : musical note
cloud
planet = ringed-planet
the full moon = full-moon
tornado
wave = water-wave
water drop = droplet : drop
thunderstorm = cloud-with-lightning : storm
sun behind a cloud = sun-behind-cloud
baby
boy
girl
man
woman
old woman : grandmother
princess
prince
santa claus = santa-claus : santa
astronaut
police officer : policeman
ninja
wizard = man-mage
fairy = limner:fairy
vampire = man-vampire
zombie = man-zombie
superhero = man-superhero
chef = cook
doctor = health-worker
circle = red-circle
square = red-square
check mark
cross mark
question mark = red-question-mark
sparkles~
speech bubble = speech-balloon
broken heart
thumbs up~
waving hand
muscle = flexed-biceps : strong arm
pirate flag
checkered flag = chequered-flag : race flag
"""
