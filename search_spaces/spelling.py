"""How the decisions of a space spell the key of a table's row, and which decisions a key spells.

What `key` of a document means is checked here: decisions that there are, a text for every alternative, and that no two
points have one key. The last is exact where every point has all decisions of the key, each once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphs import text as trees
from graphs.document import Document, Key, Param
from graphs.faults import FaultList, Mark, nearest, nearest_word, one_of
from graphs.keys import pieces_of
from graphs.text import Scalar
from search_spaces.decisions import Alternative, Decision

COLUMN = "\0"  # no text of a document has it

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """A decision in the text of a key: its alternatives, and how each is spelled."""

    address: str
    alternatives: tuple[Alternative, ...]
    words: Words


@dataclass(frozen=True, slots=True)
class Spelling:
    """The texts of a key, one of pieces for each column. `is_whole`: every point has all the decisions in it."""

    columns: tuple[tuple[str | Slot, ...], ...]
    absent: str
    is_whole: bool

    @property
    def is_unique(self) -> bool:
        """Whether it is certain that no two points have one key: what a reader refuses, as far as it looks."""
        slots = [piece for column in self.columns for piece in column if isinstance(piece, Slot)]
        each_once = len({slot.address for slot in slots}) == len(slots)
        return self.is_whole and each_once and all(len(set(slot.words)) == len(slot.words) for slot in slots)

    def key(self, decisions: Mapping[str, object]) -> Words:
        """What the decisions of a point spell, a text for each column."""
        return tuple("".join(self._word(piece, decisions) for piece in column) for column in self.columns)

    def _word(self, piece: str | Slot, decisions: Mapping[str, object]) -> str:
        if isinstance(piece, str):
            return piece
        if piece.address not in decisions:
            return self.absent
        return piece.words[piece.alternatives.index(decisions[piece.address])]

    def decode(self, key: Words) -> Iterator[dict[str, Alternative]]:
        """All decisions that spell a key, those that are absent left out; whether they are a point is not looked at."""
        if len(key) != len(self.columns):
            return
        pieces = [piece for column in self.columns for piece in (*column, COLUMN)]
        yield from self._decode(pieces, 0, "".join(word + COLUMN for word in key), {})

    def _decode(
        self, pieces: list[str | Slot], number: int, rest: str, found: dict[str, Alternative]
    ) -> Iterator[dict[str, Alternative]]:
        if number == len(pieces):
            if not rest:
                yield found
            return
        piece = pieces[number]
        if isinstance(piece, str):
            if rest.startswith(piece):
                yield from self._decode(pieces, number + 1, rest[len(piece) :], found)
            return
        for alternative, word in zip(piece.alternatives, piece.words, strict=True):
            if rest.startswith(word) and found.get(piece.address, alternative) == alternative:
                after = {**found, piece.address: alternative}
                yield from self._decode(pieces, number + 1, rest[len(word) :], after)
        if not self.is_whole and piece.address not in found and rest.startswith(self.absent):
            yield from self._decode(pieces, number + 1, rest[len(self.absent) :], found)


def read_spelling(document: Document, decisions: tuple[Decision, ...], faults: FaultList) -> Spelling | None:
    """What the `key` of a document means; None where it has none, or, with faults, one that spells nothing."""
    key = document.key
    if key is None:
        return None
    reader = _Reader(key, document.params, {decision.address: decision for decision in decisions}, faults)
    columns = tuple(tuple(map(reader.piece, pieces_of(column))) for column in key.columns)
    named = reader.named
    open_ = [one.address for one in decisions if sum(map(bool, one.sizes)) > 1 and one.address not in named]
    if open_ and reader.is_sound:
        verb = "is" if len(open_) == 1 else "are"
        message = f"{one_of(open_)} {verb} open and no part of the key: points that differ there have one"
        help = f"add `{{{open_[0]}}}` to it, or give it one value"
        faults.add("missing-key", message, key.word.mark, help=help)
        return None
    reader.refuse_unused()
    if not reader.is_sound:
        return None
    spelling = Spelling(columns, key.absent, not any(_is_conditional(address, decisions) for address in named))
    if spelling.is_whole and (clash := _clash(spelling)):
        message, help = (
            f"two points have one key: {clash}",
            "put between decisions what the table has there",
        )
        faults.add("duplicate-name", message, key.columns[0].mark, help=help)
        return None
    return spelling


def word_of(alternative: Alternative) -> str:
    """An alternative as a text: words and numbers as they are, a pair as in 3x5."""
    match alternative:
        case str():
            return alternative
        case bool():
            return "true" if alternative else "false"
        case None:
            return "null"
        case tuple():
            return "x".join(map(word_of, alternative))
        case _:
            return str(alternative)


class _Reader:
    """Gives addresses their alternatives, and alternatives their texts."""

    def __init__(
        self, key: Key, params: tuple[Param, ...], decisions: Mapping[str, Decision], faults: FaultList
    ) -> None:
        self._decisions = decisions
        self._faults = faults
        self._closed = {f"params.{param.name.text}": param for param in params}
        self._own = {entry.text: tree for entry, tree in key.spell if isinstance(tree, trees.Mapping)}
        self._common = {entry.text: tree for entry, tree in key.spell if isinstance(tree, Scalar)}
        self._key = key
        self._spelled: set[str] = set()
        self._slots: dict[str, Slot | None] = {}
        self.is_sound = True

    @property
    def named(self) -> frozenset[str]:
        """The decisions that the key has."""
        return frozenset(self._slots) & frozenset(self._decisions)

    def piece(self, piece: str | Scalar) -> str | Slot:
        """A part of a column; a parameter that is closed is a text."""
        if isinstance(piece, str):
            return piece
        address = piece.text
        if address not in self._slots:
            self._slots[address] = self._slot(address, piece.mark)
        slot = self._slots[address]
        if slot is None:
            self.is_sound = False
            return ""
        return slot.words[0] if address not in self._decisions else slot

    def refuse_unused(self) -> None:
        """Faults for what `spell` has and the key doesn't: it is misspelled, and something else lacks it."""
        closed = self._slots.keys() - self._decisions.keys()
        known = {word_of(one) for slot in self._slots.values() if slot for one in slot.alternatives}
        for entry, tree in self._key.spell:
            if isinstance(tree, trees.Mapping):
                if entry.text not in self._slots and (self.is_sound or entry.text not in self._decisions):
                    help = nearest(entry.text, self._slots) or f"it has {one_of(self._slots)}"
                    self._refuse("unknown-name", f"the key has no decision `{entry.text}`", entry.mark, help)
            elif entry.text not in self._spelled and not closed and self.is_sound:
                help = nearest(entry.text, known) or f"they have {one_of(known)}"
                message = f"no decision of the key has the alternative `{entry.text}`"
                self._refuse("unknown-name", message, entry.mark, help)

    def _slot(self, address: str, mark: Mark) -> Slot | None:
        decision = self._decisions.get(address)
        alternatives = decision.alternatives if decision else self._value(address)
        if not alternatives:
            help = nearest(address, self._decisions) or f"it has {one_of(self._decisions)}"
            self._refuse("unknown-name", f"the space has no decision `{address}`", mark, help)
            return None
        own = self._own.get(address)
        texts = {entry.text: tree for entry, tree in own} if own is not None else self._common
        names = [word_of(alternative) for alternative in alternatives]
        if own is not None:
            self._refuse_unknown(address, names, own)
        if own is None and not texts.keys() & set(names):
            return Slot(address, alternatives, tuple(names))
        self._spelled |= set(names)
        missing = [name for name in names if name not in texts]
        if missing:
            others = [text for text in texts if text not in names]
            meant = nearest_word(missing[0], others)
            help = f"`{meant}` is no alternative of it" if meant else f"add `{missing[0]}: ...` to `spell`"
            place = self._key.word.mark if own is None else own.mark
            message = f"{one_of(missing)} of `{address}` {'is' if len(missing) == 1 else 'are'} not spelled"
            self._refuse("bad-value", message, place, help)
            return None
        words = tuple(texts[name].text for name in names)  # type: ignore[union-attr]
        for position, word in enumerate(words):
            if word in words[:position]:
                other = names[words.index(word)]
                message = f"`{names[position]}` and `{other}` of `{address}` are both spelled `{word}`"
                self._refuse("duplicate-name", message, texts[names[position]].mark, "spell one of them otherwise")
                return None
        return Slot(address, alternatives, words)

    def _refuse_unknown(self, address: str, names: list[str], own: trees.Mapping) -> None:
        for entry, _ in own:
            if entry.text not in names and address in self._decisions:
                help = nearest(entry.text, names) or f"it has {one_of(names)}"
                self._refuse("unknown-name", f"`{address}` has no alternative `{entry.text}`", entry.mark, help)

    def _value(self, address: str) -> tuple[Alternative, ...]:
        """The value of a parameter of the document that is not open."""
        param = self._closed.get(address)
        tree = param.default if param else None
        if not isinstance(tree, Scalar) or (isinstance(tree.value, str) and param and param.kind != "word"):
            return ()
        return (tree.value,)

    def _refuse(self, slug: str, message: str, mark: Mark, help: str) -> None:
        self._faults.add(slug, message, mark, help=help)
        self.is_sound = False


def _is_conditional(address: str, decisions: tuple[Decision, ...]) -> bool:
    """Whether some points lack a decision: it stands below an alternative, or in a repetition that may not be."""
    for other in decisions:
        above = other.address.removesuffix(".repeat") if other.kind == "repeat" else other.address
        if other.address == address or not address.startswith(f"{above}.") or len(other.alternatives) == 1:
            continue
        if other.kind == "step":
            return True
        if other.kind == "repeat":
            place = address.removeprefix(f"{above}.").partition(".")[0]
            fewest = min(number for number in other.alternatives if isinstance(number, int))
            if fewest == 0 or (place.isdecimal() and int(place) >= fewest):
                return True
    return False


def _clash(spelling: Spelling) -> str:
    """Two points of one key, in words; nothing where there are none.

    Two texts are spelled side by side from the piece where they first differ, the one that is behind going on, until
    they are equal again. Nothing is said of a key in which a decision stands twice.
    """
    pieces = [piece for column in spelling.columns for piece in (*column, COLUMN)]
    addresses = [piece.address for piece in pieces if isinstance(piece, Slot)]
    if len(set(addresses)) < len(addresses):
        return ""
    words = [(piece,) if isinstance(piece, str) else piece.words for piece in pieces]
    for start, piece in enumerate(pieces):
        if isinstance(piece, str):
            continue
        for one in piece.words:
            for other in piece.words:
                if one != other and other.startswith(one) and (found := _rejoin(words, start, one, other)):
                    return _described(pieces, start, *found)
    return ""


def _rejoin(words: list[Words], start: int, one: str, other: str) -> tuple[Words, Words] | None:
    """Two ways to spell one text from a piece on that begin with these words."""
    waiting: deque[tuple[Words, Words, str, bool]] = deque([((one,), (other,), other[len(one) :], False)])
    seen = set()
    while waiting:
        first, second, lead, is_first_ahead = waiting.popleft()
        if not lead and len(first) == len(second):
            return first, second
        moves_first = len(first) < len(second) if not lead else not is_first_ahead
        behind = first if moves_first else second
        at = start + len(behind)
        if at == len(words):
            continue
        for word in words[at]:
            if not (word.startswith(lead) or lead.startswith(word)):
                continue
            longer, shorter = (word, lead) if len(word) >= len(lead) else (lead, word)
            passes = len(word) > len(lead)
            one_way, other_way = ((*first, word), second) if moves_first else (first, (*second, word))
            state = (len(one_way), len(other_way), longer[len(shorter) :], moves_first == passes)
            if state not in seen:
                seen.add(state)
                waiting.append((one_way, other_way, *state[2:]))
    return None


def _described(pieces: list[str | Slot], start: int, one: Words, other: Words) -> str:
    shown = []
    for way in (one, other):
        parts = [
            f"`{piece.address}` {word_of(piece.alternatives[piece.words.index(word)])}"
            for piece, word in zip(pieces[start:], way, strict=False)
            if not isinstance(piece, str)
        ]
        shown.append(", ".join(parts))
    return " is that of ".join(shown)
