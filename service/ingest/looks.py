"""Says of each element of a page whether somebody who looks at it sees its text: the cascade, and what is inherited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import tinycss2
from lxml import html
from tinycss2.ast import Node

from service.ingest import css_values as values
from service.ingest.sheets import Declared, Place, Sheets, attribute_declarations, sheets_of

_FAINTEST = 0.05
_SMALLEST_PIXELS = 2.0
_AWAY_PIXELS = -100.0
# Ten letters or a hundred pixels to the left: what people indent is less. What is drawn up over a picture may stand higher.
_UP_PIXELS = -500.0
_LETTER_AWAY = 10.0
_ROOT_PIXELS = 16.0
_HINTS = {"color": "color", "bgcolor": "background-color"}
_NONE = tuple(tinycss2.parse_component_value_list("none"))
_HIDDEN = Declared("display", _NONE, (True, 0))
_OFFSETS = ("left", "top", "right", "bottom", "inset")
_SIDES = ("width", "height", "max-width", "max-height")
_OF_LETTERS = frozenset({"visibility", "font", "font-size", "color", "-webkit-text-fill-color"})


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How an element looks; of `letters` and `ground` None means a colour that is not known (a picture, a mixture).

    `gone` takes all that is inside with it. The rest is inherited, and what is inside may take it back.
    """

    gone: bool = False
    visible: bool = True
    opacity: float = 1.0
    pixels: float = _ROOT_PIXELS
    colour: values.Colour | None = values.BLACK
    fill: values.Colour | values.Odd | None = values.Odd.AS_LETTERS
    ground: values.Colour | None = (255.0, 255.0, 255.0, 1.0)
    custom: Mapping[str, Sequence[Node]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def unseen(self) -> bool:
        """Whether its own text is seen by nobody."""
        letters = self.colour if isinstance(self.fill, values.Odd) else self.fill
        return self.gone or not self.visible or self.pixels < _SMALLEST_PIXELS or values.blends_in(letters, self.ground)


def looks_of(root: html.HtmlElement) -> Mapping[html.HtmlElement, Look]:
    """The look of each element that is not inside of one that is gone.

    Raises:
        Refused: a sheet is built to overwhelm its reader.
    """
    sheets = sheets_of(root)
    looks: dict[html.HtmlElement, Look] = {}
    known: dict[tuple[Look, tuple[Declared, ...]], Look] = {}
    own: dict[tuple[str, str], tuple[Declared, ...]] = {}
    stack: list[tuple[Place, Look]] = [(Place.from_html_root(root), Look())]
    while stack:
        place, parent = stack.pop()
        said = _said_of(place, sheets, own)
        look = known.get((parent, said))
        if look is None:
            look = known[parent, said] = _look(said, parent)
        looks[place.etree_element] = look
        if not look.gone:
            stack.extend((child, look) for child in place.iter_children())
    return looks


def _said_of(place: Place, sheets: Sheets, own: dict[tuple[str, str], tuple[Declared, ...]]) -> tuple[Declared, ...]:
    """What is said of an element, from the weakest to the strongest: attributes of old, sheets, its own style."""
    element = place.etree_element
    said: list[Declared] = []
    for attribute, name in _HINTS.items():
        if value := element.get(attribute):
            if (attribute, value) not in own:
                own[attribute, value] = (Declared(name, values.old_colour(value), (False, -1)),)
            said.extend(own[attribute, value])
    if sheets.rules:
        said.extend(sheets.declared_for(place))
    if style := element.get("style"):
        if ("style", style) not in own:
            own["style", style] = attribute_declarations(style)
        said.extend(own["style", style])
    is_closed = place.local_name == "dialog" and "open" not in element.attrib
    if is_closed or "hidden" in element.attrib or "popover" in element.attrib:
        said.append(_HIDDEN)
    return tuple(said)


def _look(said: Sequence[Declared], parent: Look) -> Look:
    if not said:
        return parent
    ordered = sorted(said, key=lambda one: one.weight)
    own = {one.name: one.tokens for one in ordered if one.name.startswith("--") and one.may_show}
    look = replace(parent, custom={**parent.custom, **own}) if own else parent
    chosen: dict[str, Sequence[Node]] = {}
    for one in ordered:
        tokens = values.with_custom(one.tokens, look.custom)
        if one.name in _OF_LETTERS:
            changed = _with_letters(look, parent, one.name, tokens)
            look = changed if one.may_show or changed.unseen else look
        elif one.name == "background" and tokens and one.may_show:
            chosen["background-color"], chosen["background-image"] = values.grounds_in(tokens)
        elif values.is_valid(one.name, tokens) and (one.may_show or _can_hide(one.name, tokens)):
            chosen[one.name] = tokens
    ground = values.ground_of(chosen.get("background-color", ()), chosen.get("background-image", ()), parent.ground)
    opacity = parent.opacity * values.share(chosen.get("opacity", ()), 1.0)
    return replace(look, ground=ground, opacity=opacity, gone=opacity <= _FAINTEST or _is_away(chosen))


def _with_letters(look: Look, parent: Look, name: str, tokens: Sequence[Node]) -> Look:
    """A look after one more declaration of what is inherited; one that is no CSS changes nothing."""
    word = values.word(tokens)
    if name == "visibility":
        if word not in values.VISIBILITIES:
            return look
        return replace(look, visible=parent.visible if word in values.TAKEN_OVER else word not in {"hidden", "collapse"})  # fmt: skip
    if name in {"font", "font-size"}:
        size = values.font_pixels(name, tokens, parent.pixels)
        return look if size is None else replace(look, pixels=size)
    if name == "color":
        colour = values.colour_of(tokens, parent.colour)
        return look if isinstance(colour, values.Odd) else replace(look, colour=colour)
    fill = values.Odd.AS_LETTERS if word == "currentcolor" else values.colour_of(tokens, parent.fill)
    return look if fill is values.Odd.NO_COLOUR else replace(look, fill=fill)


def _can_hide(name: str, tokens: Sequence[Node]) -> bool:
    """Whether a declaration can hide with others to help: of those, an uncertain one counts too."""
    if name in {"position", "overflow", "overflow-x", "overflow-y"}:
        return values.word(tokens) not in {"static", "visible"}
    return values.share(tokens, 1.0) <= _FAINTEST or _is_away(
        {"position": _ABSOLUTE, "overflow": _CLIPPED, name: tokens}
    )


_ABSOLUTE = tuple(tinycss2.parse_component_value_list("absolute"))
_CLIPPED = tuple(tinycss2.parse_component_value_list("hidden"))


def _is_away(chosen: Mapping[str, Sequence[Node]]) -> bool:
    """Whether a box is not there, has no room, or stands where nobody looks."""
    words = {name: values.word(tokens) for name, tokens in chosen.items()}
    position = words.get("position", "static")
    is_placed = position in {"absolute", "fixed", "relative", "sticky"}
    cuts = ("clip", "clip-path", "filter") if position in {"absolute", "fixed"} else ("clip-path", "filter")
    is_clipped = any(words.get(name, "visible") != "visible" for name in ("overflow", "overflow-x", "overflow-y"))
    return (
        words.get("display") == "none"
        or words.get("content-visibility") == "hidden"
        or _is_left(chosen, ("text-indent",), 1.0)
        or _is_left(chosen, ("margin-left",), 0.0)
        or _is_above(chosen)
        or (is_placed and _is_left(chosen, _OFFSETS, 1.0))
        or any(values.is_cut_to_nothing(chosen.get(name, ())) for name in cuts)
        or any(values.is_moved_away(name, chosen.get(name, ())) for name in ("transform", "translate", "scale"))
        or (is_clipped and any(values.is_no_room(chosen.get(side, ())) for side in _SIDES))
    )


def _is_above(chosen: Mapping[str, Sequence[Node]]) -> bool:
    """Whether a box is drawn far up; headings that links lead to are, and hold as much room above their text."""
    drawn = min(values.pixels_in(chosen.get("margin-top", ()), _LETTER_AWAY), default=0.0)
    room = max(values.pixels_in(chosen.get("padding-top", ()), _LETTER_AWAY), default=0.0)
    return drawn + room <= _UP_PIXELS


def _is_left(chosen: Mapping[str, Sequence[Node]], names: Sequence[str], percent: float) -> bool:
    """Whether one of these is a long way to the left or up."""
    return any(
        min(values.pixels_in(chosen.get(name, ()), _LETTER_AWAY, percent), default=0.0) <= _AWAY_PIXELS
        for name in names
    )
