"""Changes one input a little, by chance from a seed: the JSON in it as a tree, the rest as bytes.

A fuzzer that only turns bytes over rarely gets past a JSON parser. Here a field goes, comes, moves, is doubled or wrapped, or a value becomes
another one, with what no float, integer or stack holds among them. What an input may be made of (names of fields, words) is learnt from the
corpus of its target.
"""

import json
import random
from collections.abc import Callable, Iterable

MARK = "mark_%04dq"
"""A text that can be told from every other, so that a check can look for it elsewhere."""
SPECIAL = (
    "[" * 3000 + "]" * 3000,
    '{"a":' * 2000 + "1" + "}" * 2000,
    "[" * 400 + "]" * 400,
    "1" + "0" * 400,
    "1e999",
    "-1e999",
    "1e-999",
    "18446744073709551616",
    "9223372036854775808",
    "-9223372036854775809",
    "9007199254740993",
    '"\\ud800"',
    '"\\u0000"',
    '"\\r\\n\\r\\n"',
    '"data: [DONE]\\n\\n"',
    "NaN",
    "0.1",
    "-0",
    "true",
    "false",
    "null",
    '""',
    "[]",
    "{}",
    '"' + "x" * 5000 + '"',
    '"' + "é" * 300 + '"',
)
"""JSON that readers stumble over, and some that is none."""
BYTES = (
    b"\r",
    b"\n",
    b"\r\n",
    b"\n\n",
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b":",
    b" ",
    b"\t",
    b"0",
    b"-1",
    b"{",
    b"}",
    b'"',
    b"\\",
    b"data: ",
)
Tree = object


class Mutator:
    """Gives neighbours of an input. The same seed and input give the same neighbour."""

    def __init__(self, corpus: Iterable[bytes]) -> None:
        """Learn names and texts from `corpus`."""
        names, texts = set(), set()
        for data in corpus:
            for _, text in _json_lines(data):
                for key, value in _leaves(_parsed(text)):
                    names.add(key)
                    if isinstance(value, str) and 0 < len(value) < 40:
                        texts.add(value)
        self._names = sorted(names) or ["type"]
        self._texts = sorted(texts) or ["text"]

    def mutate(self, data: bytes, most: int, seed: int, fallback: Callable[[bytes, int], bytes] | None = None) -> bytes:
        """A neighbour of at most `most` bytes. `fallback` may change bytes in place of the mutations here."""
        chance = random.Random(seed)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            lines = _json_lines(data)
            if lines and chance.random() < 0.8:
                data = self._spoilt_line(data, *chance.choice(lines), chance)
            elif fallback is not None and chance.random() < 0.6:
                data = bytes(fallback(data, most))
            else:
                data = self._spoilt_bytes(data, chance)
        return data[:most]

    def _spoilt_line(self, data: bytes, at: int, text: bytes, chance: random.Random) -> bytes:
        tree = _parsed(text)
        raw: dict[str, str] = {}
        holder = [tree]
        self._spoil(holder, chance, raw)
        style = None if b'": ' in text else (",", ":")  # as its writer writes: nobody writes in two ways within one stream
        written = json.dumps(holder[0], ensure_ascii=chance.random() < 0.3, separators=style)
        for stand_in, special in raw.items():
            written = written.replace(f'"{stand_in}"', special)
        return data[:at] + written.encode("utf-8", "surrogatepass") + data[at + len(text) :]

    def _spoil(self, holder: list[Tree], chance: random.Random, raw: dict[str, str]) -> None:
        places = _places(holder)
        container, key = chance.choice(places)
        value = container[key]
        how = chance.randrange(11)
        if how == 0 and container is not holder:
            del container[key]
        elif how == 1 and isinstance(value, dict):
            value[chance.choice(self._names)] = self._value(chance, raw, holder)
        elif how == 2 and isinstance(value, list):
            value.insert(chance.randint(0, len(value)), self._value(chance, raw, holder))
        elif how == 3 and isinstance(value, list) and value:
            value.append(value[chance.randrange(len(value))])
        elif how == 4:
            container[key] = [value] if chance.random() < 0.5 else {chance.choice(self._names): value}
        elif how == 5 and isinstance(value, list | dict) and value:
            container[key] = value[0] if isinstance(value, list) else next(iter(value.values()))
        elif how == 6 and isinstance(container, dict):
            container[chance.choice(self._names)] = container.pop(key)
        elif how == 7 and isinstance(value, list):
            chance.shuffle(value)
        elif how == 8 and isinstance(value, dict) and value:  # a key once more, which no tree can hold
            stand_in = f"@{len(raw)}{chance.randrange(1 << 30)}@"
            raw[stand_in] = json.dumps(chance.choice(list(value)))
            value[stand_in] = self._value(chance, raw, holder)
        else:
            container[key] = self._value(chance, raw, holder)

    def _value(self, chance: random.Random, raw: dict[str, str], holder: list[Tree]) -> Tree:
        how = chance.randrange(6)
        if how == 0:
            stand_in = f"@{len(raw)}{chance.randrange(1 << 30)}@"
            raw[stand_in] = chance.choice(SPECIAL)
            return stand_in
        if how == 1:
            return chance.choice((None, True, False, 0, 1, -1, 1.5, 2**31, 1000, "", [], {}))
        if how == 2:
            return MARK % chance.randrange(10_000)
        if how == 3:
            container, key = chance.choice(_places(holder))
            return json.loads(json.dumps(container[key]))
        if how == 4:
            return {chance.choice(self._names): chance.choice(self._texts)}
        return chance.choice(self._texts)

    def _spoilt_bytes(self, data: bytes, chance: random.Random) -> bytes:
        at = chance.randint(0, len(data))
        end = min(len(data), at + chance.choice((0, 1, 1, 2, 5, 40)))
        how = chance.randrange(5)
        if how == 0:
            return data[:at] + data[end:]
        if how == 1:
            return data[:at] + chance.choice(BYTES) + data[end:]
        if how == 2:
            return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        if how == 3:
            return data[:end] + data[at:end] * chance.choice((1, 2, 30)) + data[end:]
        return data[:at] + chance.choice(BYTES) + data[at:]


def _json_lines(data: bytes) -> list[tuple[int, bytes]]:
    """The JSON in each line, and where it begins."""
    found, at = [], 0
    for line in data.split(b"\n"):
        starts = [place for place in (line.find(b"{"), line.find(b"[")) if place >= 0]
        if starts and len(line) < 200_000 and _parsed(line[min(starts) :]) is not None:
            found.append((at + min(starts), line[min(starts) :]))
        at += len(line) + 1
    return found


def _parsed(text: bytes) -> Tree | None:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _places(holder: list[Tree]) -> list[tuple[dict | list, object]]:
    found: list[tuple[dict | list, object]] = []
    waiting: list[Tree] = [holder]
    while waiting:
        part = waiting.pop()
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            found.append((part, key))
            if isinstance(value, dict | list) and len(found) < 5000:
                waiting.append(value)
    return found


def _leaves(tree: Tree | None) -> list[tuple[str, Tree]]:
    holder: list[Tree] = [tree]
    return [(key, container[key]) for container, key in _places(holder) if isinstance(key, str)]
