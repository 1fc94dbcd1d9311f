"""The ways from the client to the server: straight, through squid, through Bailey."""
import os
import re
import subprocess
import sys
from collections import namedtuple

from servers import HOST, PORT, start_squid

# Requests per second, microseconds at the 50th and 99th percentile, CPU microseconds of the gateway per request.
Sample = namedtuple("Sample", "rate p50 p99 cpu")

TICK = os.sysconf("SC_CLK_TCK")
UNITS = {"us": 1, "ms": 1000, "s": 1000000}

BAILEY_PROFILE = """bailey: 1
name: client
extends: [base]
egress:
  - to: https://%s:%d
    private: true
    allow: ["GET /*"]
"""

BAILEY_CONFIGURATION = """bailey: 1
resolve:
  %s: %s
upstream-ca: %s
"""


class Direct:
    """The client straight to the server: what the machine can do."""

    name = "straight to nginx"

    def __init__(self, folder, origin):
        self.folder, self.address = folder, origin.address

    def measure(self, connections, seconds, page):
        out = self.folder.tool(*wrk(connections, seconds, "https://%s:%d%s" % (self.address, PORT, page)))
        return sample(out, 0)


class Squid:
    """Each connection asks squid with CONNECT; from then on the client is the same."""

    name = "squid 5, ssl-bump"

    def __init__(self, folder, origin):
        self.folder = folder
        self.process, port = start_squid(folder, origin)
        folder.write("proxychains.conf", "strict_chain\nproxy_dns\nquiet_mode\n[ProxyList]\nhttp 127.0.0.1 %d\n" % port)

    def measure(self, connections, seconds, page):
        before = cpu_seconds([self.process.pid])
        out = self.folder.tool("proxychains4", "-q", "-f", self.folder.path("proxychains.conf"),
                               *wrk(connections, seconds, "https://%s:%d%s" % (HOST, PORT, page)))
        return sample(out, cpu_seconds([self.process.pid]) - before)


class Bailey:
    """The client runs as an agent: its connections are captured, no proxy settings."""

    name = "bailey"

    def __init__(self, folder, origin, bailey):
        self.folder, self.bailey = folder, bailey
        folder.write("profiles/client.yaml", BAILEY_PROFILE % (HOST, PORT))
        folder.write("bailey.yaml", BAILEY_CONFIGURATION % (HOST, origin.address, folder.path("tls/ca.pem")))

    def measure(self, connections, seconds, page):
        command = [self.bailey, "run", "-p", "client", "--profiles", self.folder.path("profiles"), "--config",
                   self.folder.path("bailey.yaml"), "-w", self.folder.path("workspace"), "--",
                   *wrk(connections, seconds, "https://%s:%d%s" % (HOST, PORT, page))]
        with subprocess.Popen(command, env=self.folder.environment(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, cwd=self.folder.path("workspace")) as run:
            out = run.stdout.read()
            # The pipe is closed, so the client has ended; the supervisor has not been reaped, so its time is there.
            used = cpu_seconds([run.pid])
        if run.returncode != 0:
            sys.exit("bailey run ended with %d" % run.returncode)
        return sample(out, used)


def wrk(connections, seconds, url):
    return ["/usr/bin/wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, "--latency", url]


def sample(out, cpu):
    """Reads wrk's report; ends the program when a reply was not the page."""
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit("not every request was answered:\n" + out)
    count = int(re.search(r"(\d+) requests in", out).group(1))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    return Sample(rate, percentile(out, 50), percentile(out, 99), cpu * 1e6 / count)


def percentile(out, which):
    value, unit = re.search(r"^\s+%d%%\s+([\d.]+)(us|ms|s)" % which, out, re.MULTILINE).groups()
    return float(value) * UNITS[unit]


def cpu_seconds(pids):
    """User and system time of the processes, all threads."""
    total = 0
    for pid in pids:
        with open("/proc/%d/stat" % pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK
