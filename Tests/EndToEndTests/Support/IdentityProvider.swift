import Foundation
import TestSupport
import Testing

/// A real OpenID Connect provider (PyPI's oidc-provider-mock) over TLS, as `allowed.test`, and endpoints of CI systems that
/// speak as those are documented.
final class IdentityProvider {
    private let server: PythonServer
    /// The `iss` of its tokens.
    var url: String { "https://allowed.test:\(server.ports[0])" }
    /// GitHub's endpoint for one job.
    var gitHub: String { "\(url)/github/token?api-version=2.0" }
    /// Which of its keys signs: the one that it has, which tokens do not name; or the present or the next one, by name.
    enum Key { case only, present, next }
    static let jobSecret = "job-secret-of-the-runner"

    init() throws {
        let program = Self.program.replacing("FOLDER", with: Python.folder)
        server = try PythonServer("idp-\(UUID().uuidString.prefix(8))", program, ports: 2)
    }

    /// An ID token that the provider gives a client of this name for a user who logs in.
    func token(
        for audience: String = "bailey",
        _ subject: String = "alice",
        claims: String = #"{"groups": ["payments"], "ref": "main"}"#,
        seconds: Int = 3_600,
        signedBy key: Key = .only
    ) throws -> String {
        let text = try ask(
            #"{"do": "token", "aud": "\#(audience)", "sub": "\#(subject)", "claims": \#(claims), "seconds": \#(seconds), "key": "\#(key)"}"#
        )
        try #require(text.split(separator: ".").count == 3, "\(text)")
        return text
    }

    /// From now on it signs with another key, and publishes that alone; its tokens name none.
    func rotate() throws { _ = try ask(#"{"do": "rotate"}"#) }

    /// From now on it publishes the next key beside the present one, and signs with either by name.
    func announce() throws { _ = try ask(#"{"do": "announce"}"#) }

    /// From now on it publishes the next key alone, and still signs with either.
    func withdraw() throws { _ = try ask(#"{"do": "withdraw"}"#) }

    /// Whether requests are left without an answer.
    func silence(_ isSilent: Bool) throws { _ = try ask(#"{"do": "silence", "silent": \#(isSilent)}"#) }

    /// What GitHub's endpoint gives next.
    func gitHubGives(_ subject: String, seconds: Int = 3_600) throws {
        _ = try ask(#"{"do": "github", "sub": "\#(subject)", "seconds": \#(seconds)}"#)
    }

    /// What it was asked that holds a text.
    func asked(_ text: String) throws -> [String] { try server.lines(with: text) }

    private func ask(_ text: String) throws -> String {
        let outcome = try Command.run(
            ["curl", "-sS", "--fail-with-body", "-m60", "-d", text, "http://127.0.0.1:\(server.ports[1])/"],
            environment: ["PATH": "/usr/bin:/bin"],
            directory: "/"
        )
        try #require(outcome.code == 0, "\(outcome)")
        return outcome.output
    }

    /// `issuers` of `bailey.yaml`, one entry.
    func configuration(_ more: String = "") -> String {
        "  idp: {issuer: \"\(url)\", audience: bailey, groups: groups, claims: [ref], leeway: 1s\(more)}\n"
    }

    private static let program = #"""
        import http.server, json, time, urllib.parse, warnings
        from datetime import timedelta
        warnings.simplefilter("ignore")
        sys.path.insert(0, "FOLDER")
        import flask, oidc_provider_mock
        from oidc_provider_mock import _app
        from authlib import jose
        from werkzeug.serving import make_server, WSGIRequestHandler

        base = "https://allowed.test:%d" % ports[0]
        state = {"silent": False, "github": {"sub": "repo:acme/app", "seconds": 3600}}

        # The key's name in the header, where a provider says one: authlib puts it there.
        unnamed = _app.OpenIDCode.get_jwt_config
        def named(self, *words):
            key = flask.g.oidc_provider_mock_storage.jwk
            return unnamed(self, *words) | ({"kid": key.as_dict()["kid"]} if getattr(key, "named", False) else {})
        _app.OpenIDCode.get_jwt_config = named

        def provider(seconds, key, users=()):
            app = oidc_provider_mock.app(access_token_max_age=timedelta(seconds=seconds), user_claims=users)
            with app.test_request_context("/"):
                app.preprocess_request()
                flask.g.oidc_provider_mock_storage.jwk = key
            app.view_functions["oidc-provider-mock.jwks"] = lambda: jose.KeySet(state["published"]).as_dict()
            return app

        def made(named):
            key = jose.RSAKey.generate_key(is_private=True)
            key.named = named
            return key

        def rotate():
            state["only"] = made(False)
            state["published"] = [state["only"]]
            state["app"] = provider(3600, state["only"])

        def announce():
            state.update(present=made(True), next=made(True))
            state["published"] = [state["present"], state["next"]]

        def token(aud, sub, claims, seconds, key="only"):
            client = provider(seconds, state[key], [oidc_provider_mock.User(sub=sub, claims=claims)]).test_client()
            back = "https://client.test/back"
            query = urllib.parse.urlencode({"client_id": aud, "redirect_uri": back, "response_type": "code", "scope": "openid"})
            reply = client.post("/oauth2/authorize?" + query, data={"sub": sub}, base_url=base)
            code = urllib.parse.parse_qs(urllib.parse.urlparse(reply.headers["Location"]).query)["code"][0]
            form = {"grant_type": "authorization_code", "code": code, "client_id": aud, "client_secret": "x", "redirect_uri": back}
            return client.post("/oauth2/token", data=form, base_url=base).json["id_token"]

        def github(environment, start):
            query = urllib.parse.parse_qs(environment["QUERY_STRING"])
            allowed = environment.get("HTTP_AUTHORIZATION") == "bearer job-secret-of-the-runner"
            if not allowed or query.get("api-version") != ["2.0"] or len(query.get("audience", [])) != 1:
                start("403 Forbidden", [("Content-Type", "application/json")])
                return [b'{"message": "no"}']
            job = state["github"]
            value = token(query["audience"][0], job["sub"], {"ref": "main"}, job["seconds"])
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps({"count": len(value), "value": value}).encode()]

        def serve(environment, start):
            log.write("%s %s?%s\n" % (environment["REQUEST_METHOD"], environment["PATH_INFO"], environment["QUERY_STRING"]))
            while state["silent"]: time.sleep(0.05)
            if environment["PATH_INFO"].startswith("/github/"): return github(environment, start)
            return state["app"].wsgi_app(environment, start)

        class Control(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                words = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = ""
                if words["do"] == "token": body = token(words["aud"], words["sub"], words["claims"], words["seconds"], words["key"])
                if words["do"] == "rotate": rotate()
                if words["do"] == "announce": announce()
                if words["do"] == "withdraw": state["published"] = [state["next"]]
                if words["do"] == "silence": state["silent"] = words["silent"]
                if words["do"] == "github": state["github"] = words
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())
            def log_message(self, *words): pass

        class Quiet(WSGIRequestHandler):
            def log(self, *words): pass

        rotate()
        server = make_server("127.0.0.1", ports[0], serve, threaded=True, request_handler=Quiet, ssl_context=context)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        http.server.ThreadingHTTPServer(("127.0.0.1", ports[1]), Control).serve_forever()
        """#
}
