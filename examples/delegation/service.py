#!/usr/bin/python3
"""A service that answers only who can say on whose behalf it asks: the token's chain, verified with PyJWT.

    service.py --port N --certificate FILE --key FILE --jwks FILE --authority FILE --audience NAME --issuer NAME [--leak FILE]

Three things make a request count:

1. the token is signed by a key of the JWK Set, for this audience, by this issuer, and in time (RFC 7519);
2. the connection shows the certificate that the token names in `cnf` (RFC 8705 section 3), which the authority signed:
   a token that was copied is of no use without that certificate's key;
3. `act` says which agent asks, and nested in it who launched it (RFC 8693 section 4.1). The outermost is the one to
   decide by; the others are information. Between the user's and the last segment of each are names of profiles, which are
   the operator's; `_own-NAME` is a text that an agent wrote, and the last segment is the agent's id.

Answers 200 with the chain as JSON, or 401 with the reason. Logs a line for each request; with --leak it also keeps the token
that it took last, as a service should never do: the demo shows what such a copy is worth.
"""
import argparse
import base64
import hashlib
import json
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("certificate", "key", "jwks", "authority", "audience", "issuer"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--leak")
    return parser.parse_args()


def thumbprint(certificate):
    """SHA-256 of the DER, base64url without padding: what `x5t#S256` holds."""
    return base64.urlsafe_b64encode(hashlib.sha256(certificate).digest()).rstrip(b"=").decode()


def chain(actor):
    """Who acts, the agent that asks first, then who launched it, up to the root agent."""
    names = []
    while actor is not None and len(names) < 64:
        names.append(actor["sub"])
        actor = actor.get("act")
    return names


class Refused(Exception):
    pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def claims(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused("there is no bearer token")
        try:
            key = self.server.keys[jwt.get_unverified_header(token).get("kid")]
            claims = jwt.decode(
                token, key.key, algorithms=["ES256"], audience=self.server.options.audience,
                issuer=self.server.options.issuer, options={"require": ["exp", "iat", "sub", "aud", "iss", "act", "cnf"]},
            )
        except KeyError:
            raise Refused("its key is none of the JWK Set")
        except jwt.PyJWTError as error:
            raise Refused(str(error))
        certificate = self.connection.getpeercert(binary_form=True)
        if certificate is None or thumbprint(certificate) != claims["cnf"].get("x5t#S256"):
            raise Refused("the connection does not show the certificate that the token is bound to")
        if self.server.options.leak:
            with open(self.server.options.leak, "w") as file:
                file.write(token)
        return claims

    def shown(self):
        """The names in the certificate that the connection shows, which the authority signed."""
        certificate = self.connection.getpeercert() or {}
        return [name for kind, name in certificate.get("subjectAltName", ()) if kind == "URI"]

    def do_GET(self):
        try:
            claims = self.claims()
            status, answer = 200, {"for": claims["sub"], "by": chain(claims["act"])}
        except Refused as refused:
            status, answer = 401, {"refused": str(refused)}
        body = (json.dumps(answer) + "\n").encode()
        print("%s %d %s shown=%s" % (self.path, status, json.dumps(answer), json.dumps(self.shown())), flush=True)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


def main():
    options = arguments()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate, options.key)
    context.load_verify_locations(options.authority)
    # Asked for, and demanded where a token is bound to one.
    context.verify_mode = ssl.CERT_OPTIONAL
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.options = options
    with open(options.jwks) as file:
        server.keys = {key.key_id: key for key in jwt.PyJWKSet.from_json(file.read()).keys}
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    # Whoever started it ends it by closing its standard input.
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    print("listening", flush=True)
    server.serve_forever()


main()
