"""What people type who come from other libraries, and how it goes here."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from itertools import takewhile

_SEVERAL = "one call makes one; call it once for each, or give agent.generate_many a list."
_LOOK = "say in the prompt how it is to look."
_SAVE = 'save it afterwards: (await job).save("fox.png").'
_KEY = (
    "set the variable that mt.keys() names, or give it to a client, such as "
    "agent=mt.ImageGenAgent(mt.FalImageClient(api_key=…))."
)
_ADDRESS = (
    "give it to a client, such as "
    "agent=mt.ImageGenAgent(mt.OpenAICompatibleImageClient(base_url=…))."
)
# For each: a keyword of ours, and a hint where `use keyword=` is not enough. The first keyword that
# the model takes counts; an empty one fits every model.
_KEYWORDS: dict[str, tuple[tuple[str, str], ...]] = {
    "width height w h": (
        ("size", "give both as size=(width, height), such as size=(800, 600)."),
        ("resolution", 'give aspect="16:9" and resolution="720p".'),
    ),
    "size dimensions": (
        ("size", ""),
        ("resolution", 'give aspect="16:9" and resolution="720p".'),
    ),
    "resolution": (("size", 'give size="1K", or pixels: size=(800, 600).'),),
    "n count num_images num_images_per_prompt number_of_images batch_size samples": (
        ("", _SEVERAL),
    ),
    "style style_preset preset": (("", _LOOK),),
    "negative_prompt negative": (("", "say in the prompt what is to be there instead."),),
    "steps num_inference_steps guidance_scale cfg_scale cfg strength sampler scheduler quality": (
        ("", "the model decides that; leave it out."),
    ),
    "format output_format response_format file_format": (
        ("", "the ending of the file decides: (await job).save(name)."),
    ),
    "output out path out_path output_path filename file file_name save save_to": (("", _SAVE),),
    "image images init_image input_image reference reference_image source": (
        ("references", "give pictures to start from as references=[picture]."),
        ("image", "give the first picture as image=picture."),
    ),
    "first_frame start_image start_frame": (("image", ""),),
    "last_frame end_image end_frame": (("last", ""),),
    "ratio shape": (("aspect", ""),),
    "duration length num_seconds": (("seconds", ""),),
    "audio sound speech voice voiceover script": (
        ("voice", ""),
        ("narration", ""),
    ),
    "speaker voice_id voice_name": (("voice", ""),),
    "rate pace tempo": (("speed", ""),),
    "emotion tone mood instructions": (("style", ""), ("", _LOOK)),
    "lang locale": (("language", ""),),
    "use_cache cached caching cache_mode": (("", "use cache=True."),),
    "no_cache refresh force regenerate": (("", 'use cache="refresh".'),),
    "rollout_id epoch variant variation attempt": (
        ("", "use take=2, take=3 … for other results of one request."),
    ),
    "budget max_cost max_price spending_limit": (
        ("", "set mt.budget.limit, or start it within `with mt.budget.cap(2.00):`."),
    ),
    "api_key key token": (("", _KEY),),
    "base_url url host endpoint server api_base": (("", _ADDRESS),),
    "engine provider vendor backend": (("", 'choose by model=, such as model="local/painter".'),),
}
_NAMES = {
    "generate create make": "mt.image, mt.speech or mt.video",
    "images picture pictures img draw paint create_image generate_image make_image txt2img "
    "text_to_image text2image imagine ImageGenerator": "mt.image",
    "tts text_to_speech text2speech txt2speech say speak voice audio sound generate_speech "
    "create_speech generate_audio": "mt.speech",
    "videos animate generate_video create_video text_to_video txt2video clip": "mt.video",
    "movie slideshow make_film create_film": "mt.film",
    "display show_images image_grid make_image_grid plot imshow": "mt.show",
    "combinations product sweep": "mt.grid",
    "history library files": "mt.Gallery()",
    "ui app form": "mt.Studio()",
    "cancel cancel_all stop": "mt.jobs.cancel_all()",
    "cost costs price pricing estimate estimate_cost": "mt.quote",
    "limit spend spent spending spending_limit set_budget set_limit max_cost": "mt.budget.limit",
    "cap": "mt.budget.cap",
    "list_models available_models get_models providers vendors capabilities": "mt.models",
    "clear_cache cache_clear": "mt.cache.clear()",
    "set_cache enable_cache use_cache": "mt.cache.default = True",
    "Agent Client ImageAgent ImageClient": "mt.ImageGenAgent",
    "SpeechAgent SpeechGenAgent VoiceGenAgent": "mt.VoiceAgent",
    "VideoAgent FilmAgent": "mt.VideoGenAgent",
    "voices list_voices get_voices": "mt.models",
    "api_key set_api_key set_key api_keys login auth": "mt.keys",
}
KINDS = {
    word: kind
    for words, kind in (
        ("picture pictures photo img drawing", "image"),
        ("audio voice sound tts", "speech"),
        ("film films movie clip animation", "video"),
    )
    for word in words.split()
}
"""Other words for the kinds of media."""

_WAYS = {word: ways for words, ways in _KEYWORDS.items() for word in words.split()}
_WAY_OF_NAME = {word: way for words, way in _NAMES.items() for word in words.split()}


def keyword_hint(name: str, known: Collection[str]) -> str:
    """Say what to write in place of the keyword *name*, where *known* are those that are taken."""
    for keyword, hint in _WAYS.get(name, ()):
        if not keyword or keyword in known:
            return hint or f"use {keyword}=."
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}=?" if near else f"it takes {', '.join(known)}."


def name_hint(name: str, known: Iterable[str]) -> str:
    """Say what to write in place of `mt.name`, where *known* are the names that there are."""
    by_fold = {each.casefold(): each for each in known}
    if name in _WAY_OF_NAME:
        return f"use {_WAY_OF_NAME[name]}."
    near = get_close_matches(name.casefold(), by_fold, n=5)
    # Of the near ones, that of the same vendor: not GeminiSpeechClient for OpenAISpeechClient.
    best = max(near, key=lambda each: _shared(each, name.casefold()), default="")
    return f"did you mean mt.{by_fold[best]}?" if best else "help(mt) says what there is."


def _shared(one: str, other: str) -> int:
    """With how many of the same characters both begin."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
