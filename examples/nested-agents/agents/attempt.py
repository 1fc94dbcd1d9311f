#!/usr/bin/python3
"""One attempt of an agent: runs a command and prints, as one JSON line, what was tried and what came of it.

    attempt.py works|denied|refused WHAT COMMAND [ARGUMENT ...]

`works` expects exit code 0; `denied` a refusal that the gateway explains in the reply's body; `refused` a refusal of
either kind: by the gateway, or by the kernel because there is nothing to reach. Never fails itself: whether the
outcome was the expected one is for the reader of the lines to say.
"""
import json
import os
import subprocess
import sys

# Seconds. The gateway promises an answer within two; a hang is a finding of its own.
PATIENCE = 20


def explained(body):
    """The reason in a denial's JSON body, or None when the reply is not one."""
    try:
        denial = json.loads(body)
        return "%s: %s" % (denial["reason"], denial["message"])
    except (ValueError, KeyError, TypeError):
        return None


def complaint(text):
    """What a program said went wrong; of Python's traceback, the last line."""
    text = text.strip()
    return text.splitlines()[-1] if text.startswith("Traceback") else text


def attempt(command):
    """What came of the command, and why."""
    try:
        run = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, text=True, errors="replace"
        )
    except subprocess.TimeoutExpired:
        return "hung", "no answer within %d s" % PATIENCE
    except OSError as error:
        return "refused", str(error)
    if run.returncode == 0:
        return "works", run.stdout.strip()
    reason = explained(run.stdout)
    if reason:
        return "denied", reason
    return "refused", complaint(run.stderr or run.stdout) or "exit code %d" % run.returncode


def main():
    expected, what, command = sys.argv[1], sys.argv[2], sys.argv[3:]
    got, why = attempt(command)
    line = {"agent": os.environ["AGENT"], "tried": what, "expected": expected, "got": got, "why": why}
    print(json.dumps(line), flush=True)


main()
