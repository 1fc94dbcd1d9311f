"""The ways from the client to the server: straight, through Bailey, through its peers."""
import os
import re
import shutil
import subprocess
import sys
from collections import namedtuple

from servers import HOST, PORT, start_haproxy, start_mitmproxy, start_squid

# Requests per second, microseconds at the 50th and 99th percentile, CPU microseconds of the gateway per request.
Sample = namedtuple("Sample", "rate p50 p99 cpu")

TICK = os.sysconf("SC_CLK_TCK")
# Connections of the paced load.
PACED = 16
UNITS = {"us": 1, "ms": 1000, "s": 1000000}

BAILEY_PROFILE = """bailey: 1
name: client
extends: [base]
egress:
  - to: https://%s:%d
    private: true
    allow: ["GET /*"]
    credential: bench
"""

BAILEY_TUNNEL = """bailey: 1
name: tunnel
extends: [base]
egress:
  - to: tls://%s:%d
    private: true
    allow: [connect]
"""

BAILEY_CREDENTIALS = """bailey: 1
credentials:
  bench:
    from: {file: %s}
    as: bearer
    for: [https://%s:%d]
"""

BAILEY_CONFIGURATION = """bailey: 1
resolve:
  %s: %s
upstream-ca: %s
"""


class Route:
    """A way from the client to the server: a command in front of the client's, and whose CPU time counts."""

    prefix = []
    pids = []

    def __init__(self, folder, host=HOST, port=PORT):
        self.folder, self.base = folder, "https://%s:%d" % (host, port)

    def run(self, *command):
        """What the command printed, and the CPU seconds of the proxy meanwhile."""
        before = cpu_seconds(self.pids)
        out = self.folder.tool(*self.prefix, *command)
        return out, cpu_seconds(self.pids) - before

    def measure(self, connections, seconds, page, *more):
        out, cpu = self.run(*wrk(connections, seconds, self.base + page, *more))
        return sample(out, cpu)

    def paced(self, rate, seconds, page):
        """As many requests a second as `rate`, not as many as there can be."""
        log = self.folder.path("workspace", "paced.log")
        open(log, "w").close()
        self.run("/usr/bin/h2load", "--h1", "--clients=%d" % PACED, "--rps=%.1f" % (rate / PACED),
                 "--duration=%d" % seconds, "--log-file=" + log, self.base + page)
        with open(log) as file:
            return paced_sample(file.read())

    def download(self, page):
        """Octets per second."""
        out, _ = self.run("/usr/bin/curl", "-sSk", "-o", "/dev/null", "-w", "%{http_code} %{size_download} %{speed_download}",
                          self.base + page)
        code, size, speed = out.split()
        if (code, size) != ("200", str(1 << 30)):
            sys.exit("the download through %s ended with %s" % (self.name, out))
        return float(speed)


class Direct(Route):
    """The client straight to the server: what the machine can do."""

    name = "straight to nginx"

    def __init__(self, folder, origin):
        super().__init__(folder, origin.address)


class HAProxy(Route):
    """The client connects to haproxy, which has a certificate for the server's name."""

    name = "haproxy, re-encrypting"

    def __init__(self, folder, origin):
        process, address, port = start_haproxy(folder, origin)
        super().__init__(folder, address, port)
        self.pids = [process.pid]


class Proxied(Route):
    """Each connection asks a proxy with CONNECT; from then on the client is the same."""

    def __init__(self, folder, process, port):
        super().__init__(folder)
        self.pids = [process.pid]
        file = "proxychains-%d.conf" % port
        folder.write(file, "strict_chain\nproxy_dns\nquiet_mode\n[ProxyList]\nhttp 127.0.0.1 %d\n" % port)
        self.prefix = ["proxychains4", "-q", "-f", folder.path(file)]


class Squid(Proxied):
    name = "squid, ssl-bump"

    def __init__(self, folder, origin):
        super().__init__(folder, *start_squid(folder, origin, intercepting=True))


class SquidTunnel(Proxied):
    name = "squid, CONNECT"

    def __init__(self, folder, origin):
        super().__init__(folder, *start_squid(folder, origin, intercepting=False))


class Mitmproxy(Proxied):
    name = "mitmproxy"

    def __init__(self, folder, origin):
        super().__init__(folder, *start_mitmproxy(folder, origin))


class Bailey(Route):
    """The client runs as an agent: its connections are captured, no proxy settings."""

    name = "bailey"

    def __init__(self, folder, origin, bailey, profile="client"):
        super().__init__(folder)
        self.origin, self.bailey, self.profile = origin, bailey, profile
        folder.write("secret", "correct-horse-battery-staple", mode=0o600)
        folder.write("config/bailey/profiles/client.yaml", BAILEY_PROFILE % (HOST, PORT))
        folder.write("config/bailey/profiles/record.yaml",
                     BAILEY_PROFILE.replace("client", "record") % (HOST, PORT) + "record: full\n")
        folder.write("config/bailey/profiles/tunnel.yaml", BAILEY_TUNNEL % (HOST, PORT))
        folder.write("config/bailey/credentials.yaml", BAILEY_CREDENTIALS % (folder.path("secret"), HOST, PORT), 0o600)
        folder.write("config/bailey/bailey.yaml", BAILEY_CONFIGURATION % (HOST, origin.address, folder.path("tls/ca.pem")))

    def tunnel(self):
        """The same under a `tls` rule: not intercepted."""
        route = Bailey(self.folder, self.origin, self.bailey, "tunnel")
        route.name = "bailey, tls rule"
        return route

    def recording(self):
        """The same with the bodies on record, which are thrown away after each measure."""
        route = Bailey(self.folder, self.origin, self.bailey, "record")
        route.name = "bailey, record: full"
        return route

    def launch(self, *command):
        return [self.bailey, "run", "-p", self.profile, "-w", self.folder.path("workspace"), "--", *command]

    def run(self, *command):
        with subprocess.Popen(self.launch(*command), env=self.folder.environment(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, cwd=self.folder.path("workspace")) as run:
            out = run.stdout.read()
            # The pipe is closed, so the client has ended; the supervisor has not been reaped, so its time is there.
            used = cpu_seconds([run.pid])
        shutil.rmtree(self.folder.path("state", "bailey", "recordings"), ignore_errors=True)
        if run.returncode != 0:
            sys.exit("bailey run ended with %d: %s" % (run.returncode, out))
        return out, used


def wrk(connections, seconds, url, *more):
    return ["/usr/bin/wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, "--latency", *more, url]


def sample(out, cpu):
    """Reads wrk's report; ends the program when a reply was not the page."""
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit("not every request was answered:\n" + out)
    count = int(re.search(r"(\d+) requests in", out).group(1))
    if count == 0:
        sys.exit("no request was answered:\n" + out)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    return Sample(rate, percentile(out, 50), percentile(out, 99), cpu * 1e6 / count)


def paced_sample(out):
    """Reads h2load's list of requests, start, status and microseconds; ends the program when one was not answered."""
    rows = [row.split() for row in out.splitlines()]
    if not rows or any(row[1] != "200" for row in rows):
        sys.exit("not every request was answered:\n" + out[:1000])
    times = sorted(int(row[2]) for row in rows)
    return Sample(len(times), times[len(times) // 2], times[len(times) * 99 // 100], 0)


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
