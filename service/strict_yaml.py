"""YAML as people mean it: keys once, no aliases.

Events come from libyaml where PyYAML carries it (every wheel does) and are composed here: reading a deployment was two thirds of what
a start of the service cost apart from imports. What is no YAML the two tell in words of their own; values and refusals are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING or not yaml.__with_libyaml__:

    class _SafeLoader(yaml.SafeLoader):
        """PyYAML's own reader."""

else:

    class _SafeLoader(yaml.composer.Composer, yaml.CSafeLoader):
        """libyaml's events, composed in Python, where a node can be refused."""

        def __init__(self, stream: str) -> None:
            yaml.CSafeLoader.__init__(self, stream)
            yaml.composer.Composer.__init__(self)


class UniqueKeys(_SafeLoader):
    """Refuses what YAML allows and people do not mean: a key given twice, and aliases."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping in which no key stands twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a plain word", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """A node that is no alias: a few hundred bytes of those can unfold to gigabytes."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs give this one no types
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed", event.start_mark)
        return super().compose_node(parent, index)
