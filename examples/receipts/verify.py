#!/usr/bin/env python3
"""Verifies receipts of Bailey offline, and shows what they prove: docs/receipts.md.

    verify.py --key HEX FILE     FILE is what `bailey audit export --receipts` wrote, or - for standard input

HEX is the public key of whoever ran Bailey (`bailey audit verify` prints it), from them by another way than FILE. Ends
with 0 when every record is under their signature and continues the launches before it; else with 1, and shows nothing
but the reason; with 2 when it was called wrongly. Needs Python 3.9 and `cryptography`. The verifier is receipts.py.
"""

import argparse
import datetime
import os
import shlex
import sys
import types

# The verifier as it can be read beside this: not what Python keeps of it compiled, nor another of that name.
verifier = types.ModuleType("receipts")
try:
    with open(os.path.join(os.path.dirname(os.path.realpath(__file__)), "receipts.py"), "rb") as source:
        program = compile(source.read(), source.name, "exec")
except OSError as error:
    sys.exit(f"NOT VERIFIED: the verifier {error.filename}, which lies beside this program, cannot be read: {error.strerror}")
exec(program, vars(verifier))


def shown(text):
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in str(text)).rstrip()


def revocation(record, payload, head):
    what = "lifts the revocation of" if payload["isLifted"] else "revokes"
    whom = f"agent {record['agent']}" if "lineage" in payload else payload["principal"]
    why = f": {payload['reason']}" if "reason" in payload else ""
    yield f"{head} {payload['by']['subject']} {what} {whom}{why}"


def spawn(record, payload, head):
    lineage, agent = payload["lineage"], payload["lineage"]["agent"]
    parents = [f"agent {hop['agent']}" for hop in lineage["ancestors"]]
    by = (parents or [f"{lineage['principal']['subject']}, who starts the chain,"])[-1]
    yield f"{head} {by} launches agent {agent['agent']} ({agent['name']}): {shlex.join(payload['argv'])}"
    yield f"    profile {agent['profile']} sha256 {agent['profileDigest']}"
    yield f"    program {payload['program']} sha256 {payload.get('programDigest', 'unknown')}"
    if "approval" in payload:
        yield f"    question {payload['approval']}, approved"
    if "replayed" in payload:
        yield f"    offline: answered from session {payload['replayed']}, nothing that it asks for goes out"


def request(record, payload, head):
    levels, verdict = payload.get("levels", []), record.get("verdict")
    yield f"{head} {verdict} {payload.get('action')} {payload.get('resource')} {payload.get('message', '')}"
    if "approval" in payload:
        asked = verdict == "allow" and "ask" in [level["effect"] for level in levels]
        yield f"    question {payload['approval']}" + (", approved" if asked else "")
    for level in levels:
        rule = level.get("rule", {"text": "no rule"})
        yield f"    {level['agent']} {level['profile']}: {level['effect']} by {rule['text']} {rule.get('source', '')}"


def lines(record, payload, offline):
    time = datetime.datetime.fromtimestamp(record["time"] / 1000, datetime.timezone.utc)
    head, agent = f"{record['sequence']} {time}", record.get("agent")
    if record["kind"] == "revocation":
        return revocation(record, payload, head)
    if record["kind"] == "spawn":
        offline |= {agent} if "replayed" in payload else set()
        return spawn(record, payload, head)
    head += f" agent {agent}" + (" (offline)" if agent in offline else "")
    return request(record, payload, head) if record["kind"] == "request" else [f"{head} {record['kind']}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--key", required=True, type=bytes.fromhex, help="64 hexadecimal digits")
    parser.add_argument("file")
    options = parser.parse_args()
    if len(options.key) != 32:
        parser.error("--key takes 64 hexadecimal digits")
    offline, told = set(), []

    def tell(record, payload):
        told.extend([shown(line) for line in lines(record, payload, offline)])

    try:
        with open(0 if options.file == "-" else options.file, "rb") as file:
            receipts = verifier.Receipts(file, options.key, tell)
    except OSError as error:
        sys.exit(f"NOT VERIFIED: {shown(options.file)} cannot be read: {error.strerror}")
    except verifier.Refused as why:
        sys.exit(f"NOT VERIFIED: {shown(why)}")
    verdict = f"verified: {receipts.records} records under {receipts.seals} signatures of {options.key.hex()}"
    try:
        print("\n".join(told + [verdict]), flush=True)
    except OSError as error:
        # Whoever reads has gone, or the disk is full: nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(f"what is verified could not be shown: {error.strerror}")


main()
