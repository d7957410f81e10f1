"""Reading a Merkle Patricia trie through some of its nodes (Ethereum yellow paper, appendices B and D). Strict: one spelling for each node."""

from __future__ import annotations

from typing import Any, Sequence, Union

from .._codec import from_hex, keccak, words

Item = Union[bytes, list[Any]]
_EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
_MAX_DEPTH = 16


class ProofError(ValueError):
    """A proof that does not prove what it should."""


def decode_rlp(data: bytes) -> Item:
    try:
        item, end = _decode(data, 0, 0)
    except IndexError as error:
        raise ProofError("RLP is truncated") from error
    if end != len(data):
        raise ProofError("RLP has trailing bytes")
    return item


def _decode(data: bytes, at: int, depth: int) -> tuple[Item, int]:
    if depth > _MAX_DEPTH:
        raise ProofError("RLP is nested too deep")
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    is_list = first >= 0xC0
    short = first - (0xC0 if is_list else 0x80)
    start, length = at + 1, short
    if short > 55:
        size = short - 55
        prefix = data[start : start + size]
        if len(prefix) != size or prefix[0] == 0:
            raise ProofError("an RLP length is spelt in an unusual way")
        length = int.from_bytes(prefix, "big")
        if length < 56:
            raise ProofError("an RLP length is spelt in an unusual way")
        start += size
    end = start + length
    if end > len(data):
        raise ProofError("RLP is truncated")
    if not is_list:
        if length == 1 and data[start] < 0x80:
            raise ProofError("an RLP byte is spelt in an unusual way")
        return data[start:end], end
    items: list[Any] = []
    while start < end:
        item, start = _decode(data[:end], start, depth + 1)
        items.append(item)
    return items, end


def encode_rlp(item: Item) -> bytes:
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _prefix(len(item), 0x80) + item
    body = b"".join(encode_rlp(child) for child in item)
    return _prefix(len(body), 0xC0) + body


def _prefix(length: int, base: int) -> bytes:
    if length < 56:
        return bytes([base + length])
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([base + 55 + len(size)]) + size


class State:
    """Storage of contracts below a state root, from nodes in ascending order of their hash, each of which must be needed."""

    def __init__(self, root: bytes, nodes: Sequence[bytes]) -> None:
        hashes = [keccak(node) for node in nodes]
        if any(a >= b for a, b in zip(hashes, hashes[1:])):
            raise ProofError("the nodes of the state proof are not in order, each once")
        self._nodes = dict(zip(hashes, nodes))
        self._used: set[bytes] = set()
        self._root = root
        self._storage: dict[str, bytes | None] = {}

    @property
    def all_used(self) -> bool:
        return len(self._used) == len(self._nodes)

    def slot(self, contract: str, slot: bytes) -> int:
        """Zero where it is proved that nothing is stored. Raises `ProofError`."""
        if contract not in self._storage:
            account = self._read(self._root, keccak(from_hex(contract)))
            self._storage[contract] = None if account is None else _storage_root(account)
        root = self._storage[contract]
        value = None if root is None else self._read(root, keccak(slot))
        if value is None:
            return 0
        word = decode_rlp(value)
        if not isinstance(word, bytes) or not 0 < len(word) <= 32 or word[0] == 0:
            raise ProofError("a stored word is malformed")
        return int.from_bytes(word, "big")

    def _node(self, digest: bytes) -> bytes:
        node = self._nodes.get(digest)
        if node is None:
            raise ProofError("a node of the state proof is missing")
        self._used.add(digest)
        return node

    def _read(self, root: bytes, key: bytes) -> bytes | None:
        if root == _EMPTY_ROOT:
            return None
        path = _nibbles(key)
        node = _check(decode_rlp(self._node(root)))
        depth = 0
        while True:
            if len(node) == 17:
                if depth >= len(path) or node[16] != b"":
                    raise ProofError("a branch of the state proof is malformed")
                child = self._child(node[path[depth]])
                depth += 1
                if child is None:
                    return None
                node = child
                continue
            nibbles, leaf = _path(node[0])
            matches = path[depth : depth + len(nibbles)] == nibbles
            if leaf:
                if depth + len(nibbles) != len(path) or not isinstance(node[1], bytes) or node[1] == b"":
                    raise ProofError("a leaf of the state proof is malformed")
                return node[1] if matches else None
            if not nibbles or depth + len(nibbles) >= len(path):
                raise ProofError("an extension of the state proof is malformed")
            if not matches:
                return None
            depth += len(nibbles)
            child = self._child(node[1])
            if child is None or len(child) != 17:
                raise ProofError("an extension of the state proof does not lead to a branch")
            node = child

    def _child(self, reference: Item) -> list[Any] | None:
        if isinstance(reference, bytes):
            if reference == b"":
                return None
            if len(reference) != 32:
                raise ProofError("a reference in the state proof is malformed")
            node = self._node(reference)
            if len(node) < 32:
                raise ProofError("a node of the state proof stands apart though it is short")
            return _check(decode_rlp(node))
        if len(encode_rlp(reference)) >= 32:
            raise ProofError("a node of the state proof is embedded though it is long")
        return _check(reference)


def slot_of(slot: int, keys: Sequence["int | bytes | str"], word: int) -> bytes:
    """Nested mappings as Solidity lays them out."""
    base = words([slot])
    for key in keys:
        base = keccak(words([key]) + base)
    return words([(int.from_bytes(base, "big") + word) % 2**256])


def _storage_root(account: bytes) -> bytes:
    fields = decode_rlp(account)
    if isinstance(fields, bytes) or len(fields) != 4 or not isinstance(fields[2], bytes) or len(fields[2]) != 32:
        raise ProofError("an account in the state proof is malformed")
    return fields[2]


def _check(item: Item) -> list[Any]:
    if isinstance(item, bytes) or len(item) not in (2, 17):
        raise ProofError("a node of the state proof has the wrong number of items")
    return item


def _path(encoded: Item) -> tuple[list[int], bool]:
    if not isinstance(encoded, bytes) or not 0 < len(encoded) <= 33:
        raise ProofError("a path in the state proof is malformed")
    nibbles = _nibbles(encoded)
    flag, odd = nibbles[0], nibbles[0] & 1
    if flag > 3 or (not odd and nibbles[1] != 0):
        raise ProofError("a path in the state proof is malformed")
    return nibbles[1 if odd else 2 :], flag >= 2


def _nibbles(data: bytes) -> list[int]:
    return [nibble for byte in data for nibble in (byte >> 4, byte & 15)]
