"""Verifies receipts of Bailey offline: docs/receipts.md has the format, and verify.py shows what is verified here."""

import hashlib
import json
import re
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LONGEST_LINE = 1 << 24
COLUMNS = ["sequence", "run", "time", "kind", "agent", "lineage", "ancestry", "verdict", "payload", "previous"]
OPTIONAL = ["agent", "verdict"]
MALFORMED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, OSError, struct.error, RecursionError)


class Refused(Exception):
    """Something is not as it was signed."""


def require(condition, why):
    if not condition:
        raise Refused(why)


def members(pairs):
    require(len(pairs) == len({name for name, _ in pairs}), "an object has a name twice")
    return dict(pairs)


def exactly(value, names, optional=()):
    require(set(names) <= set(value) <= {*names, *optional}, f"other members than {', '.join(names)}")


def whole(number):
    require(type(number) is int, "a number that is not a whole one")
    return number


def octets_of(digits, length):
    require(re.fullmatch(f"[0-9a-f]{{{2 * length}}}", digits, re.ASCII), f"not {2 * length} hexadecimal digits")
    return bytes.fromhex(digits)


def column(name, value):
    if value is None:
        return struct.pack(">q", -1)
    octets = struct.pack(">q", value) if type(value) is int else octets_of(value, 32) if name == "previous" else value.encode()
    return struct.pack(">q", len(octets)) + octets


class Receipts:
    """What a receipt holds, verified; until all of it is, nothing that `each` is given of a record and its payload counts."""

    def __init__(self, file, key, each):
        self.key, self.each, self.launched, self.ended = key, each, {}, False
        self.records = self.seals = self.latest = 0
        self.first, self.last, self.digests = 1, 0, [hashlib.sha256(b"bailey audit genesis v1").digest()]
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), 1):
            try:
                self.line(number, line)
            except InvalidSignature:
                raise Refused(f"line {number}: the signature is not that key's over this seal") from None
            except Refused as why:
                raise Refused(f"line {number}: {why}") from None
            except MALFORMED as error:
                raise Refused(f"line {number}: malformed: {type(error).__name__} {error}") from None
        require(self.ended, "the end is missing: it was cut off")
        require(self.records, "no record is in it: it proves nothing")

    def line(self, number, line):
        require(line.endswith(b"\n") and not self.ended, "cut off, too long, or behind the end")
        require(line.startswith(b"{") and line.endswith(b"}\n") and b"\r" not in line, "more than a JSON object")
        value = json.loads(line.decode(), object_pairs_hook=members)
        if number == 1:
            exactly(value, ["format", "publicKey"])
            require(value["format"] == "bailey-receipts-v1", "another format")
            require(value["publicKey"] == self.key.hex(), f"signed by another key, {value['publicKey']}")
        elif list(value) == ["seal"]:
            self.seal(value["seal"])
        elif list(value) == ["record"]:
            self.record(value["record"])
        else:
            exactly(value, ["end"])
            exactly(value["end"], ["records", "seals"])
            counts = (whole(value["end"]["records"]), whole(value["end"]["seals"]))
            require(counts == (self.records, self.seals), "not all of it is here")
            self.ended = True

    def seal(self, seal):
        exactly(seal, ["digests", "first", "last", "signature"])
        first, last, digests = whole(seal["first"]), whole(seal["last"]), [octets_of(digest, 32) for digest in seal["digests"]]
        signed = b"bailey audit seal v1\0" + struct.pack(">qq", first, last) + b"".join(digests)
        Ed25519PublicKey.from_public_bytes(self.key).verify(octets_of(seal["signature"], 64), signed)
        require(0 < len(digests) == last - first + 1, "a malformed seal")
        require(self.last < first, "seals out of order")
        # The digest of the record before the seal's first, where that is known.
        self.before = self.digests[-1] if first == self.last + 1 else None
        self.first, self.last, self.digests, self.seals = first, last, digests, self.seals + 1

    def record(self, record):
        exactly(record, [name for name in COLUMNS if name not in OPTIONAL], OPTIONAL)
        place, _ = whole(record["sequence"]) - self.first, whole(record["time"])
        require(self.latest < record["sequence"] and 0 <= place <= self.last - self.first, "out of order, or under no seal")
        columns = b"".join(column(name, record.get(name)) for name in COLUMNS)
        require(hashlib.sha256(b"bailey audit record v1\0" + columns).digest() == self.digests[place], "not what was signed")
        before = self.digests[place - 1] if place else self.before
        require(before in (None, bytes.fromhex(record["previous"])), "it does not continue the chain")
        payload = json.loads(record["payload"], object_pairs_hook=members)
        require(type(payload) is dict, "a payload that is no object")
        self.chain(record, payload)
        self.latest, self.records = record["sequence"], self.records + 1
        self.each(record, payload)

    def chain(self, record, payload):
        if record["kind"] == "revocation" and "lineage" not in payload:
            return require(("agent" in record, record["run"], record["ancestry"]) == (False, "", ""), "of an agent and of none")
        hops = payload["lineage"]["ancestors"] + [payload["lineage"]["agent"]]
        ids = [hop["agent"] for hop in hops]
        says = (record["agent"], record["run"], record["ancestry"])
        require(says == (ids[-1], ids[-1].split(".")[0], f"/{'/'.join(ids)}/"), "of two agents")
        chain = [payload["lineage"]["principal"]] + [(hop["agent"], hop["profileDigest"]) for hop in hops]
        if record["kind"] == "spawn":
            require(len(ids) == 1 or self.launched.get(ids[-2]) == chain[:-1], "the launch of its parent is not in the receipt")
            require(self.launched.setdefault(ids[-1], chain) is chain, "launched twice")
        else:
            require(self.launched.get(ids[-1]) == chain, "that lineage was not launched in the receipt")
        if record["kind"] == "request":
            self.request(record.get("verdict"), payload, ids)

    def request(self, verdict, payload, ids):
        levels = payload.get("levels", [])
        require([level["agent"] for level in levels] in ([], ids), "levels of other agents")
        require(verdict == payload.get("verdict"), "two verdicts")
        effects = {level["effect"] for level in levels} if verdict == "allow" else set()
        require(effects <= {"allow", "ask"}, "allowed over a denial")
        require("ask" not in effects or payload.get("approval"), "allowed where a level asks, without an approval")
