"""The words and patterns that are refused, as data, and how plain words are held against them."""

import re
from collections.abc import Iterable
from enum import StrEnum
from itertools import pairwise

from rekindle.rules.screening.plain import OWNER, PlainWords, plain


class Refusal(StrEnum):
    """Why no picture is made."""

    UNDRESSING = "undressing"
    FACE_SWAP = "face_swap"
    MINORS = "minors"


_HARMLESS = (
    # What is naked, nude or a sex here is no person.
    r"naked (?:eyes?|flames?|lights?|(?:light ?)?bulbs?|truth|mole|gun|trees?|branch(?:es)?|twigs?"
    r"|rocks?|ambition|steel|singularit(?:y|ies))",
    r"nude (?:colou?r(?:s|ed)?|tones?|toned|shades?|palettes?|pinks?|beiges?|lipsticks?|heels"
    r"|pumps|shoes?|nails?|polish|make ?up|tights|stockings|gloss)",
    r"(?:same|opposite|either|both|third) sex(?:es)?",
    r"sex (?:of|and the city|education|ratio)",
    r"no (?:clothes|clothing) (?:on|hang\w*) (?:the|a|any) (?:\w+ )?(?:line|rack|hangers?|pegs?)",
    r"(?:ojo desnudo|occhio nudo|oeil nu)",
)

_WORDS = (
    r"undress?\w*|unclothe[ds]?|unclothing|disrob(?:e[ds]?|ing)|nudif\w*|nude[sr]?|nudity|nudists?"
    r"|naked\w*|topless|bottomless|shirtless girls?|nipples?|genitals?|genitalia|penis|vagina"
    r"|porn\w*|hentai|nsfw|xxx|deep ?nudes?|blow ?jobs?|cum ?shots?|gang ?bang|upskirt"
    r"|nackte?[nrsm]?|entkleide\w*|desnud\w*|deshabill\w*|spogliat?[aeio]\w*|naakte?|uitkleden"
    r"|getting undressed|in the nude|birthday suit|bare breasts?|bare breasted|exposed breasts?"
)
_CLOTHES = (
    r"(?:cloth(?:es|ing)|dress(?:es)?|skirts?|blouses?|shirts?|trousers|pants|jeans|underwear"
    r"|underpants|panties|bras?|bikinis?|swimsuits?|lingerie|garments?|outfits?|robes?|gowns?"
    r"|attire|apparel)"
)
_NO_PLACE = r"(?!on|in|at|to|from|of|by|near|over|under|with|and|or|onto|around|before|behind)"
_FEW = rf"(?:all of )?(?:{_NO_PLACE}\w+ ){{0,4}}"
_THINGS = r"(?! (?:lines?|hangers?|racks?|pegs?|pins?|stains?|wrinkles?|creases?|spots?|marks?))"
_UNDRESSING = (
    rf"(?:{_WORDS})",
    rf"(?:remov(?:e|es|ed|ing)|tak(?:e|es|ing) off|took off|(?:pull|tear|rip|peel)(?:s|ing|ed)? off"
    rf"|get(?:s|ting)? rid of|eras(?:e|es|ed|ing)|delet(?:e|es|ed|ing)) {_FEW}{_CLOTHES}{_THINGS}",
    rf"(?:tak(?:e|es|ing)|took|get(?:s|ting)?|pull(?:s|ing)?|rip|tear) {_FEW}{_CLOTHES} off",
    rf"(?:without|no|zero|sans|minus) (?:(?:her|his|their|any|the|wearing|all|my) ){{0,2}}"
    rf"(?:cloth(?:es|ing)|garments?|underwear|panties|bra){_THINGS}",
    r"wear(?:s|ing)? nothing",
    r"nothing on(?! (?:the|a|an|his|her|its|their|it|top|either|earth|display|view))",
    rf"(?:see(?:s|ing)?|look(?:s|ing)?|x ?ray)(?: \w+){{0,2}} through (?:\w+ ){{0,2}}{_CLOTHES}",
    rf"strip(?:s|ped|ping)?(?: (?:off|down))? (?:naked|her|him|them|{OWNER})(?! (?:of|from))",
    r"strip(?:s|ped|ping)?(?: (?:off|down))? the (?:woman|man|girl|boy|person|lady|people|subject)",
    rf"strip(?:s|ped|ping)? (?:off|down|out of) {_FEW}{_CLOTHES}",
)

_FACE = r"(?:faces?|heads?)"
_BODY = r"(?:bod(?:y|ies)|torsos?)(?! of water)"
_PUTTING = (
    r"(?:put|past|stick|stuck|plac|graft|superimpos|transplant|morph|mapp?|attach|blend|insert"
    r"|cop(?:y|i)|mov|transfer|mount|add)(?:e|es|s|ed|d|ing|ting|ped|ping)?"
)
_SOMEBODYS = rf"(?:my|your|her|his|their|our|{OWNER}|this|that|another|someone|somebody)"
_REST = (
    r"(?! (?:\w+ ){0,3}(?:shoulders?|pillows?|chests?|hands?|laps?|knees?|arms?|windows?|glass"
    r"|tables?|desks?|grass|ground|bed|sand|stone)\b)"
)
_SOMEBODYS_OWN = rf"{_SOMEBODYS} (?:{_NO_PLACE}\w+ ){{0,2}}"
_EXCHANGING = r"(?:replac|chang|substitut)(?:e|es|ed|ing)"
_FOUR = r"(?:\w+ ){0,4}"
_FACE_SWAP = (
    r"face ?swap\w*|head ?swap\w*|swap ?faces?|deep ?fak\w*|face ?replace\w*",
    rf"(?:swap|swapp(?:ed|ing)|exchang(?:e|ed|ing)) {_FEW}{_FACE}",
    rf"{_PUTTING} {_FEW}{_SOMEBODYS_OWN}faces? (?:on|onto|upon|over)\b{_REST}",
    rf"{_PUTTING} (?:\w+ ){{0,6}}{_FACE} {_FOUR}(?:on|onto|upon|over|to) {_FOUR}{_BODY}",
    rf"{_FACE} (?:on|onto|upon) {_FOUR}{_BODY}",
    rf"{_EXCHANGING} {_FEW}{_SOMEBODYS_OWN}{_FACE} (?:with|by|for)",
    rf"{_EXCHANGING} (?:the )?faces? {_FOUR}(?:with|by) (?:\w+ ){{0,3}}"
    rf"(?:{_SOMEBODYS}|faces?)",
    rf"{_BODY} (?:\w+ ){{0,5}}with (?:the )?{_FACE} of",
)

_MINORS = (
    r"child(?:ren|s|hood|ish|like)?|kids?|minors?|toddlers?|bab(?:y|ies)|infants?|teens?"
    r"|teenage(?:r|rs|d)?|pre ?teens?|under ?age(?:d)?|school ?(?:girl|boy)s?|girls?|boys?"
    r"|daughters?|sons?|nieces?|nephews?|pupils?|adolescents?|juveniles?|lolitas?"
    r"|(?:1[0-7]|[1-9]) ?(?:yo|y o|yrs?|years?)(?: ?olds?)?"
    r"|(?:aged?) (?:1[0-7]|[1-9])"
    r"|(?:five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen)"
    r" years? olds?"
)
_SEXUAL = (
    r"sex|sexy|sexual(?:ly|ity)?|sexuali[sz]e\w*|erotic\w*|seductive\w*|sensual\w*|lingerie|nudes?"
    r"|naked\w*|topless|orgasm\w*|fetish\w*|provocative\w*|intercourse|molest\w*|grop(?:e|ed|ing)"
    r"|horny|kinky|bdsm|aroused|arousing|thongs?|porn\w*|undress\w*|nsfw|hentai"
)
_MINORS_ALONE = (
    r"loli|lolicon|shota|shotacon|child ?porn\w*|kiddie ?porn\w*|p(?:a)?edophil\w*|jailbait"
)

_STRONG = ("undress", "naked", "nudify", "deepfake", "faceswap", "topless", "deepnude", "nudes")
"""Words that are looked for in runs of letters, in halves, and behind a mask."""
_PAIRED = re.compile(r"undress(?:ed|es|ing)?|naked|nudify|deepfakes?|faceswaps?|topless|deepnudes?")


def _whole(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(f'(?:{each})' for each in patterns)})\b")


_SET_ASIDE = _whole(_HARMLESS)
_MINOR_WORDS, _SEXUAL_WORDS = _whole([_MINORS]), _whole([_SEXUAL])
_RULES = (
    (Refusal.MINORS, _whole([_MINORS_ALONE])),
    (Refusal.FACE_SWAP, _whole(_FACE_SWAP)),
    (Refusal.UNDRESSING, _whole(_UNDRESSING)),
)


def refusal(prompt: str) -> Refusal | None:
    """Why no picture may be made of a prompt; None when it may.

    Args:
        prompt: as it was written; a request's texts together.
    """
    words = plain(prompt)
    texts = [_SET_ASIDE.sub(" ", text) for text in words.texts]
    if any(_MINOR_WORDS.search(text) and _SEXUAL_WORDS.search(text) for text in texts):
        return Refusal.MINORS
    for kind, pattern in _RULES:
        if any(pattern.search(text) for text in texts):
            return kind
    return _disguised(words, texts)


def _disguised(words: PlainWords, texts: Iterable[str]) -> Refusal | None:
    """Strong words in letters set apart, cut in halves, or with a letter masked."""
    halves = {one + other for text in texts for one, other in pairwise(text.split())}
    found = [word for word in _STRONG if any(word in run for run in words.runs)]
    found += [half for half in halves if _PAIRED.fullmatch(half)]
    found += [word for word in _STRONG for mask in words.masked if re.fullmatch(mask, word)]
    if not found:
        return None
    is_face = any(word.startswith(("deepfake", "faceswap")) for word in found)
    return Refusal.FACE_SWAP if is_face else Refusal.UNDRESSING
