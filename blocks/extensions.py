"""Primitives of other packages: classes that a package names in its entry points, in the group `fixpoint.blocks`.

    [project.entry-points."fixpoint.blocks"]
    gate = "my_package.blocks:Gate"

The name of an entry point is the block's key. Names are read from the metadata of installed packages, which costs some
milliseconds, and only where a document has a block that the product does not know; a class is imported when it is used.
"""

from __future__ import annotations

import types
from collections.abc import Container, Mapping
from functools import cache, lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError

from blocks.catalog import primitive
from blocks.errors import FixpointError, RuleError
from blocks.primitive import Cost, Primitive
from blocks.types import Map, Type, Vector

if TYPE_CHECKING:
    from torch import nn

GROUP = "fixpoint.blocks"

_BATCH = 2  # images that a module is tried on

_RULES = "a block is a `Primitive` with `key` and the rules `infer`, `cost` and `build`"
_REPORT = "this is a mistake of that package: report it there"
_ARGUMENTS = "an argument is a bool, int, float, a pair of integers, or a `Literal` of words"


class BlockError(FixpointError):
    """A block of another package that can't be loaded, lacks a rule, or takes a key that is taken."""


def extension(key: str, taken: Container[str] = ()) -> type[Primitive] | None:
    """The installed primitive of this key, or None.

    `taken` are keys that no package may have, beside those of the primitives that ship with the product. Raises
    `BlockError` where the block breaks the contract of `Primitive`, or any package has a key that is taken.
    """
    entry = _checked_entries(taken).get(key)
    return None if entry is None else _load(entry)


def extensions(taken: Container[str] = ()) -> tuple[type[Primitive], ...]:
    """All installed primitives by key. Raises `BlockError` where one breaks the contract of `Primitive`."""
    return tuple(_load(entry) for _, entry in sorted(_checked_entries(taken).items()))


def extension_keys() -> tuple[str, ...]:
    """The keys of all installed primitives; nothing is imported."""
    return tuple(entry.name for entry in _entries())


def is_extension(kind: type[Primitive]) -> bool:
    """Whether a primitive is one of another package."""
    return primitive(kind.key) is not kind


def make_extension(kind: type[Primitive], arguments: Mapping[str, Any]) -> Primitive:
    """A block of another package. Raises pydantic's `ValidationError`, or `RuleError` for whatever its code raises."""
    try:
        return kind(**arguments)
    except (ValidationError, RuleError):
        raise
    except Exception as error:  # the code of others may raise anything
        raise _broken(kind, "fails on these arguments", error) from error


def infer_extension(block: Primitive, inputs: tuple[Type, ...]) -> Type:
    """The type that a block of another package gives. Raises `RuleError`, which names block and package where a rule
    raises something else, or gives what no rule gives. Its cost is asked for here, while its place is known."""
    kind = type(block)
    rule = "infer"
    try:
        found: object = block.infer(inputs)
        if not isinstance(found, Map | Vector):
            raise _broken(kind, f"gives {type(found).__name__} by its rule `infer`, where a `Map` or a `Vector` is due")
        rule = "cost"
        cost: object = block.cost(inputs)
    except RuleError:
        raise
    except Exception as error:  # the code of others may raise anything
        raise _broken(kind, f"fails in its rule `{rule}`", error) from error
    if not isinstance(cost, Cost):
        raise _broken(kind, f"gives {type(cost).__name__} by its rule `cost`, where a `Cost` is due")
    return found


def build_block(block: Primitive, inputs: tuple[Type, ...], address: str) -> nn.Module:
    """The torch module of a block. Raises `BlockError` where that of another package fails, or is another than its
    rules say: the shape that it gives, its parameters or its buffers."""
    if not is_extension(type(block)):
        return block.build(inputs)
    try:
        module = block.build(inputs)
    except Exception as error:  # the code of others may raise anything
        reason = f"fails in its rule `build` at `{address}`: {type(error).__name__}: {error}"
        raise BlockError(f"{_name_of(type(block))} {reason}", help=_REPORT) from error
    if reason := _contradiction(block, inputs):
        raise BlockError(f"{_name_of(type(block))}, at `{address}`: {reason}", help=_REPORT)
    return module


@lru_cache(maxsize=4096)  # a search compiles the same blocks again and again
def _contradiction(block: Primitive, inputs: tuple[Type, ...]) -> str:
    """What a module of this block does other than its rules say, in words; empty where they agree.

    It is tried on torch's meta device, where nothing is computed and nothing drawn, or on the CPU if it can't run
    there.
    """
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        try:
            module, output = _tried(block, inputs, "meta")
        except Exception:  # noqa: BLE001  the code of others may raise anything; it may need numbers
            try:
                module, output = _tried(block, inputs, "cpu")
            except Exception as error:  # noqa: BLE001
                given = " and ".join(_size(type.shape) for type in inputs)
                return f"the module of its rule `build` fails on {given}: {type(error).__name__}: {error}"
    if not isinstance(output, torch.Tensor):
        return f"the module of its rule `build` gives {type(output).__name__}, where a tensor is due"
    declared, found = block.infer(inputs).shape, tuple(output.shape[1:])
    if declared != found or len(output) != _BATCH:
        batch = "" if len(output) == _BATCH else f" for {len(output)} images where {_BATCH} came in"
        return (
            f"its rule `infer` says {_size(declared)}, and the module of its rule `build` gives {_size(found)}{batch}"
        )
    cost = block.cost(inputs)
    weights = {id(parameter): parameter.numel() for parameter in module.parameters()}
    buffers = sum(tensor.numel() for tensor in module.state_dict(keep_vars=True).values() if id(tensor) not in weights)
    for word, said, has in (("parameters", cost.params, sum(weights.values())), ("buffers", cost.buffers, buffers)):
        if said != has:
            return f"its rule `cost` says {said:,} {word}, and the module of its rule `build` has {has:,}"
    return ""


def _tried(block: Primitive, inputs: tuple[Type, ...], device: str) -> tuple[nn.Module, object]:
    """A module of a block, with what it gives for zeros, on a device."""
    import torch

    with torch.device(device):
        module = block.build(inputs).eval()
        return module, module(*(torch.zeros(_BATCH, *type.shape) for type in inputs))


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single number"


def _broken(kind: type[Primitive], what: str, error: Exception | None = None) -> RuleError:
    reason = "" if error is None else f": {type(error).__name__}: {error}"
    return RuleError("foreign-block", f"{_name_of(kind)} {what}{reason}", help=_REPORT)


def _name_of(kind: type[Primitive]) -> str:
    entry = next((entry for entry in _entries() if entry.name == kind.key), None)
    return f"the block `{kind.key}`" if entry is None else _named(entry)


@cache
def _entries() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))


def _checked_entries(taken: Container[str]) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in _entries():
        if primitive(entry.name) is not None or entry.name in taken:
            raise BlockError(f"{_named(entry)} has a key that the product has already", help="rename the block")
        if not entry.name.isidentifier() or not entry.name.isascii() or not entry.name[0].isalpha():
            help = "a key is a letter, then letters, digits and _"
            raise BlockError(f"{_named(entry)} has a key that no step can have", help=help)
        if entry.name in found:
            message = f"{_named(entry)} has the key of {_named(found[entry.name])}"
            raise BlockError(message, help="uninstall one of the packages, or rename its block")
        found[entry.name] = entry
    return found


@cache
def _load(entry: EntryPoint) -> type[Primitive]:
    try:
        found: object = entry.load()
    except Exception as error:  # the code of others may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise BlockError(f"{_named(entry)} can't be loaded: {reason}", help="reinstall the package") from error
    if not isinstance(found, type) or not issubclass(found, Primitive):
        raise BlockError(f"{_named(entry)} is no subclass of `blocks.Primitive`", help=_RULES)
    missing = [f"`{rule}`" for rule in ("infer", "cost", "build") if rule in found.__abstractmethods__]
    if missing:
        message = f"{_named(entry)} has no rule {', '.join(missing)}"
        raise BlockError(message, help=_RULES)
    key = getattr(found, "key", None)
    if key != entry.name:
        message = f"{_named(entry)} has the key `{key}`" if key else f"{_named(entry)} has no `key`"
        raise BlockError(message, help=f'the name of the entry point is the key: key: ClassVar[str] = "{entry.name}"')
    changed = [name for name, value in Primitive.model_config.items() if found.model_config.get(name) != value]
    if changed:
        message = f"{_named(entry)} changes `{changed[0]}` of its `model_config`"
        raise BlockError(message, help="leave `model_config` as `Primitive` has it")
    for name, field in found.model_fields.items():
        if not _is_argument(field.annotation):
            raise BlockError(f"{_named(entry)} has an argument `{name}` that no document can give", help=_ARGUMENTS)
    return found


def _is_argument(annotation: Any) -> bool:
    """Whether a document has a way to write values of this type."""
    match get_origin(annotation):
        case None:
            return annotation in (bool, int, float, type(None))
        case origin if origin is Annotated:
            return _is_argument(get_args(annotation)[0])
        case origin if origin is Literal:
            return all(isinstance(word, str) for word in get_args(annotation))
        case origin if origin is Union or origin is types.UnionType:
            return all(map(_is_argument, get_args(annotation)))
        case origin:
            return origin is tuple and len(get_args(annotation)) == 2


def _named(entry: EntryPoint) -> str:
    package = f" of the package {entry.dist.name}" if entry.dist is not None else ""
    return f"the block `{entry.name}`{package} ({entry.value})"
