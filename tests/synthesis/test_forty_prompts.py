"""What people ask for on their first day: the list of what is not drawn, and a sheet to look at.

The sheet is kept as `.shots/forty-prompts.jpg`: a person has to judge whether each picture and its
list agree.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mediatoolkit.synthesis.painting.painter import Painting, paint

SHEET = Path(__file__).parents[2] / ".shots" / "forty-prompts.jpg"
COLUMNS, CELL, CAPTION = 8, 320, 64

PROMPTS = {
    "a woman drinking coffee in a cafe": "drinking, cafe",
    "two children playing football in a park": "playing, football",
    "a portrait of an old man with glasses": "old, glasses",
    "a plate of spaghetti with tomato sauce": "plate, sauce",
    "a birthday cake with candles": "",
    "the Eiffel Tower at night": "Eiffel",
    "a modern glass office building": "modern, glass",
    "abstract blue and orange shapes": "shapes",
    "a minimalist logo for a coffee shop": "minimalist, logo, shop",
    "a bar chart of sales by month": "sales, month",
    "a line chart going up": "line, chart, going",
    "product photo of a white sneaker on a grey background": "product, photo, sneaker",
    "a cartoon cat wearing a hat": "cartoon, wearing, hat",
    "a sign that says OPEN": "",
    'a poster with the text "Hello World"': "",
    "a cat on a chair": "",
    "a dog under a table": "",
    "a red car next to a blue house": "",
    "three apples in a bowl": "",
    "a robot teaching a class of students": "teaching, class, students",
    "a neural network with three layers": "neural, network, three, layers",
    "two people shaking hands in an office": "shaking, hands, in",
    'a light bulb with the word "IDEA"': "",
    "a penguin sitting on a laptop": "sitting",
    "a rocket launching from a laptop, flat vector illustration": "launching",
    "three green bottles on a wall": "three, green, bottles",
    "a python snake coding on a computer": "python, coding",
    "a piggy bank and a stack of coins": "piggy bank, stack",
    "a group of penguins on an iceberg, photorealistic": "iceberg, photorealistic",
    "a cup of tea and five cookies on a blue table": "",
    "a bicycle leaning against a red brick wall": "leaning, against, brick",
    'a city skyline at dusk with the title "Quarterly Review"': "",
    "a cat chasing a mouse under a table": "chasing",
    "a busy team celebrating success": "busy, team, celebrating, success",
    "a robot and a human playing chess": "human, playing, chess",
    "a dog in a boat on a river": "river",
    "an astronaut riding a horse on the moon": "",
    "a woman in a red dress walking her dog in the rain": "walking",
    "a tree behind two houses by a lake": "",
    "a small blue bird on a big yellow umbrella": "",
}


def test_each_prompt_is_drawn_or_listed() -> None:
    paintings = {text: paint(text, width=512, height=512, seed=1) for text in PROMPTS}
    SHEET.parent.mkdir(exist_ok=True)
    contact_sheet(paintings).save(SHEET, quality=88)
    assert {text: ", ".join(made.not_drawn) for text, made in paintings.items()} == PROMPTS
    assert all(np.ptp(made.pixels) > 90 for made in paintings.values())


def contact_sheet(paintings: dict[str, Painting]) -> Image.Image:
    rows = -(-len(paintings) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * CELL, rows * (CELL + CAPTION)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for index, (text, painting) in enumerate(paintings.items()):
        row, column = divmod(index, COLUMNS)
        left, top = column * CELL, row * (CELL + CAPTION)
        picture = Image.fromarray(painting.pixels).resize((CELL - 6, CELL - 6))
        sheet.paste(picture, (left + 3, top))
        draw.text((left + 4, top + CELL - 4), text[:46], "black", font)
        draw.text((left + 4, top + CELL + 11), text[46:], "black", font)
        missing = ", ".join(painting.not_drawn)
        draw.text((left + 4, top + CELL + 28), f"not drawn: {missing}" * bool(missing), "red", font)
    return sheet
