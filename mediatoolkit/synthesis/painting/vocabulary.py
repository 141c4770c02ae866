"""Which words the painter knows, apart from the names of things."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _table(text: str) -> dict[str, str]:
    """Word to meaning, from lines of `meaning: word word`; an indented line goes on."""
    table, meaning = {}, ""
    for word in text.split():
        if word.endswith(":"):
            meaning = word[:-1]
        else:
            table[word] = meaning
    return table


TIMES = _table(
    """
    day: day daytime noon midday afternoon sunny
    dawn: dawn sunrise morning daybreak mist misty fog foggy pastel
    sunset: sunset dusk evening sundown twilight
    night: fireflies firefly neon night midnight moonlight moonlit nocturnal starry stars
        star moon dark nighttime aurora galaxy constellation
    """
)
"""Time of day."""

SEASONS = _table(
    """
    storm: storm stormy thunder thunderstorm lightning gloomy tempest hurricane
    winter: winter snow snowy snowing ice icy frozen frost arctic christmas
    autumn: leaves foliage autumn autumnal fall october november harvest
    fantasy: fantasy magic magical neon cyberpunk alien surreal synthwave vaporwave
        enchanted dreamlike psychedelic
    """
)
"""Season or weather that gives the picture its inks."""

PLACES = _table(
    """
    mountain: mountain mountains alps alpine peak peaks volcano himalaya valley
    sea: fjord port marina sea ocean lake water river coast bay shore waves wave lagoon
        harbour harbor pond seaside
    hill: hill hills hillside hilltop highlands
    forest: forest wood woods woodland jungle taiga grove pines
    city: city skyline town street downtown metropolis skyscraper skyscrapers urban
        village tokyo paris london york berlin
    underwater: underwater undersea coral reef seabed
    beach: beach island tropical
    desert: desert dune dunes sahara
    meadow: meadow field fields grass garden prairie flowers lavender spring lawn park
        farm countryside wildflowers
    space: space universe cosmos nebula orbit planets
    moon: lunar
    japan: fuji
    """
)
"""What the land is like."""

STYLES = _table(
    """
    poster: poster screenprint print flat vector minimal minimalist papercut
    linocut: linocut woodcut lino woodblock engraving etching linoprint
    watercolour: watercolour watercolor aquarelle gouache wash
    oil: oil impressionist impressionism impasto gogh monet painterly
    pixel: pixel pixels pixelart 8bit 8-bit 16bit 16-bit retro
    ink: ink sumi sketch pencil charcoal lineart line drawing
    """
)
"""How the picture is finished."""

SURFACES = _table(
    """
    branch: branch twig bough perch
    table: table desk shelf windowsill counter tabletop plate
    wall: wall fence
    """
)
"""What things can stand on."""

WEATHER = _table(
    """
    rain: rain rainy raining drizzle
    snowfall: snowing snowfall snowflakes blizzard
    fireflies: fireflies firefly lanterns sparkles
    lightning: lightning thunder thunderstorm
    aurora: aurora borealis
    stars: stars starry star constellation
    galaxy: galaxy nebula
    moon: moon moonlight moonlit
    clouds: cloud clouds cloudy
    sun: sun sunny
    petals: blossoms petals sakura
    """
)
"""What is in the sky or falls from it."""

FORMS = _table(
    """
    abstract: abstract abstraction pattern geometric flow generative fractal swirl
    portrait: portrait closeup close-up headshot bust
    """
)
"""What kind of picture it is."""

RELATIONS = _table(
    """
    on: on upon atop onto riding
    under: under beneath below underneath
    behind: behind
    beside: beside near by next alongside
    in: in inside
    of: of
    over: over above
    with: with holding
    """
)
"""How a thing is tied to the next noun."""

COUNTS = {
    "one": 1,
    "two": 2,
    "pair": 2,
    "couple": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "several": 4,
    "many": 7,
    "flock": 6,
    "herd": 5,
}
SIZES = {
    "tiny": 0.6,
    "small": 0.75,
    "little": 0.75,
    "big": 1.25,
    "large": 1.25,
    "giant": 1.5,
    "huge": 1.5,
}

PLAIN = _words(
    """
    reading eating drinking playing dancing watching waiting resting shining glowing
    sparkling rolling smiling happy sad lonely lone single magnificent majestic quiet calm
    peaceful gentle wild ancient modern tall short long wide narrow round empty open wooden
    made set made-of whole front middle center centre left right side edge top bottom end
    detailed realistic simple elegant colourful colorful vivid dramatic cinematic epic
    stunning we you he she they them him one's do not no yes but or so as if then than too a
    an the at to from into onto its his her their our my your this that these those is are
    be was were it there for while through across against around along up down out off very
    some style styled art picture painting painted image photo photograph drawn illustration
    illustrated artwork scene view landscape who which where beautiful lovely nice pretty
    cute little old young cup mug glass pot heap pile bunch sitting standing looking running
    flying swimming sleeping walking jumping sailing wearing full light bright soft deep
    warm cold please and make draw paint create show me i want colour color colours colors
    coloured colored sky horizon air ground floor high low quality background foreground
    """
)
"""Words that are understood and change nothing."""

FLYING = _words(
    """
    floating flying gliding hovering soaring
    """
)
"""Words that lift a thing into the air."""

CLOTHES = _words(
    """
    dress coat jacket shirt jumper sweater suit robe scarf hat cap jeans trousers skirt gown
    cloak kimono uniform raincoat t-shirt hoodie
    """
)
"""Words whose colour is that of the person who wears them."""

IMPLIED = {"harbour": "SAILBOAT", "harbor": "SAILBOAT", "marina": "SAILBOAT", "port": "SAILBOAT"}
"""Places that are not themselves without a thing."""
JAPANESE = {
    "富士": "fuji",
    "日本": "japan",
    "月夜": "moonlit night",
    "夕焼け": "sunset",
    "山": "mountain",
    "海": "sea",
    "川": "river",
    "湖": "lake",
    "森": "forest",
    "花": "flower",
    "桜": "sakura",
    "月": "moon",
    "星": "stars",
    "夜": "night",
    "雪": "snow",
    "雨": "rain",
    "朝": "morning",
    "秋": "autumn",
    "冬": "winter",
    "春": "spring",
    "空": "sky",
    "狐": "fox",
    "きつね": "fox",
    "猫": "cat",
    "ねこ": "cat",
    "犬": "dog",
    "鳥": "bird",
    "魚": "fish",
    "馬": "horse",
    "城": "japanese castle",
    "家": "house",
    "船": "ship",
    "赤い": "red",
    "青い": "blue",
    "白い": "white",
    "黒い": "black",
    "の": "",
    "と": "",
}

PHRASES = {
    "sailing ship": "sailboat",
    "tall ship": "sailboat",
    "full moon": "moon",
    "crescent moon": "moon",
    "new moon": "night",
    "shooting star": "stars",
    "shooting stars": "stars",
    "northern lights": "aurora",
    "southern lights": "aurora",
    "milky way": "galaxy night",
    "under water": "underwater",
    "under the sea": "underwater",
    "pixel art": "pixel",
    "screen print": "screenprint",
    "oil paint": "oil",
    "oil painting": "oil",
    "line art": "ink",
    "line drawing": "ink",
    "street art": "",
    "christmas tree": "evergreen winter",
    "snow covered": "snowy",
    "cherry blossom": "sakura tree",
    "cherry blossoms": "sakura tree",
    "wind mill": "windmill",
    "light house": "lighthouse",
}

EMOJI = {
    "🦊": "fox",
    "🌙": "moon night",
    "🌛": "moon night",
    "🌕": "moon night",
    "🌊": "sea",
    "🏔": "snowy mountain",
    "⛰": "mountain",
    "🌋": "volcano",
    "🏜": "desert",
    "🏝": "beach",
    "🏖": "beach",
    "🌃": "city night",
    "🌆": "city sunset",
    "🏙": "city",
    "🌅": "sunrise sea",
    "🌄": "sunrise mountain",
    "🌌": "galaxy night",
    "⭐": "stars night",
    "🌟": "stars night",
    "✨": "stars",
    "☀": "sun",
    "🌞": "sun",
    "🌧": "rain",
    "⛈": "thunderstorm",
    "❄": "snow",
    "🗻": "fuji",
    "🤖": "robot",
    "👧": "girl",
    "👦": "boy",
    "👩": "woman",
    "👨": "man",
    "🍒": "cherries",
    "🌳": "tree",
    "🌲": "pine",
    "🍁": "autumn",
}
