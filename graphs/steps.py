"""From trees to steps: what a step does, and its reserved keys. Meaning is checked by `graphs.expansion`."""

from __future__ import annotations

from dataclasses import replace

from blocks.catalog import primitive
from graphs.document import Action, Call, Choice, Parallel, Sequential, Share, Step, hole_alternatives
from graphs.faults import FaultList, nearest
from graphs.holes import check_hole, check_value, check_weight, refuse_hole
from graphs.text import Mapping, Scalar, Sequence, Tree
from graphs.tree_checks import NO_ENTRIES, is_name, read_mapping

GROUPS = ("sequential", "parallel", "choice", "share")
JOINS = ("concat", "add")
STEP_KEYS = ("name", "from", "repeat", "first", "when", "unused", "join", "prior", "decide")
DECIDES = ("each", "once")
MAX_EACH = 256


class StepReader:
    """Reads bodies; `holes` says whether values and steps may be left open.

    A step that is at fault stays, broken, so that the steps after it are not at fault as well.
    """

    def __init__(self, faults: FaultList, *, holes: bool) -> None:
        self._faults = faults
        self._holes = holes

    def body(self, tree: Tree | None, what: str) -> tuple[Step, ...]:
        """The steps of a list; none where there is nothing."""
        if tree is None or (isinstance(tree, Scalar) and tree.value is None):
            return ()
        if not isinstance(tree, Sequence):
            self._faults.add("wrong-shape", f"{what} is a list of steps", tree.mark, help="begin each step with `- `")
            return (broken_step(tree),)
        return tuple(map(self._step, tree.items))

    def _step(self, tree: Tree) -> Step:
        if not isinstance(tree, Mapping):
            self._refuse_no_map(tree)
            return broken_step(tree)
        blocks = [(key, value) for key, value in tree if key.text not in STEP_KEYS]
        name = self._name(tree.get("name"))
        if len(blocks) != 1:
            self._refuse_blocks(tree, blocks)
            return broken_step(blocks[0][0] if blocks else tree, name, written=tree)
        key, value = blocks[0]
        action = self._action(key, value, tree.get("join"))
        before = len(self._faults.faults)
        action = self._with_prior(action, tree)
        join, when, unused = tree.key("join"), tree.get("when"), tree.get("unused")
        if join is not None and key.text not in ("parallel", "choice") and not _misspelled_group(key, value):
            help = "give `add` or `concat` its inputs by `from: [a, b]`"
            self._faults.add("unknown-key", "`join` goes with `parallel`", join.mark, help=help)
        if when is not None and not (isinstance(when, Scalar) and when.value is not None):
            self._faults.add("wrong-shape", "`when` is an expression", when.mark, help="when: stride > 1")
        if unused is not None and not (isinstance(unused, Scalar) and unused.value == "ok"):
            self._faults.add("bad-value", "`unused` says ok, or is left out", unused.mark, help="unused: ok")
        sources = self._sources(tree.get("from"))
        repeat = self._repeat(tree.get("repeat"))
        each = self._each(tree)
        first = self._first(tree, key)
        if action is None or len(self._faults.faults) > before:
            return broken_step(key, name, action, sources, written=tree)
        assert when is None or isinstance(when, Scalar)
        named = tree.get("name")
        words = frozenset[str]() if name is not None or named is None else _words(named)
        return Step(
            action, key.mark, name, sources, repeat, first, when, unused is not None, possible_names=words, each=each
        )

    def _refuse_no_map(self, tree: Tree) -> None:
        if isinstance(tree, Sequence):
            help = "`- sequential: [...]` groups steps"
            self._faults.add("wrong-shape", "a step is a map, not a list", tree.mark, help=help)
            return
        assert isinstance(tree, Scalar)
        block, colon, _ = tree.text.partition(":")
        if colon:
            help = f"a space after the colon: `- {block}: ...`"
        else:
            help = f"`- {block}: {{}}`" if isinstance(tree.value, str) else "`- conv: {out_channels: 16}`"
        self._faults.add("wrong-shape", "a step is a map with a block as its key", tree.mark, help=help)

    def _refuse_blocks(self, tree: Mapping, blocks: list[tuple[Scalar, Tree]]) -> None:
        """A step with no block, or with several: a misspelled key, an argument in the wrong place, or two steps."""
        if not blocks:
            help = "add one, as in `conv: {out_channels: 16}`"
            self._faults.add("missing-key", "a step needs a block", tree.mark, help=help)
            return
        misspelled = [key for key, _ in blocks if nearest(key.text, STEP_KEYS)]
        if 0 < len(misspelled) < len(blocks):
            for key in misspelled:
                help = nearest(key.text, STEP_KEYS)
                self._faults.add("unknown-key", f"a step has no key `{key.text}`", key.mark, help=help)
            return
        empty = [key for key, value in blocks if isinstance(value, Scalar) and value.value is None]
        if empty == [blocks[0][0]] and all(not isinstance(value, Mapping) for _, value in blocks):
            for key, _ in blocks[1:]:
                owner = empty[0].text
                help = f"indent it further, or write {owner}: {{{key.text}: ...}}, if it belongs to `{owner}`"
                self._faults.add("unknown-key", f"a step has no key `{key.text}`", key.mark, help=help)
            return
        plain = [key for key, value in blocks if not isinstance(value, Mapping) and key.text not in GROUPS]
        others = [(key, value) for key, value in blocks if key not in plain]
        if plain and len(others) == 1:
            block, inside = others[0]
            for key in plain:
                if block.text == "share":
                    target = f"`{inside.text}` does" if isinstance(inside, Scalar) else "the other step does"
                    help = f"`share` does what {target}, arguments and all: leave `{key.text}` out"
                elif block.text in GROUPS:
                    help = f"`{block.text}` takes no arguments: give `{key.text}` to a step inside"
                else:
                    help = f"if it belongs to `{block.text}`, write it there: {block.text}: {{{key.text}: ...}}"
                self._faults.add("unknown-key", f"a step has no key `{key.text}`", key.mark, help=help)
            return
        names = " and ".join(f"`{key.text}`" for key, _ in blocks)
        message = f"a step has one block, this one has {names}"
        self._faults.add("wrong-shape", message, blocks[1][0].mark, help="make two steps of it")

    def _action(self, key: Scalar, value: Tree, join: Tree | None) -> Action | None:
        match key.text:
            case "sequential":
                return Sequential(key, self.body(value, "`sequential`"))
            case "parallel":
                return self._parallel(key, value, join)
            case "choice":
                return self._choice(key, value, join)
            case "share":
                return self._share(key, value)
        if meant := _misspelled_group(key, value):
            self._faults.add("unknown-key", f"a step has no key `{key.text}`", key.mark, help=meant)
            return None
        if isinstance(value, Scalar) and value.value is None:
            value = Mapping((), key.mark)
        if not isinstance(value, Mapping):
            shown = value.text if isinstance(value, Scalar) else "..."
            kind = primitive(key.text)
            taken = kind.model_fields if kind else {}
            needed = [name for name, info in taken.items() if info.is_required() or len(taken) == 1]
            help = f"name the argument: {key.text}: {{{needed[0] if len(needed) == 1 else '...'}: {shown}}}"
            self._faults.add("wrong-shape", f"`{key.text}` takes a map of arguments", value.mark, help=help)
            return None
        for name, argument in value:
            check_value(name.text, argument, self._faults, holes=self._holes)
        return Call(key, value)

    def _with_prior(self, action: Action | None, step: Mapping) -> Action | None:
        """A choice with the weights of its alternatives."""
        prior, key = step.get("prior"), step.key("prior")
        if prior is None or key is None or action is None:
            return action
        if not isinstance(action, Choice):
            help = "beside a choice of steps, or inside a choice of values: {choice: [3, 5], prior: [2, 1]}"
            self._faults.add("unknown-key", "`prior` goes with `choice`", key.mark, help=help)
            return action
        names = [name.text for name, _ in action.alternatives]
        weights = read_mapping(prior, "`prior`", names, self._faults, help=f"prior: {{{names[0]}: 2}}")
        for _, weight in weights or NO_ENTRIES:
            check_weight(weight, self._faults)
        return replace(action, prior=weights)

    def _share(self, key: Scalar, value: Tree) -> Action | None:
        if isinstance(value, Scalar) and isinstance(value.value, str):
            return Share(key, value)
        self._faults.add("wrong-shape", "`share` is the name of a step", value.mark, help="share: stem")
        return None

    def _parallel(self, key: Scalar, value: Tree, join: Tree | None) -> Action | None:
        help = "parallel: {a: [...], b: [...]}"
        branches = read_mapping(value, "`parallel`", None, self._faults, help)
        if branches is None:
            return None
        if len(branches.entries) < 2:
            self._faults.add("wrong-shape", "`parallel` has two or more named branches", value.mark, help=help)
            return None
        if not isinstance(join, Scalar) or join.text not in JOINS:
            if join is None:
                message, place = "`parallel` needs a `join`", key.mark
                self._faults.add("missing-key", message, place, help="write `join: concat` or `join: add` beside it")
            else:
                word = join.text if isinstance(join, Scalar) else ""
                help = nearest(word, JOINS) or "join: concat, or join: add"
                self._faults.add("bad-value", "branches are joined by `concat` or `add`", join.mark, help=help)
            return None
        bodies = []
        for name, body in branches:
            if not is_name(name, "a branch", self._faults, module=True):
                continue
            if name.text == join.text:
                message = f"a branch can't be called `{name.text}` like the join"
                self._faults.add("duplicate-name", message, name.mark, help="take another name")
            bodies.append((name, self.body(body, f"the branch `{name.text}`")))
        return Parallel(key, tuple(bodies), join) if len(bodies) == len(branches.entries) else None

    def _choice(self, key: Scalar, value: Tree, join: Tree | None) -> Action | None:
        if not self._holes:
            refuse_hole(key.mark, self._faults)
            return None
        help = "choice: {a: {conv: {...}}, b: [...]}"
        alternatives = read_mapping(value, "`choice`", None, self._faults, help)
        if alternatives is None:
            return None
        found: list[tuple[Scalar, Action]] = []
        for name, tree in alternatives:
            if not is_name(name, "an alternative", self._faults):
                continue
            if isinstance(tree, Sequence):
                found.append((name, Sequential(name, self.body(tree, f"the alternative `{name.text}`"))))
            elif isinstance(tree, Mapping) and len(tree.entries) == 1:
                action = self._action(*tree.entries[0], join)
                if action is not None:
                    found.append((name, action))
            else:
                message = f"the alternative `{name.text}` is one block or a list of steps"
                self._faults.add("wrong-shape", message, tree.mark, help=f"{name.text}: {{conv: {{...}}}}")
        if not alternatives.entries:
            self._faults.add("wrong-shape", "a choice needs alternatives", key.mark, help=help)
        return Choice(key, tuple(found)) if found else None

    def _name(self, tree: Tree | None) -> Scalar | None:
        if tree is None:
            return None
        if not isinstance(tree, Scalar):
            self._faults.add("wrong-shape", "`name` is a word", tree.mark, help="name: stem")
            return None
        return tree if is_name(tree, "a step", self._faults, module=True) else None

    def _sources(self, tree: Tree | None) -> tuple[Scalar | Mapping, ...] | None:
        if tree is None:
            return None
        items = tree.items if isinstance(tree, Sequence) else (tree,)
        sources: list[Scalar | Mapping] = []
        for item in items:
            if isinstance(item, Mapping) and item.get("choice") is not None:
                names = check_hole(item, self._faults, holes=self._holes)
                if not names:
                    return None
                if all(isinstance(name, Scalar) and isinstance(name.value, str) for name in names):
                    sources.append(item)
            elif isinstance(item, Scalar) and isinstance(item.value, str):
                sources.append(item)
        if not items or len(sources) < len(items):
            message = "`from` is the name of a step, or a list of names"
            self._faults.add("wrong-shape", message, tree.mark, help="from: [main, skip]")
            return None
        return tuple(sources)

    def _repeat(self, tree: Tree | None) -> Tree | None:
        if isinstance(tree, Sequence):
            self._faults.add("wrong-shape", "`repeat` is a number", tree.mark, help="repeat: 3")
            return None
        if tree is not None:
            check_value("repeat", tree, self._faults, holes=self._holes)
        return tree

    def _each(self, step: Mapping) -> bool:
        """Whether a step decides anew at each repetition; their number is then a number, or a hole."""
        tree, repeat = step.key("decide"), step.get("repeat")
        each = decides(step.get("decide"), "a repeated step", default="once", faults=self._faults) == "each"
        if tree is not None and repeat is None:
            self._faults.add("unknown-key", "`decide` goes with `repeat`", tree.mark, help="repeat: {range: [1, 3]}")
        for count in (hole_alternatives(repeat) or (repeat,)) if each else ():
            value = count.value if isinstance(count, Scalar) else None
            if repeat is not None and (type(value) is not int or not 0 <= value <= MAX_EACH):
                message = (
                    f"a step that decides at each repetition is repeated 0 to {MAX_EACH} times, by a number or a choice"
                )
                self._faults.add("wrong-shape", message, repeat.mark, help="repeat: 3, or repeat: {range: [1, 3]}")
                break
        return each

    def _first(self, step: Mapping, block: Scalar) -> Mapping | None:
        tree, key = step.get("first"), step.key("first")
        if tree is None or key is None:
            return None
        if step.get("repeat") is None:
            self._faults.add("unknown-key", "`first` goes with `repeat`", key.mark, help="repeat: 3")
        if block.text in ("sequential", "parallel", "share"):
            message = f"`first` changes the arguments of a block, and `{block.text}` has none"
            self._faults.add("unknown-key", message, key.mark, help="make a block of it, under `blocks`")
            return None
        mapping = read_mapping(tree, "`first`", None, self._faults, help="first: {stride: 2}")
        for name, value in mapping or NO_ENTRIES:
            check_value(name.text, value, self._faults, holes=self._holes)
        return mapping


def decides(tree: Tree | None, what: str, *, default: str, faults: FaultList) -> str:
    """What `decide` says, each or once; a fault where it says anything else."""
    if tree is None:
        return default
    word = tree.text if isinstance(tree, Scalar) else ""
    if word not in DECIDES:
        help = nearest(word, DECIDES) or "decide: once"
        faults.add("bad-value", f"{what} decides `each` time anew, or `once`", tree.mark, help=help)
    return word


def broken_step(
    tree: Tree,
    name: Scalar | None = None,
    action: Action | None = None,
    sources: tuple[Scalar | Mapping, ...] | None = None,
    *,
    written: Tree | None = None,
) -> Step:
    """What stays of a step at fault: its name, or, where that can't be read, the words of what is `written`; what it
    does and what it reads, as far as that is known."""
    key = tree if isinstance(tree, Scalar) else Scalar("step", tree.mark)
    possible_names = frozenset() if name is not None else _words(written or tree)
    action = action or Call(key, Mapping((), tree.mark))
    return Step(action, tree.mark, name, sources, broken=True, possible_names=possible_names)


def _misspelled_group(key: Scalar, value: Tree) -> str:
    """`did you mean ...?` where a key is near to one of a group, and its value holds steps, as no block's does."""
    if primitive(key.text) is not None:
        return ""
    if isinstance(value, Sequence):
        return nearest(key.text, ("sequential",)) if any(isinstance(item, Mapping) for item in value.items) else ""
    inside = [tree for _, tree in value] if isinstance(value, Mapping) else []
    holds_steps = any(
        any(isinstance(item, Mapping) for item in tree.items)
        if isinstance(tree, Sequence)
        else isinstance(tree, Mapping) and hole_alternatives(tree) is None
        for tree in inside
    )
    return nearest(key.text, ("parallel", "choice")) if holds_steps else ""


def _words(tree: Tree) -> frozenset[str]:
    """All words of a tree, its keys included."""
    found: set[str] = set()
    todo = [tree]
    while todo:
        match todo.pop():
            case Scalar() as scalar:
                found.add(scalar.text)
            case Sequence(items=items):
                todo += items
            case Mapping(entries=entries):
                found.update(key.text for key, _ in entries)
                todo += [value for _, value in entries]
    return frozenset(found)
