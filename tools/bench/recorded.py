"""The memory of Bailey while bodies are recorded, one of 2 GiB up and one down."""
import os
import shutil
import subprocess
import sys

from servers import HOST, PORT, wait_for

SIZE = 2 << 30
# What is recorded is random in part: nothing on the way may make it small.
SERVER = r"""
import http.server, os, ssl, sys
folder, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
block = os.urandom(1 << 20)

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_GET(self):
        left = int(self.path[1:])
        self.send_response(200)
        self.send_header("Content-Length", str(left))
        self.end_headers()
        while left > 0:
            left -= self.wfile.write(block[:left])

    def do_PUT(self):
        left = int(self.headers["Content-Length"])
        while left > 0:
            left -= len(self.rfile.read(min(left, len(block))))
        self.send_response(204)
        self.end_headers()

server = http.server.ThreadingHTTPServer((address, port), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/tls/server.pem", folder + "/tls/server.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""

PROFILE = """bailey: 1
name: recorded
extends: [base]
egress: [{to: "https://%s:%d", private: true, allow: ["GET /*", "PUT /*"], credential: bench}]
record: full
"""

CLIENT = """
set -e
curl='curl -sS -o /dev/null -w %%{http_code}:%%{size_upload}:%%{size_download}:%%{speed_upload}:%%{speed_download}\\n'
$curl https://%(at)s/1048576
head -c 1048576 /dev/urandom > body; $curl -T body https://%(at)s/body
echo warm; read line
$curl https://%(at)s/%(size)d
echo down; read line
head -c %(size)d /dev/urandom > body; $curl -H Expect: -T body https://%(at)s/body
echo up; read line
"""


def report(route):
    """Prints the most memory that the supervisor had before the two bodies, after the first and after both."""
    folder, port = route.folder, PORT + 1
    server = folder.start("/usr/bin/python3", "-c", SERVER, folder.name, route.origin.address, str(port))
    wait_for(server, route.origin.address, port, folder.path("python3.log"))
    folder.write("config/bailey/profiles/recorded.yaml", PROFILE % (HOST, port))
    credentials(folder, port)
    agent = subprocess.Popen(
        [route.bailey, "run", "-p", "recorded", "-w", folder.path("workspace"), "--", "sh", "-c",
         CLIENT % {"at": "%s:%d" % (HOST, port), "size": SIZE}],
        env=folder.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder.path("workspace"))
    folder.running.append(agent)
    peaks = {}
    for word in ["warm", "down", "up"]:
        lines = until(agent, word)
        peaks[word] = peak(agent.pid)
        if word != "warm":
            _, sent, got, up, down = lines[-1].split(":")
            if SIZE not in (int(sent), int(got)):
                sys.exit("the body did not go through: %s" % lines)
            print("%s: 2 GiB, %.0f MB/s, at most %.0f MB in memory" % (
                word, max(float(up), float(down)) / 1e6, peaks[word] / 1e6))
        if word == "up":
            held = recorded(folder)
        agent.stdin.write("\n")
        agent.stdin.flush()
    agent.wait()
    print("before either: at most %.0f MB; %.2f GiB on record" % (peaks["warm"] / 1e6, held / (1 << 30)))
    shutil.rmtree(folder.path("state", "bailey", "recordings"), ignore_errors=True)


def credentials(folder, port):
    """The credential is bound to the other server as well."""
    path = folder.path("config/bailey/credentials.yaml")
    with open(path) as file:
        text = file.read()
    own = "https://%s:%d" % (HOST, PORT)
    folder.write("config/bailey/credentials.yaml",
                 text.replace("[%s]" % own, "[%s, https://%s:%d]" % (own, HOST, port)), 0o600)


def until(agent, word):
    lines = []
    for line in agent.stdout:
        if line.strip() == word:
            return lines
        lines.append(line.strip())
    sys.exit("the agent ended before %r: %s" % (word, lines))


def peak(pid):
    """VmHWM of proc_pid_status(5), in octets."""
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def recorded(folder):
    return sum(os.path.getsize(os.path.join(path, name))
               for path, _, names in os.walk(folder.path("state", "bailey", "recordings")) for name in names)
