"""The names of things: everyday words for the font's glyphs and our own figures.

A motif is named by its Unicode name, or by `@` and the name of a figure drawn in `figures`.
"""

import unicodedata
from functools import cache

_EVERYDAY = """
@fox fox vixen fox-face
@astronaut astronaut cosmonaut spaceman
@lighthouse lighthouse
@robot robot android
@girl girl daughter princess
@boy boy son child kid
@woman woman lady mother queen dancer person people
@man man gentleman father farmer fisherman wanderer traveller traveler hiker
@bowl bowl dish
@cherries cherry cherries
@balloonist hot-air-balloon
@rock rock cliff boulder stone
@windmill windmill mill
@pine pine fir conifer spruce
@tree tree oak elm birch
@crystal planet
CAT cat kitten kitty
DOG dog puppy
WOLF~ wolf
AUTOMOBILE car auto
SHIP ship liner cruise
SAILBOAT sailboat boat yacht sail
CANOE kayak
HOUSE~BUILDING house cottage home farmhouse cabin barn
DEER stag fawn reindeer elk
AMPHORA vase urn
CRESCENT~MOON crescent
HUT shed
EUROPEAN~CASTLE castle fortress palace
JAPANESE~CASTLE pagoda
PALM~TREE palm
SPOUTING~WHALE whale
DROMEDARY~CAMEL camel
SHEEP lamb ewe
CHIPMUNK squirrel
HONEYBEE bee
SAUROPOD dinosaur
FLYING~SAUCER ufo spaceship
STEAM~LOCOMOTIVE train locomotive
BICYCLE bike
AIRPLANE plane aeroplane
HOT~BEVERAGE coffee cappuccino
TEACUP~WITHOUT~HANDLE tea
BOOKS books
OPEN~BOOK book
SHORTCAKE cake
BIRTHDAY~CAKE birthday
SUNFLOWER flower
SNOWMAN~WITHOUT~SNOW snowman
JACK-O-LANTERN pumpkin
RED~APPLE apple
TANGERINE orange clementine mandarin
ELECTRIC~LIGHT~BULB bulb
IZAKAYA~LANTERN lantern
OLD~KEY key
@wizard wizard witch sorcerer mage magician
MERPERSON mermaid
EXTRATERRESTRIAL~ALIEN extraterrestrial
MOUNT~FUJI mount-fuji
VIOLIN cello fiddle
PERSONAL~COMPUTER laptop computer
MOBILE~PHONE phone smartphone
UMBRELLA umbrella parasol
DOVE~OF~PEACE dove pigeon
BIRD bird sparrow robin crow raven finch
DUCK duck goose
RAT rat
CROCODILE alligator
DRAGON dragon
UNICORN~FACE unicorn
BEAR~FACE bear grizzly
RINGED~PLANET saturn
POTTED~PLANT plant houseplant
LOTUS waterlily lily
WINE~GLASS wine
BEER~MUG beer
SLICE~OF~PIZZA pizza
HAMBURGER burger
ICE~CREAM ice-cream
DOUGHNUT donut
WRAPPED~PRESENT gift present
MOUNTAIN~BICYCLIST mountain-biker
GEM~STONE gem diamond crystal jewel
HEAVY~BLACK~HEART heart
CHURCH church chapel cathedral
STATUE~OF~LIBERTY liberty
TOKYO~TOWER tower
CAMPING campsite
FIRE fire campfire bonfire flame
BUTTERFLY butterfly moth
PARROT macaw budgie
TURTLE tortoise
CLASSICAL~BUILDING temple museum
SATELLITE probe
HELICOPTER chopper drone
MOTOR~SCOOTER vespa moped
RACING~MOTORCYCLE motorcycle motorbike
ARTICULATED~LORRY lorry
DELIVERY~TRUCK truck van
CHRISTMAS~TREE christmas-tree
EVERGREEN~TREE evergreen
BABY baby
CHAIR chair stool
ANCHOR anchor
SNOW~CAPPED~MOUNTAIN everest matterhorn
"""

_NOT_THINGS = """
black white red blue green orange yellow purple brown large small heavy medium light dark
cloud fog foggy sunrise desert milky rainbow snowflake cityscape squared sign symbol key new
on end back top soon cool free ok up sparkles mountain cancer leo virgo aries link name hole
fall foot sun stars moon day night wood print window flow line crescent full water wave
brick star
"""
_ENDINGS = (" face", " building", " symbol", " sign", " emblem")


@cache
def everyday() -> dict[str, str]:
    """Everyday word to motif, for the words whose motif has another name."""
    table = {}
    for line in _EVERYDAY.split("\n"):
        motif, *words = line.split() or [""]
        table.update({word.replace("-", " "): motif.replace("~", " ") for word in words})
    table["wolf"] = "WOLF FACE"
    return table


@cache
def _not_things() -> frozenset[str]:
    """Words that some glyph is named after though they mean something else here."""
    return frozenset(_NOT_THINGS.split())


def glyph_name(character: str) -> str:
    """The Unicode name of a character that may have a glyph, or an empty string."""
    return unicodedata.name(character, "")


def find(words: str) -> str | None:
    """The motif called by one to three words, or None.

    Raises nothing: a name that the font does not hold is not a motif.
    """
    if words in everyday():
        return everyday()[words]
    if words in _not_things() or len(words) < 3:
        return None
    from mediatoolkit.synthesis.painting.glyphs import has_glyph

    for ending in ("", *_ENDINGS):
        name = f"{words}{ending}".upper()
        try:
            character = unicodedata.lookup(name)
        except KeyError:
            continue
        if has_glyph(character):
            return name
    return None


def singular(word: str) -> str:
    """A plural noun without its ending, another word unchanged."""
    irregular = {"mice": "mouse", "geese": "goose", "wolves": "wolf", "leaves": "leaf",
                 "children": "child", "men": "man", "women": "woman", "sheep": "sheep"}  # fmt: skip
    if word in irregular:
        return irregular[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us")):
        return word[:-1]
    return word
