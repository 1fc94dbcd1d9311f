"""The memory of Bailey while an agent's connections wait with nothing to say."""
import subprocess
import sys

from servers import HOST, PORT

AGENTS = 2
CONNECTIONS = 500

# Each connection asks once and is kept; a line says so, and the end of the input ends it.
CLIENT = r"""
import socket, ssl, sys
context = ssl.create_default_context()
kept = []
for number in range({connections}):
    raw = socket.create_connection(("{host}", {port}))
    one = context.wrap_socket(raw, server_hostname="{host}")
    one.sendall(b"GET /1k HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n")
    got = b""
    while len(got) < 1024:
        more = one.recv(65536)
        if not more:
            sys.exit("connection %d was closed" % number)
        got += more
    kept.append(one)
print("kept", flush=True)
sys.stdin.read()
"""


def report(route):
    """Prints the resident memory of `bailey serve` and its spawner with no connection and with all of them."""
    folder = route.folder
    serve = subprocess.Popen(
        [route.bailey, "serve"], env=folder.environment(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=folder.name)
    folder.running.append(serve)
    if "serving at" not in serve.stderr.readline():
        sys.exit("bailey serve did not start")
    client = CLIENT.format(connections=CONNECTIONS, host=HOST, port=PORT)
    before = resident(serve.pid)
    agents = [start(route, client) for _ in range(AGENTS)]
    for agent in agents:
        if agent.stdout.readline() != "kept\n":
            sys.exit("an agent could not keep its connections")
    after = resident(serve.pid)
    for agent in agents:
        agent.stdin.close()
        agent.wait()
    serve.terminate()
    serve.wait()
    print("\n%d idle intercepted connections of %d agents: %.0f MB in all, %.0f MB of it before them; %.0f KB each" % (
        AGENTS * CONNECTIONS, AGENTS, after / 1e6, before / 1e6, (after - before) / 1e3 / AGENTS / CONNECTIONS))


def start(route, client):
    return subprocess.Popen(route.launch("/usr/bin/python3", "-c", client), env=route.folder.environment(),
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=route.folder.path("workspace"))


def resident(pid):
    """Octets that a process has in memory, and those that its children have besides what they share with it."""
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        children = file.read().split()
    # The spawner, whose children are the agents.
    return field(pid, "Rss:") + sum(field(child, "Private_Dirty:") for child in children)


def field(pid, name):
    """A sum of proc_pid_smaps(5)."""
    with open("/proc/%s/smaps_rollup" % pid) as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(name))
