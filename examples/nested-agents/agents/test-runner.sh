#!/bin/bash
# The grandchild: runs a server of its own, reads one page, and tries what is left.
export AGENT=test-runner
api=https://api.castle.test:8443
try() { /usr/bin/python3 agents/attempt.py "$@"; }
curl=(curl -sS --fail-with-body --max-time 10)

try works 'GET the status page' "${curl[@]}" $api/v1/status
try denied 'GET the builds, which only its ancestors may' "${curl[@]}" $api/v1/builds

/usr/bin/python3 -m http.server --bind 127.0.0.1 3000 >/dev/null 2>&1 &
server=$!
try works 'use a server of its own on 127.0.0.1' \
    curl -sS --fail --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null http://127.0.0.1:3000/
kill $server

try refused 'send a UDP datagram' /usr/bin/python3 -c "
import socket
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.settimeout(2)
peer.connect(('192.0.2.10', 9999))
peer.send(b'hello')
peer.recv(16)"
try refused 'open a raw socket' /usr/bin/python3 -c "
import socket
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)"
try refused 'read the SSH key in the home directory' cat ~/.ssh/id_ed25519
try refused 'read it by its path' cat "$(cat agents/key-path)"
try refused 'start a child, which its profile does not allow' bailey run -p test-runner -- true
