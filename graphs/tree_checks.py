"""Checks of located values that many parts of a document share: maps with known keys, texts, names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from graphs.faults import FaultList, nearest, one_of
from graphs.text import Mapping, Scalar, Sequence, Tree

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
KEYWORDS = ("in", "and", "or", "not")
# What a compiled network has under these names already: a submodule would hide it, or be hidden by it.
_OF_MODULES = """
    T_destination add_module apply architecture bfloat16 buffers call_super_init children compile cpu cuda
    double dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule
    half ipu load_state_dict modules mtia named_buffers named_children named_modules named_parameters
    parameters refold register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
    register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory source state_dict
    to to_empty train training type xpu zero_grad
"""
MODULE_WORDS = frozenset(_OF_MODULES.split())
NO_ENTRIES: tuple[tuple[Scalar, Tree], ...] = ()


def read_mapping(
    tree: Tree | None, what: str, keys: Iterable[str] | None, faults: FaultList, help: str = ""
) -> Mapping | None:
    """The tree as a map with no other keys than these; None, with a fault, where it isn't a map."""
    if tree is None:
        return None
    if not isinstance(tree, Mapping):
        faults.add("wrong-shape", f"{what} is a map of keys and values", tree.mark, help=help)
        return None
    allowed = None if keys is None else tuple(keys)
    for key, _ in tree:
        if allowed is not None and key.text not in allowed:
            near = nearest(key.text, allowed) or f"it takes {one_of(allowed)}"
            faults.add("unknown-key", f"{what} has no key `{key.text}`", key.mark, help=near)
    return tree


def read_text(mapping: Mapping, key: str, faults: FaultList, default: str) -> str:
    """The text under a key, or the default where the key is missing or at fault."""
    tree = mapping.get(key)
    if tree is None:
        return default
    if not isinstance(tree, Scalar):
        faults.add("wrong-shape", f"`{key}` is a text", tree.mark, help=f"{key}: ...")
        return default
    return tree.text


def read_conditions(tree: Tree | None, faults: FaultList) -> tuple[Scalar, ...]:
    """The conditions of a `where`: expressions, one or a list of them."""
    if tree is None:
        return ()
    items = tree.items if isinstance(tree, Sequence) else (tree,)
    found = tuple(item for item in items if isinstance(item, Scalar) and isinstance(item.value, str))
    if not items or len(found) < len(items):
        message, help = "`where` is a list of conditions", 'where: ["width % groups == 0"]'
        faults.add("wrong-shape", message, tree.mark, help=help)
    return found


def is_name(word: Scalar, what: str, faults: FaultList, *, module: bool = False) -> bool:
    """Whether a word can be the name of `what`; a fault where not. `module`: a torch module will have this name."""
    text = word.text
    if not isinstance(word.value, str) or not NAME.fullmatch(text):
        help = "a name is a letter, then letters, digits and _, at most 64"
    elif text in KEYWORDS:
        help = f"`{text}` is a word of the language: take another name"
    elif module and text in MODULE_WORDS:
        help = f"every torch module has a `{text}` of its own: take another name"
    else:
        return True
    faults.add("bad-value", f"`{text}` is no name for {what}", word.mark, help=help)
    return False


def is_value(name: str, tree: Tree, faults: FaultList) -> bool:
    """Whether a tree is a value or a pair of values, not a map; a fault where it isn't."""
    for part in (tree, *(tree.items if isinstance(tree, Sequence) else ())):
        if isinstance(part, Mapping) and (part.key("choice") or part.key("range")):
            help = "leave a parameter of the document open, and write its name here"
            faults.add("wrong-shape", f"`{name}` can't be a choice here", part.mark, help=help)
            return False
    if isinstance(tree, Mapping):
        faults.add("wrong-shape", f"`{name}` is a value, not a map", tree.mark, help=f"{name}: 3")
        return False
    if isinstance(tree, Sequence) and not all(isinstance(item, Scalar) for item in tree.items):
        faults.add("wrong-shape", f"`{name}` is a value or a pair of values", tree.mark, help=f"{name}: [3, 3]")
        return False
    return True
