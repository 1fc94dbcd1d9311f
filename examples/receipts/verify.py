#!/usr/bin/env python3
"""Verifies receipts of Bailey offline, and shows what they prove: docs/receipts.md.

    verify.py --key HEX FILE     FILE is what `bailey audit export --receipts` wrote, or - for standard input

HEX is the public key of whoever ran Bailey (`bailey audit verify` prints it), from them by another way than FILE. Ends
with 0 when every record is under their signature and continues the launches before it; else with 1, and shows nothing
but the reason; with 2 when it was called wrongly. Needs Python 3.9 and `cryptography`.
"""

import argparse
import datetime
import hashlib
import itertools
import json
import os
import re
import shlex
import struct
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LONGEST_LINE = 1 << 24
COLUMNS = ["sequence", "run", "time", "kind", "agent", "lineage", "ancestry", "verdict", "payload", "previous"]
OPTIONAL = ["agent", "verdict"]
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, OSError, struct.error, RecursionError)


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


def shown(text):
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in str(text))


def column(name, value):
    if value is None:
        return struct.pack(">q", -1)
    octets = struct.pack(">q", value) if type(value) is int else octets_of(value, 32) if name == "previous" else value.encode()
    return struct.pack(">q", len(octets)) + octets


def digest_of(record):
    columns = [column(name, record.get(name)) for name in COLUMNS]
    return hashlib.sha256(b"bailey audit record v1\0" + b"".join(columns)).digest()


class Receipts:
    def __init__(self, key):
        self.key = Ed25519PublicKey.from_public_bytes(key)
        self.first, self.last, self.digests = 1, 0, [hashlib.sha256(b"bailey audit genesis v1").digest()]
        self.sequence = self.records = self.seals = 0
        self.launched, self.offline, self.lines = {}, set(), []

    def seal(self, seal):
        exactly(seal, ["digests", "first", "last", "signature"])
        first, last, digests = whole(seal["first"]), whole(seal["last"]), [octets_of(digest, 32) for digest in seal["digests"]]
        self.key.verify(
            octets_of(seal["signature"], 64),
            b"bailey audit seal v1\0" + struct.pack(">qq", first, last) + b"".join(digests),
        )
        require(0 < len(digests) == last - first + 1, "a malformed seal")
        require(self.last < first, "seals out of order")
        # The digest of the record before the seal's first, where that is known.
        self.before = self.digests[-1] if first == self.last + 1 else None
        self.first, self.last, self.digests, self.seals = first, last, digests, self.seals + 1

    def record(self, record):
        exactly(record, [name for name in COLUMNS if name not in OPTIONAL], OPTIONAL)
        sequence, place = whole(record["sequence"]), record["sequence"] - self.first
        require(self.sequence < sequence and 0 <= place <= self.last - self.first, "out of order, or under no seal")
        require(digest_of(record) == self.digests[place], "not what was signed")
        before = self.digests[place - 1] if place else self.before
        require(before in (None, bytes.fromhex(record["previous"])), "it does not continue the chain")
        self.sequence, self.records = sequence, self.records + 1
        entry = json.loads(record["payload"], object_pairs_hook=members)
        time = datetime.datetime.fromtimestamp(record["time"] / 1000, datetime.timezone.utc)
        if record["kind"] == "revocation":
            what = "lifts the revocation of" if entry["isLifted"] else "revokes"
            whom = f"agent {record['agent']}" if "lineage" in entry else entry["principal"]
            why = f": {entry['reason']}" if "reason" in entry else ""
            self.show(f"{sequence} {time} {entry['by']['subject']} {what} {whom}{why}")
            if "lineage" not in entry:
                return require(("agent" in record, record["run"], record["ancestry"]) == (False, "", ""), "of an agent and of none")
        lineage = entry["lineage"]
        hops = lineage["ancestors"] + [lineage["agent"]]
        ids = [hop["agent"] for hop in hops]
        says = (record["agent"], record["run"], record["ancestry"])
        require(says == (ids[-1], ids[-1].split(".")[0], f"/{'/'.join(ids)}/"), "of two agents")
        chain = [lineage["principal"]] + [(hop["agent"], hop["profileDigest"]) for hop in hops]
        if record["kind"] == "spawn":
            require(len(ids) == 1 or self.launched.get(ids[-2]) == chain[:-1], "the launch of its parent is not in the receipt")
            require(self.launched.setdefault(ids[-1], chain) is chain, "launched twice")
            by = f"agent {ids[-2]}" if ids[1:] else f"{lineage['principal']['subject']}, who starts the chain,"
            self.show(f"{sequence} {time} {by} launches agent {ids[-1]} ({hops[-1]['name']}): {shlex.join(entry['argv'])}")
            self.show(f"    profile {hops[-1]['profile']} sha256 {hops[-1]['profileDigest']}")
            self.show(f"    program {entry['program']} sha256 {entry.get('programDigest', 'unknown')}")
            if "approval" in entry:
                self.show(f"    question {entry['approval']}, approved")
            if "replayed" in entry:
                self.offline.add(ids[-1])
                self.show(f"    offline: answered from session {entry['replayed']}, nothing that it asks for goes out")
        else:
            require(self.launched.get(ids[-1]) == chain, "that lineage was not launched in the receipt")
            head = f"{sequence} {time} agent {ids[-1]}" + (" (offline)" if ids[-1] in self.offline else "")
            if record["kind"] == "request":
                self.request(record, entry, ids, head)
            elif record["kind"] != "revocation":
                self.show(f"{head} {record['kind']}")

    def request(self, record, entry, ids, head):
        levels, verdict = entry.get("levels", []), record.get("verdict")
        require([level["agent"] for level in levels] in ([], ids), "levels of other agents")
        require(verdict == entry.get("verdict"), "two verdicts")
        effects = {level["effect"] for level in levels} if verdict == "allow" else set()
        require(effects <= {"allow", "ask"}, "allowed over a denial")
        require("ask" not in effects or entry.get("approval"), "allowed where a level asks, without an approval")
        self.show(f"{head} {verdict} {entry.get('action')} {entry.get('resource')} {entry.get('message', '')}")
        if "approval" in entry:
            self.show(f"    question {entry['approval']}" + (", approved" if "ask" in effects else ""))
        for level in levels:
            rule = level.get("rule", {"text": "no rule"})
            self.show(f"    {level['agent']} {level['profile']}: {level['effect']} by {rule['text']} {rule.get('source', '')}")

    def show(self, line):
        self.lines.append(shown(line).rstrip())


def verify(file, key):
    receipts, ended = Receipts(key), False
    for number in itertools.count(1):
        try:
            line = file.readline(LONGEST_LINE)
            if not line:
                break
            require(line.endswith(b"\n") and not ended, "cut off, too long, or behind the end")
            require(line.startswith(b"{") and line.endswith(b"}\n") and b"\r" not in line, "more than a JSON object")
            value = json.loads(line.decode(), object_pairs_hook=members)
            if number == 1:
                exactly(value, ["format", "publicKey"])
                require(value["format"] == "bailey-receipts-v1", "another format")
                require(value["publicKey"] == key.hex(), f"signed by another key, {value['publicKey']}")
            elif list(value) == ["seal"]:
                receipts.seal(value["seal"])
            elif list(value) == ["record"]:
                receipts.record(value["record"])
            else:
                exactly(value, ["end"])
                exactly(value["end"], ["records", "seals"])
                counts = (whole(value["end"]["records"]), whole(value["end"]["seals"]))
                require(counts == (receipts.records, receipts.seals), "not all of it is here")
                ended = True
        except InvalidSignature:
            raise Refused(f"line {number}: the signature is not that key's over this seal") from None
        except Refused as why:
            raise Refused(f"line {number}: {why}") from None
        except MALFORMED as error:
            raise Refused(f"line {number}: malformed: {type(error).__name__} {error}") from None
    require(ended, "the end is missing: it was cut off")
    require(receipts.records, "no record is in it: it proves nothing")
    return receipts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--key", required=True, type=bytes.fromhex, help="64 hexadecimal digits")
    parser.add_argument("file")
    options = parser.parse_args()
    if len(options.key) != 32:
        parser.error("--key takes 64 hexadecimal digits")
    try:
        with open(0 if options.file == "-" else options.file, "rb") as file:
            receipts = verify(file, options.key)
    except OSError as error:
        sys.exit(f"NOT VERIFIED: {shown(options.file)} cannot be read: {error.strerror}")
    except Refused as why:
        sys.exit(f"NOT VERIFIED: {shown(why)}")
    verdict = f"verified: {receipts.records} records under {receipts.seals} signatures of {options.key.hex()}"
    try:
        print("\n".join(receipts.lines + [verdict]), flush=True)
    except OSError as error:
        # Whoever reads has gone, or the disk is full: nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(f"what is verified could not be shown: {error.strerror}")


main()
