"""The wider world of version 2: some five hundred more things, people first; written as `world` writes them.

An icon may name its set ("game-icons:galleon") where the emoji sets have none. Entries end at a semicolon or
at the end of their line.
"""

FOLK = """
old man : elderly man, grandfather, grandpa; man with a beard = man-beard : bearded man
bald man = man-bald; woman with red hair = woman-red-hair : red haired woman, redhead
woman with curly hair = woman-curly-hair : curly haired woman; man with curly hair = man-curly-hair
woman with blonde hair = woman-blonde-hair : blonde woman, blonde; man with blonde hair = man-blonde-hair
woman with white hair = woman-white-hair; man with red hair = man-red-hair : red haired man
young woman = woman : beautiful woman, lady; young man = person : young person, guy
girl with curly hair = person-curly-hair; child : kid
king = limner:king; queen = limner:queen
knight = limner:knight : armored knight
witch = woman-mage|game-icons:witch-face/purple : sorceress
mermaid = limner:mermaid; merman = man-merpeople
pirate = limner:pirate : pirate captain; samurai = game-icons:samurai-helmet/red
viking = game-icons:viking-head/orange; dwarf = game-icons:dwarf-face/brown
cyclops = game-icons:cyclops/green
elf = limner:elf : elven woman; man elf = man-elf; genie = man-genie : djinn; female genie = woman-genie
supervillain = man-supervillain : villain; superheroine = woman-superhero; vampire woman = woman-vampire
zombie woman = woman-zombie; little angel = baby-angel : cherub; troll; ogre; goblin : oni
mrs claus = mrs-claus; snow angel = game-icons:angel-outfit/blue; joker : jester; judge; guard : royal guard
firefighter = limner:firefighter : fireman; farmer = limner:farmer
scientist; teacher; student; singer : pop star, rock star; artist : painter
mechanic; pilot; office worker = office-worker : businessman; programmer = technologist : coder, hacker
construction worker = construction-worker : builder; factory worker = factory-worker : welder
detective : spy; bride = person-with-veil; groom = man-in-tuxedo : man in a suit
nurse = woman-health-worker; female chef = woman-cook; policewoman = woman-police-officer
female astronaut = woman-astronaut; pregnant woman = pregnant-woman
mother and baby = woman-feeding-baby : mother
man with a turban = man-wearing-turban; woman with a headscarf = woman-with-headscarf
dancer = woman-dancing : dancing woman; dancing man = man-dancing; runner = man-running : running man
surfer = man-surfing; swimmer = man-swimming; skier; snowboarder; cyclist = man-biking : man on a bicycle
woman on a bicycle = woman-biking : woman riding a bicycle; rower = man-rowing-boat : man in a boat
climber = woman-climbing; juggler = man-juggling; golfer = man-golfing
weightlifter = man-lifting-weights : bodybuilder
gymnast = woman-cartwheeling; fencer = person-fencing : swordsman
jockey = horse-racing : horse rider, horse racing
wrestlers~ = person-wrestling; meditating woman = woman-in-lotus-position : yoga; walking man = man-walking
standing man = man-standing; standing woman = woman-standing
woman in a wheelchair = woman-in-manual-wheelchair
man in bed = person-in-bed : sleeping man; hugging people~ = people-hugging : hug
twins~ = woman-with-bunny-ears
shrugging man = man-shrugging; waving woman = woman-raising-hand; thinking woman = woman-facepalming
warrior woman = game-icons:swordwoman/red : female warrior
mounted knight = game-icons:mounted-knight/grey|game-icons:cavalry/brown : knight on a horse
scarecrow = game-icons:scarecrow/brown; ghost pirate = game-icons:pirate-skull/black
minotaur = game-icons:minotaur/brown
medusa = game-icons:medusa-head/green; crowd~ = busts-in-silhouette : people
grinning face = grinning-face; big smile = grinning-face-with-big-eyes
rolling on the floor laughing~ = rolling-on-the-floor-laughing
upside down face = upside-down-face; melting face = melting-face; star eyes = star-struck : starry eyed face
face with tongue = face-with-tongue : tongue out; money face = money-mouth-face; hugging face
quiet face = shushing-face
suspicious face = face-with-raised-eyebrow; smirking face; rolling eyes~ = face-with-rolling-eyes
drooling face; face with a mask = face-with-medical-mask : masked face
face with a fever = face-with-thermometer
hurt face = face-with-head-bandage; vomiting face = face-vomiting; sneezing face; hot face
dizzy face = face-with-spiral-eyes
exploding head : mind blown; disguised face; face with a monocle = face-with-monocle; worried face
pleading face : puppy eyes; raging face = pouting-face : furious face
swearing face = face-with-symbols-on-mouth
yawning face; steaming face = face-with-steam-from-nose; shy face = flushed-face : blushing face
cat in love = smiling-cat-with-heart-eyes; kissing cat; angry cat = pouting-cat
cool alien = alien-monster : space invader
devil face = angry-face-with-horns : demon; skull and crossbones = skull-and-crossbones
sun with a face = sun-with-face
moon with a face = full-moon-face; monkey covering its eyes = see-no-evil-monkey
snow covered snowman = snowman
"""
"""People, creatures of tales and faces."""

BEASTS = """
black cat; guide dog = guide-dog; poodle; leopard : cheetah; orangutan : ape; bison : buffalo; ox : bull
boar : wild boar; ram; two humped camel = two-hump-camel
rat; beaver; skunk; otter; badger; moose : elk; wing : angel wing
hatching chick = hatching-chick : chick in an egg; black bird = blackbird : crow, raven
phoenix = phoenix-bird : firebird
dodo; feather; jellyfish; coral; oyster
seashell = spiral-shell : shell; seahorse = game-icons:seahorse/orange
starfish = game-icons:sea-star/orange
sea turtle = game-icons:sea-turtle/green; beetle; cockroach; cricket : grasshopper; mosquito; fly; worm
microbe : virus
paw prints~ = paw-prints; ostrich = game-icons:ostrich/black; toucan = game-icons:toucan/black
walrus = game-icons:walrus-head/brown
pegasus = game-icons:pegasus/purple : winged horse; griffin = game-icons:griffin-symbol/brown
hydra = game-icons:hydra/green
pelican = game-icons:eating-pelican/blue; barn owl = game-icons:barn-owl/brown
nest with eggs = nest-with-eggs : bird nest
orca = twemoji:orca : killer whale; rosette; daffodil = blossom : yellow flower; hyacinth : lavender
lotus : water lily
white flower = white-flower; wilted flower = wilted-flower : dead rose; seedling : sprout; herb; shamrock
fallen leaves~ = fallen-leaf : fallen leaf; brown mushroom = brown-mushroom; wheat~ = sheaf-of-rice
bamboo = pine-decoration
rock : stone, boulder; wood : log; empty nest = empty-nest; dead tree = game-icons:dead-wood/brown
bonsai tree = game-icons:bonsai-tree/green
"""

FOODS = """
green apple = green-apple; melon; orange fruit = tangerine : tangerine, mandarin; lime; mango; olive
cucumber
lettuce~ = leafy-green : salad leaf; garlic; peanuts~; beans~; chestnut; ginger~ = ginger-root
pea pod = pea-pod : peas
salad~ = green-salad; butter; salt~; soup = pot-of-food : stew; bowl of cereal = bowl-with-spoon
fried egg = cooking : frying pan
paella = shallow-pan-of-food; curry~ = curry-rice; dumpling; fortune cookie = fortune-cookie
takeout box = takeout-box
chicken leg = poultry-leg : drumstick; meat on a bone = meat-on-bone : meat; falafel; flatbread
pita sandwich = stuffed-flatbread : kebab
tamale; bento box = bento-box : lunch box; rice ball = rice-ball : onigiri; rice cracker = rice-cracker
fried shrimp = fried-shrimp
moon cake = moon-cake; dango; shaved ice = shaved-ice : snow cone
slice of cake = shortcake : piece of cake, cheesecake
custard : pudding, flan; baby bottle = baby-bottle; cup of tea = teacup-without-handle : tea, green tea
sake; tropical drink = tropical-drink
beers~ = clinking-beer-mugs : cheers; champagne glasses~ = clinking-glasses
glass of whiskey = tumbler-glass : whiskey
ice cube = ice : ice; jar : jam jar; can of food = canned-food : tin can; fondue; chopsticks~
fork and knife = fork-and-knife : fork
plate = fork-and-knife-with-plate : dinner plate; mate
chocolate cake = limner:chocolate-cake; roast sweet potato = roasted-sweet-potato
"""

TRAVEL = """
bullet train = bullet-train : high speed train; metro : subway; tram; monorail
small airplane = small-airplane : propeller plane
sports car = oncoming-automobile : front of a car; suv = sport-utility-vehicle : jeep
scooter = motor-scooter : moped, vespa; kick scooter = kick-scooter
semi truck = articulated-lorry : big truck; wheelchair = manual-wheelchair
rickshaw = auto-rickshaw : tuk tuk; railway car = railway-car
ship = ship : ocean liner; ferry; canoe : rowboat, kayak; motor boat = motor-boat; wheel : tire
gas pump = fuel-pump : gas station
stop sign = stop-sign; cable car = mountain-cableway : aerial tramway
spaceship = limner:spaceship : starship, space ship
pirate ship = limner:pirate-ship : galleon
hot air balloon = limner:hot-air-balloon; zeppelin = game-icons:zeppelin/grey : airship, blimp
submarine = limner:submarine; tank = limner:tank
bulldozer = game-icons:bulldozer/orange; wagon = game-icons:old-wagon/brown
comet; shooting star = shooting-star; glowing star = glowing-star
earth = globe-showing-americas : planet earth
milky way = milky-way : galaxy, stars; world map = world-map : map; compass
treasure map = game-icons:treasure-map/brown
hut : straw hut; cottage = house-with-garden : house with a garden
haunted house = derelict-house : abandoned house, old house
factory; hospital; bank; hotel; school; store = convenience-store : shop
department store = department-store; post office = post-office
stadium : arena; mosque; temple = hindu-temple; shrine = shinto-shrine : torii gate
greek temple = classical-building : museum
wedding chapel = wedding; tokyo tower = tokyo-tower : eiffel tower, radio tower; moai : easter island head
fountain
carousel = carousel-horse : merry go round; roller coaster = roller-coaster; slide = playground-slide
barber pole = barber-pole
windmill = limner:windmill; barn = game-icons:barn/red; igloo = game-icons:igloo/blue
pyramids~ = game-icons:egyptian-pyramids/yellow : pyramid
sphinx = game-icons:egyptian-sphinx/yellow; watchtower = game-icons:watchtower/brown : tower
well = game-icons:well/grey; log cabin = game-icons:wood-cabin/brown : cabin
mount fuji = mount-fuji; bare mountain = mountain : rocky mountain; campsite = camping : camping
campfire = limner:campfire : bonfire
beach umbrella = beach-with-umbrella; waterfall = game-icons:waterfall/blue; bricks~ = brick : brick wall
hot spring = hot-springs
sunrise = sunrise; sunrise over mountains = sunrise-over-mountains
city skyline = cityscape : skyline, cityscape
city at dusk = cityscape-at-dusk; sunset over a city = sunset; starry night = night-with-stars
foggy bridge = foggy
national park = national-park; desert scene = desert
building site = construction : crane, construction site; village houses~ = houses
cyclone : whirlwind; wind~ = wind-face; fog~ = fog; snow cloud = cloud-with-snow
thundercloud = cloud-with-lightning-and-rain
sun behind a rain cloud = sun-behind-rain-cloud; thermometer
umbrella in the rain = umbrella-with-rain-drops; new moon = new-moon
half moon = first-quarter-moon; explosion = collision : boom; puff of smoke = dashing-away : smoke
splash~ = sweat-droplets
"""

OBJECTS = """
sword = limner:sword : dagger; samurai sword = game-icons:katana/black : katana
treasure chest = limner:treasure-chest : treasure
magic potion = limner:magic-potion : potion
cauldron = game-icons:cauldron/black : witch cauldron; spell book = game-icons:spell-book/purple
magic lamp = game-icons:magic-lamp/yellow; throne = game-icons:stone-throne/red
crystals~ = game-icons:crystal-growth/purple : crystal
cannon = game-icons:cannon/black; pistol = water-pistol : water gun; boomerang; firecracker : dynamite
torch = game-icons:torch/orange
rocking chair = game-icons:rocking-chair/brown; table = game-icons:table/brown : wooden table
lamp = limner:lamp : desk lamp
vase = amphora : amphora; fridge = game-icons:fridge/grey : refrigerator
bookshelf = game-icons:bookshelf/brown; fireplace = game-icons:fireplace/red
mirror; mantel clock = mantelpiece-clock; picture frame = framed-picture : painting in a frame; shower
toilet paper = roll-of-paper
soap; sponge; razor; lotion = lotion-bottle : shampoo; trash can = wastebasket : bin; plunger
mouse trap = mouse-trap; safety pin = safety-pin
diving mask = diving-mask : snorkel; goggles; glove = gloves : gloves; jeans : trousers, pants; kimono
sari; bikini : swimsuit; underpants~ = briefs : underwear
lab coat = lab-coat; safety vest = safety-vest; tank top = running-shirt; handbag; clutch bag = clutch-bag
boot = womans-boot : cowboy boot
sandal = womans-sandal; ballet shoes~ = ballet-shoes; flat shoe = flat-shoe; hiking boot = hiking-boot
leather shoe = mans-shoe
flip flop = thong-sandal; sun hat = womans-hat; army helmet = military-helmet : soldier helmet
prayer beads = prayer-beads : necklace
lipstick; nail polish = nail-polish; ribbon : bow; military medal = military-medal; briefcase
fan = folding-hand-fan
radio; speaker = speaker-high-volume : loudspeaker; megaphone; vinyl record = optical-disk : cd
floppy disk = floppy-disk; battery
electric plug = electric-plug : plug; printer; fax machine = fax-machine; joystick; trackball
movie camera = movie-camera : film camera
film projector = film-projector; clapper board = clapper-board : movie
video camera = video-camera : camcorder; film strip = film-frames
satellite dish = satellite-antenna; telephone receiver = telephone-receiver; pager; hole; newspaper
notebook; open book = open-book
scroll : old paper; bookmark; calendar = tear-off-calendar; chart = bar-chart : graph; clipboard
paperclip; pushpin : pin; folder = file-folder
mailbox = closed-mailbox-with-raised-flag; post box = postbox; love letter = love-letter
identification card = identification-card
credit card = credit-card; receipt; ticket; ballot box = ballot-box-with-ballot
file cabinet = file-cabinet; pickaxe = pick
saw = carpentry-saw; toolbox; clamp; scales = balance-scale : justice; chain = chains; hook
nut and bolt = nut-and-bolt : screw
test tube = test-tube; petri dish = petri-dish; dna; alembic : chemistry; syringe : needle
pill : medicine; bandage = adhesive-bandage : plaster
stethoscope; x ray = x-ray; crutch; drop of blood = drop-of-blood : blood; thread; yarn : ball of yarn
sewing needle = sewing-needle; knot : rope
oil drum = oil-drum : barrel; fire extinguisher = fire-extinguisher; life ring = ring-buoy : lifebuoy
coffin; gravestone = headstone : tombstone
funeral urn = funeral-urn : urn; nesting dolls~ = nesting-dolls : russian doll; puppets~ = japanese-dolls
wind chime = wind-chime; pinata = piata
mirror ball = mirror-ball : disco ball; sparkler; confetti~ = confetti-ball; red envelope = red-envelope
theater masks~ = performing-arts : mask
slot machine = slot-machine; mahjong tile = mahjong-red-dragon; playing card = flower-playing-cards : card
yo yo = yo-yo; sled : sleigh
baseball; softball; rugby ball = rugby-football; ping pong = ping-pong : table tennis
badminton : shuttlecock; ice hockey = ice-hockey : hockey
field hockey = field-hockey; lacrosse; cricket bat = cricket-game; goal net = goal-net : goal; skis~
roller skate = roller-skate
curling stone = curling-stone; karate uniform = martial-arts-uniform : judo
first place medal = 1st-place-medal; barbell = game-icons:weight-lifting-up/black : dumbbell
accordion; banjo : ukulele; flute; long drum = long-drum : conga; maracas~; harp = twemoji:harp
horn = postal-horn : french horn
electric guitar = game-icons:guitar-bass-head/red; musical notes~ = musical-notes
sheet music = musical-score; studio microphone = studio-microphone
abacus; triangular ruler = triangular-ruler; paperclips~ = linked-paperclips; fountain pen = fountain-pen
label : price tag
mobile phone with an arrow = mobile-phone-with-arrow : phone call; camera with a flash = camera-with-flash
stopwatch; timer clock = timer-clock
alarm bell = bellhop-bell; razor blade = razor; cigarette; worn shovel = game-icons:spade/grey : shovel
umbrella on a beach = umbrella-on-ground
anatomical heart = anatomical-heart; lungs~; ear; nose; foot; leg; tongue; footprints~
mechanical arm = mechanical-arm : robot arm; eyes~
pointing hand = backhand-index-pointing-right : pointing finger; fist = oncoming-fist : punch
raised fist = raised-fist; peace sign = victory-hand
ok hand = ok-hand; clapping hands~ = clapping-hands : applause; handshake
praying hands~ = folded-hands : prayer; heart hands~ = heart-hands
thumbs down~ = thumbs-down; open hand = raised-hand : hand, high five
rock hand = sign-of-the-horns : rock and roll; crossed fingers~ = crossed-fingers
writing hand = writing-hand; selfie; call me hand = call-me-hand; vulcan salute = vulcan-salute
heart with an arrow = heart-with-arrow; burning heart = heart-on-fire : heart on fire
sparkling heart = sparkling-heart; two hearts~ = two-hearts
kiss mark = kiss-mark : kiss; hundred points~ = hundred-points : hundred; triangle = red-triangle
exclamation mark = red-exclamation-mark
diamond shape = large-blue-diamond; peace symbol = peace-symbol; yin yang = yin-yang
infinity symbol = infinity : infinity; recycling symbol = recycling-symbol
radioactive sign = radioactive : radiation; biohazard sign = biohazard; warning sign = warning
no entry sign = no-entry; plus sign = plus; arrow = right-arrow
spade = spade-suit; club = club-suit; dollar sign = heavy-dollar-sign; cross = latin-cross
star of david = star-of-david
white flag = white-flag; black flag = black-flag; rainbow flag = rainbow-flag
red flag = triangular-flag : flag; trident = trident-emblem
speaking head = speaking-head; thought bubble = thought-balloon; zzz~ = zzz : sleep
tent in the forest = camping; night bridge = bridge-at-night
number one = keycap-1; number two = keycap-2; number three = keycap-3; letter a = a-button-blood-type
letter b = b-button-blood-type
"""

MORE = FOLK + BEASTS + FOODS + TRAVEL + OBJECTS
