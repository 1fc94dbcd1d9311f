"""The server that every route ends at, and the intercepting peer."""
import os
import secrets
import socket
import sys
import time

HOST = "bench.castle.test"
PORT = 8443
START_LIMIT = 10

NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
{user}
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    ssl_certificate {folder}/tls/server.pem;
    ssl_certificate_key {folder}/tls/server.key;
    server {{
        listen {address}:{port} ssl;
        root {folder}/pages;
        default_type application/octet-stream;
    }}
}}
"""

SQUID = """
http_port 127.0.0.1:{port} {interception}
acl host dstdomain {host}
acl methods method CONNECT GET
acl pages urlpath_regex ^/[^/]*$
acl tunnel method CONNECT
http_access allow host tunnel
http_access allow host methods pages
http_access deny all
cache deny all
cache_mem 0
hosts_file {own}/hosts
access_log stdio:{own}/access.log
buffered_logs on
cache_log {own}/cache.log
pid_filename {own}/pid
coredump_dir {own}
netdb_filename none
pinger_enable off
via off
forwarded_for delete
shutdown_lifetime 0 seconds
{user}
"""

SSL_BUMP = """ssl-bump generate-host-certificates=on dynamic_cert_mem_cache_size=4MB \
tls-cert={folder}/tls/ca.pem tls-key={folder}/tls/ca.key
sslcrtd_program /usr/lib/squid/security_file_certgen -s {folder}/squid/certificates -M 4MB
sslcrtd_children 1
tls_outgoing_options cafile={folder}/tls/ca.pem
acl hello at_step SslBump1
ssl_bump peek hello
ssl_bump bump all"""

# Two threads, as many as Bailey has loops; connections to the server are kept and shared.
HAPROXY = """
global
    nbthread 2
    maxconn 4096
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend front
    bind {address}:{port} ssl crt {folder}/tls/both.pem alpn http/1.1
    default_backend back
backend back
    http-reuse always
    server origin {origin}:{origin_port} ssl verify required ca-file {folder}/tls/ca.pem verifyhost {host} sni str({host})
"""


class Origin:
    """nginx over TLS on an address of its own on loopback."""

    def __init__(self, folder):
        low = secrets.randbelow(250 * 250)
        self.address = "127.78.%d.%d" % (1 + low // 250, 1 + low % 250)
        make_certificates(folder, self.address)
        folder.write("pages/1k", "x" * 1024)
        with open(folder.path("pages/1g"), "wb") as file:
            file.truncate(1 << 30)
        user = "user root;" if os.getuid() == 0 else ""
        folder.write("nginx.conf", NGINX.format(folder=folder.name, address=self.address, port=PORT, user=user))
        self.process = folder.start("/usr/sbin/nginx", "-p", folder.name, "-c", folder.path("nginx.conf"),
                                    "-e", folder.path("nginx-error.log"))
        wait_for(self.process, self.address, PORT, folder.path("nginx.log"))


def make_certificates(folder, address):
    os.makedirs(folder.path("tls"), mode=0o755)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    folder.tool("openssl", "req", "-x509", *key, "-subj", "/CN=Benchmark authority", "-keyout", "tls/ca.key",
                "-out", "tls/ca.pem", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign")
    folder.tool("openssl", "req", "-x509", *key, "-subj", "/CN=" + HOST, "-keyout", "tls/server.key",
                "-out", "tls/server.pem", "-CA", "tls/ca.pem", "-CAkey", "tls/ca.key",
                "-addext", "subjectAltName=DNS:%s,IP:%s" % (HOST, address),
                "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth")


def start_squid(folder, origin, intercepting):
    """squid, one process, in a folder of its own; returns it and its port."""
    port = free_port()
    name = "squid" if intercepting else "squid-connect"
    own = folder.path(name)
    os.makedirs(own, mode=0o755)
    if intercepting:
        folder.tool("/usr/lib/squid/security_file_certgen", "-c", "-s", folder.path("squid/certificates"), "-M", "4MB")
    folder.write(name + "/hosts", "%s %s\n" % (origin.address, HOST))
    user = ""
    if os.getuid() == 0:
        user = "cache_effective_user proxy"
        folder.tool("chown", "-R", "proxy", own)
        folder.tool("chown", "proxy", folder.path("tls/ca.key"))
    interception = SSL_BUMP.format(folder=folder.name) if intercepting else ""
    folder.write(name + ".conf", SQUID.format(own=own, port=port, host=HOST, user=user, interception=interception))
    process = folder.start("/usr/sbin/squid", "-N", "-f", folder.path(name + ".conf"))
    wait_for(process, "127.0.0.1", port, folder.path("squid.log"))
    return process, port


def start_haproxy(folder, origin):
    """haproxy in front of the server, with a certificate for its name; returns it, its address and its port."""
    address, port = origin.address, free_port()
    with open(folder.path("tls/server.pem")) as certificate, open(folder.path("tls/server.key")) as key:
        folder.write("tls/both.pem", certificate.read() + key.read(), mode=0o600)
    folder.write("haproxy.conf", HAPROXY.format(
        address=address, port=port, folder=folder.name, origin=origin.address, origin_port=PORT, host=HOST))
    process = folder.start("/usr/sbin/haproxy", "-db", "-f", folder.path("haproxy.conf"))
    wait_for(process, address, port, folder.path("haproxy.log"))
    return process, address, port


def start_mitmproxy(folder, origin):
    """mitmproxy, which finds the server by the file of hosts that it is told of; returns it and its port."""
    port = free_port()
    folder.write("mitmproxy/route.py", ROUTE % (HOST, origin.address))
    process = folder.start(
        "/usr/bin/python3", "-c", MITMDUMP, mitmproxy(), "--listen-host", "127.0.0.1", "--listen-port", str(port), "--quiet", "--no-http2",
        "--set", "confdir=" + folder.path("mitmproxy"), "--scripts", folder.path("mitmproxy/route.py"),
        "--set", "ssl_verify_upstream_trusted_ca=" + folder.path("tls/ca.pem"))
    wait_for(process, "127.0.0.1", port, folder.path("python3.log"), 30)
    return process, port


# The name is nobody's: mitmproxy is told where it leads when it connects.
ROUTE = """
def server_connect(data):
    if data.server.address[0] == "%s":
        data.server.address = ("%s", data.server.address[1])
"""


# Its packages are in a folder of their own.
MITMDUMP = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from mitmproxy.tools.main import mitmdump
mitmdump()
"""


def mitmproxy():
    path = os.environ.get("MITMPROXY", "")
    if not os.path.isdir(os.path.join(path, "mitmproxy")):
        sys.exit("No mitmproxy in '%s': run this by `make bench-http`, which installs it, or set MITMPROXY." % path)
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(process, address, port, log, limit=START_LIMIT):
    end = time.monotonic() + limit
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((address, port)) == 0:
                return
        time.sleep(0.05)
    with open(log, errors="replace") as file:
        sys.exit("%s does not listen on %s:%d:\n%s" % (process.args[0], address, port, file.read()))
