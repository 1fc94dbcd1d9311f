"""Prints attempts as rows of a table while they come in."""
import json
import shutil
import textwrap

MARKS = {True: "ok ", False: "BAD"}


class Table:
    """Counts what was as expected and what was not."""

    def __init__(self, attempts):
        self.attempts = attempts
        self.seen = 0
        self.bad = 0
        self.width = max(100, min(160, shutil.get_terminal_size((120, 40)).columns))
        print("%-3s %-13s %-53s %-8s %s" % ("", "agent", "tried", "got", "why"))
        print("-" * self.width, flush=True)

    def row(self, line):
        """One line of an agent's output: an attempt, or something else that it said."""
        try:
            attempt = json.loads(line)
            agent, tried, got = attempt["agent"], attempt["tried"], attempt["got"]
            good = as_expected(attempt["expected"], got)
            why = attempt["why"]
        except (ValueError, KeyError, TypeError):
            print("    | %s" % line.rstrip(), flush=True)
            return
        self.seen += 1
        self.bad += not good
        lines = textwrap.wrap(why, self.width - 81) or [""]
        print("%-3s %-13s %-53s %-8s %s" % (MARKS[good], agent, tried, got, lines[0]))
        for rest in lines[1:]:
            print("%80s %s" % ("", rest))
        print(end="", flush=True)

    def finish(self, status):
        """Whether all attempts were made, all came out as expected, and the root agent ended well."""
        print("-" * self.width)
        print("%d attempts, %d not as expected; the root agent's exit code is %d" % (self.seen, self.bad, status))
        if self.seen != self.attempts:
            print("BAD %d attempts should have been made" % self.attempts)
        return self.bad == 0 and self.seen == self.attempts and status == 0


def as_expected(expected, got):
    """`refused` is met by a refusal of either kind; a hang is never right."""
    return got == expected or (expected == "refused" and got == "denied")
