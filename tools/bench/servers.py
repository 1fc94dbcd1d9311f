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
http_port 127.0.0.1:{port} ssl-bump generate-host-certificates=on dynamic_cert_mem_cache_size=4MB \
tls-cert={folder}/tls/ca.pem tls-key={folder}/tls/ca.key
sslcrtd_program /usr/lib/squid/security_file_certgen -s {folder}/squid/certificates -M 4MB
sslcrtd_children 1
tls_outgoing_options cafile={folder}/tls/ca.pem
acl hello at_step SslBump1
ssl_bump peek hello
ssl_bump bump all
acl host dstdomain {host}
acl methods method CONNECT GET
acl pages urlpath_regex ^/[^/]*$
acl tunnel method CONNECT
http_access allow host tunnel
http_access allow host methods pages
http_access deny all
cache deny all
cache_mem 0
hosts_file {folder}/squid/hosts
access_log stdio:{folder}/squid/access.log
buffered_logs on
cache_log {folder}/squid/cache.log
pid_filename {folder}/squid/pid
coredump_dir {folder}/squid
netdb_filename none
pinger_enable off
via off
forwarded_for delete
shutdown_lifetime 0 seconds
{user}
"""


class Origin:
    """nginx over TLS on an address of its own on loopback."""

    def __init__(self, folder):
        low = secrets.randbelow(250 * 250)
        self.address = "127.78.%d.%d" % (1 + low // 250, 1 + low % 250)
        make_certificates(folder, self.address)
        folder.write("pages/1k", "x" * 1024)
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


def start_squid(folder, origin):
    """squid with interception, its own folder and one process; returns it and its port."""
    port = free_port()
    os.makedirs(folder.path("squid"), mode=0o755)
    folder.tool("/usr/lib/squid/security_file_certgen", "-c", "-s", folder.path("squid/certificates"), "-M", "4MB")
    folder.write("squid/hosts", "%s %s\n" % (origin.address, HOST))
    user = ""
    if os.getuid() == 0:
        user = "cache_effective_user proxy"
        folder.tool("chown", "-R", "proxy", folder.path("squid"))
        folder.tool("chown", "proxy", folder.path("tls/ca.key"))
    folder.write("squid.conf", SQUID.format(folder=folder.name, port=port, host=HOST, user=user))
    process = folder.start("/usr/sbin/squid", "-N", "-f", folder.path("squid.conf"))
    wait_for(process, "127.0.0.1", port, folder.path("squid.log"))
    return process, port


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(process, address, port, log):
    end = time.monotonic() + START_LIMIT
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((address, port)) == 0:
                return
        time.sleep(0.05)
    with open(log, errors="replace") as file:
        sys.exit("%s does not listen on %s:%d:\n%s" % (process.args[0], address, port, file.read()))
