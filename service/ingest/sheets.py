"""Reads the style sheets of a page: which declarations, of those that can hide a text, hold for which elements.

tinycss2 takes sheets apart and cssselect2 finds their elements; both as a browser on a desk does, with the page's own sheets only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import tinycss2
from cssselect2 import ElementWrapper, Matcher, SelectorError, compile_selector_list
from lxml import html
from tinycss2.ast import Node

from service.ingest.media import holds
from service.ingest.refusals import Refused

READ = frozenset(
    {
        "background", "background-color", "background-image", "bottom", "clip", "clip-path", "color", "content-visibility", "display",
        "filter", "font", "font-size", "height", "inset", "left", "margin-left", "margin-top", "max-height", "max-width", "opacity", "overflow",
        "overflow-x", "overflow-y", "padding-top", "position", "right", "scale", "text-indent", "top", "transform", "translate", "visibility",
        "-webkit-text-fill-color", "width",
    }
)  # fmt: skip
"""Properties that can hide a text, or show it again; beside them custom ones (`--name`) are read."""
_UNLAYERED = 1_000_000
_DEEPEST = 30
_LONGEST_SELECTOR = 20_000
_NO_SELECTOR = (SelectorError, ArithmeticError, AttributeError, NotImplementedError, SyntaxError, TypeError, ValueError)
"""What the library says of a selector that is none; of some (`a|`, `:has()`) by errors of its own."""
_GROUPS = frozenset({"media", "supports", "container", "layer", "scope"})


@dataclass(frozen=True, slots=True, eq=False)
class Declared:
    """One declaration: the tokens of its value without white space and comments, and what it weighs beside others.

    `may_show` is False below a condition that nobody here can judge: such a declaration may hide a text, and never shows one again.
    """

    name: str
    tokens: tuple[Node, ...]
    weight: tuple[bool, int] = (False, _UNLAYERED)
    may_show: bool = True


class Place(ElementWrapper):  # type: ignore[misc]
    """An element as selectors see it; with any number of siblings (the library's own way goes as deep as there are siblings before it)."""

    @property
    def previous_siblings(self) -> Iterator[Place]:
        """The siblings before it, nearest first."""
        at = self.previous
        while at is not None:
            yield at
            at = at.previous


@dataclass(frozen=True, slots=True)
class _Within:
    """Where a rule stands: the selectors around it, the layer, and whether the conditions around it can be judged."""

    around: str | None = None
    layer: str = ""
    may_show: bool = True
    depth: int = 0


@dataclass(slots=True)
class Sheets:
    """The rules of a page's sheets."""

    matcher: Matcher = field(default_factory=Matcher)
    rules: int = 0
    _layers: dict[str, int] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """Take in one sheet.

        Raises:
            Refused: rules are nested too deep, or made of selectors without end.
        """
        self._take(tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True), _Within())

    def declared_for(self, place: Place) -> Iterator[Declared]:
        """What the rules say of an element, the most specific last."""
        for _specificity, _order, _pseudo, declared in self.matcher.match(place):
            yield from declared

    def _take(self, nodes: Iterable[Node], within: _Within) -> None:
        for node in nodes:
            if node.type == "qualified-rule":
                self._take_rule(node, within)
            elif node.type == "at-rule":
                self._take_group(node, within)

    def _take_rule(self, rule: Node, within: _Within) -> None:
        selector = _inside(tinycss2.serialize(rule.prelude), within.around)
        self._take_block(rule.content, selector, within)

    def _take_block(self, content: Sequence[Node], selector: str, within: _Within) -> None:
        if within.depth >= _DEEPEST:
            raise Refused("too_deep", f"rules of a style sheet nested more than {_DEEPEST} deep")
        nodes = tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True)
        layer = self._layers[within.layer] if within.layer else _UNLAYERED
        if declared := tuple(declarations(nodes, layer, may_show=within.may_show)):
            self._hold(selector, declared)
        deeper = _Within(selector, within.layer, within.may_show, within.depth + 1)
        self._take((node for node in nodes if node.type in {"qualified-rule", "at-rule"}), deeper)

    def _take_group(self, node: Node, within: _Within) -> None:
        name = node.lower_at_keyword
        if name == "layer" and node.content is None:
            for one in tinycss2.serialize(node.prelude).split(","):
                self._layer(f"{within.layer}.{one.strip()}")
        holding = holds(node.prelude) if name == "media" else name == "layer" or None
        if name not in _GROUPS or node.content is None or holding is False:
            return
        around, layer = within.around, within.layer
        if name == "layer":
            layer = f"{layer}.{tinycss2.serialize(node.prelude).strip() or len(self._layers)}"
            self._layer(layer)
        elif name == "scope":
            scope = tinycss2.serialize(node.prelude).partition(" to ")[0].strip()
            around = scope[1:-1] if scope.startswith("(") and scope.endswith(")") else around
        inside = _Within(around, layer, within.may_show and bool(holding), within.depth + 1)
        if around is not None and name != "scope":
            self._take_block(node.content, around, inside)
        elif inside.depth >= _DEEPEST:
            raise Refused("too_deep", f"rules of a style sheet nested more than {_DEEPEST} deep")
        else:
            self._take(tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True), inside)

    def _layer(self, name: str) -> None:
        self._layers.setdefault(name, len(self._layers))

    def _hold(self, selector: str, declared: tuple[Declared, ...]) -> None:
        # A selector that is no CSS, or that no element of a page at rest meets, voids its rule; so browsers do.
        try:
            compiled = compile_selector_list(selector)
        except _NO_SELECTOR:
            return
        for one in compiled:
            if one.pseudo_element is None:
                self.rules += 1
                self.matcher.add_selector(one, declared)


def sheets_of(root: html.HtmlElement) -> Sheets:
    """The sheets that stand in a page and hold on a screen."""
    sheets = Sheets()
    for element in root.iter("style"):
        is_css = (element.get("type") or "text/css").strip().lower() == "text/css"
        is_live = next(element.iterancestors("noscript", "template", "svg"), None) is None
        media = tinycss2.parse_component_value_list(element.get("media") or "")
        if is_css and is_live and holds(media) is not False:
            sheets.add(element.text or "")
    return sheets


def declarations(nodes: Iterable[Node], layer: int = _UNLAYERED, *, may_show: bool = True) -> Iterator[Declared]:
    """Those of a block's declarations that are read."""
    for node in nodes:
        if node.type == "declaration" and (node.lower_name in READ or node.name.startswith("--")):
            tokens = tuple(token for token in node.value if token.type not in {"whitespace", "comment"})
            # What is important weighs the other way round: that of an early layer most.
            weight = (True, -layer) if node.important else (False, layer)
            name = node.name if node.name.startswith("--") else node.lower_name
            yield Declared(name, tokens, weight, may_show)


def attribute_declarations(style: str) -> tuple[Declared, ...]:
    """What an element's own `style` says; it weighs more than any sheet."""
    nodes = tinycss2.parse_blocks_contents(style, skip_comments=True, skip_whitespace=True)
    return tuple(declarations(nodes, _UNLAYERED + 1))


def _inside(selector: str, around: str | None) -> str:
    """A nested rule's selectors with those around it written out (`&`, or before each of them)."""
    if around is None:
        return selector
    parent = f":is({around})"
    if "&" in selector:
        made = selector.replace("&", parent)
    else:
        made = ",".join(f"{parent} {one.strip()}" for one in _split(selector))
    if len(made) > _LONGEST_SELECTOR:
        raise Refused("too_deep", "nested rules of a style sheet make selectors without end")
    return made


def _split(selector: str) -> list[str]:
    parts: list[list[Node]] = [[]]
    for token in tinycss2.parse_component_value_list(selector):
        if token.type == "literal" and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return [tinycss2.serialize(part) for part in parts]
