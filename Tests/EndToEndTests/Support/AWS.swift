import Foundation
import Testing

/// moto's S3, STS and DynamoDB behind an nginx that serves them over TLS under their names of AWS.
///
/// moto takes any signature. In front of it botocore makes each request's signature once more, with the real key, and
/// whoever signed otherwise gets what AWS says to that.
final class AWS: Sendable {
    let port: UInt16
    private let log: String
    private let nginx: Process
    private let moto: Process

    static let id = "AKIAREALREALREALREAL"
    static let secret = "real/secret+0123456789012345678901234567"
    static let token = "real-session-token-0123456789/+="
    static let names = [
        "s3.eu-central-1.amazonaws.com", "bucket-of-tests.s3.eu-central-1.amazonaws.com",
        "dynamodb.eu-central-1.amazonaws.com", "sts.eu-central-1.amazonaws.com", "minio.test",
    ]

    private static let shared = Result { try AWS() }

    static func started() throws -> AWS { try shared.get() }

    private init() throws {
        let folder = try Servers.started().folder
        let plain = try Port.free()
        port = try Port.free()
        log = folder + "/aws.log"
        let certificate = try Command.run(
            [
                "sh", "-c",
                """
                printf 'subjectAltName=\(Self.names.map { "DNS:\($0)" }.joined(separator: ","))\\n' > aws.ext
                openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile aws.ext -out aws.pem
                """,
            ],
            environment: ["PATH": "/usr/bin:/bin"],
            directory: folder
        )
        try #require(certificate.code == 0, "\(certificate)")
        try """
        daemon off; worker_processes 1; pid \(folder)/aws.pid; error_log \(folder)/aws-error.log; user root;
        events { worker_connections 256; }
        http {
          access_log off; client_body_temp_path \(folder)/aws-body; proxy_temp_path \(folder)/aws-proxy;
          fastcgi_temp_path \(folder)/aws-f; uwsgi_temp_path \(folder)/aws-u; scgi_temp_path \(folder)/aws-s;
          server {
            listen 127.0.0.1:\(port) ssl http2; client_max_body_size 64m;
            ssl_certificate \(folder)/aws.pem; ssl_certificate_key \(folder)/server.key;
            location / { proxy_pass http://127.0.0.1:\(plain); proxy_set_header Host $http_host; proxy_http_version 1.1; }
          }
        }
        """.write(toFile: folder + "/aws.conf", atomically: true, encoding: .utf8)
        try Self.program.write(toFile: folder + "/aws.py", atomically: true, encoding: .utf8)
        moto = Process()
        moto.executableURL = URL(filePath: "/usr/bin/python3")
        moto.arguments = [folder + "/aws.py", String(plain), log, Self.id, Self.secret, Self.token]
        moto.environment = ["PATH": "/usr/bin:/bin", "PYTHONPATH": Python.folder, "HOME": folder]
        moto.standardInput = Pipe()
        moto.standardError = FileHandle.nullDevice
        nginx = Process()
        nginx.executableURL = URL(filePath: "/bin/sh")
        nginx.arguments = ["-c", "nginx -c \(folder)/aws.conf & cat >/dev/null; kill $!"]
        nginx.standardInput = Pipe()
        try moto.run()
        try nginx.run()
        try Port.awaitOpen(plain)
        try Port.awaitOpen(port)
    }

    /// `good s3 eu-central-1 PUT /bucket/key UNSIGNED-PAYLOAD`, or `bad` and why, for each request; since a mark.
    func requests(from mark: Int = 0) throws -> [String] {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init).dropFirst(mark).map { $0 }
    }

    private static let program = #"""
        import datetime, hashlib, io, os, re, sys, threading
        from botocore.auth import S3SigV4Auth, SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import run_simple
        port, path, key, secret, session = int(sys.argv[1]), *sys.argv[2:6]
        log = open(path, "a", buffering=1)
        inner = DomainDispatcherApplication(create_backend_app)
        FORM = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
                          r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$")

        def fields(environ):
            found = {k[5:].replace("_", "-").lower(): v for k, v in environ.items() if k.startswith("HTTP_")}
            if environ.get("CONTENT_TYPE"): found["content-type"] = environ["CONTENT_TYPE"]
            return found

        def objection(environ, body):
            got = fields(environ)
            if "X-Amz-" in environ["RAW_URI"]: return "a presigned URL", "", ""
            form = FORM.match(got.get("authorization", ""))
            if not form: return "no signature", "", ""
            who, day, region, service, names, signature = form.groups()
            if who != key: return "the key " + who, service, region
            if got.get("x-amz-security-token", session) != session: return "another token", service, region
            signed = names.split(";")
            needed = ["host", "x-amz-date"] + [n for n in got if n.startswith("x-amz-")]
            if not set(needed) <= set(signed): return "too little is signed: " + names, service, region
            stamp = got["x-amz-date"]
            moment = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
            if abs((datetime.datetime.now(datetime.timezone.utc) - moment).total_seconds()) > 300: return "an old date", service, region
            digest = got.get("x-amz-content-sha256", hashlib.sha256(body).hexdigest())
            if len(digest) == 64 and digest != hashlib.sha256(body).hexdigest(): return "another body", service, region
            kind = S3SigV4Auth if service == "s3" else SigV4Auth
            auth = kind(Credentials(key, secret), service, region)
            request = AWSRequest(method=environ["REQUEST_METHOD"], url="https://" + got["host"] + environ["RAW_URI"],
                                 headers={n: got[n] for n in signed}, data=body)
            request.context["timestamp"] = stamp
            made = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
            return (None if made == signature else "another signature"), service, region

        def outer(environ, start):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            why, service, region = objection(environ, body)
            log.write("%s %s %s %s %s %s token=%s\n" % ("bad: " + why if why else "good", service, region, environ["REQUEST_METHOD"],
                      environ["RAW_URI"], environ.get("HTTP_X_AMZ_CONTENT_SHA256", "-"), "HTTP_X_AMZ_SECURITY_TOKEN" in environ))
            if why:
                start("403 Forbidden", [("Content-Type", "application/xml")])
                return [b"<Error><Code>SignatureDoesNotMatch</Code><Message>" + why.encode() + b"</Message></Error>"]
            return inner(environ, start)

        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
        run_simple("127.0.0.1", port, outer, threaded=True)
        """#
}

/// Packages of PyPI that tests use: `make deps-tests` puts them into a folder.
enum Python {
    static let folder: String = {
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["BAILEY_PYTHON"], !folder.isEmpty { return folder }
        return URL(filePath: Binary.path).deletingLastPathComponent().appending(path: "../python")
            .standardizedFileURL
            .path()
    }()

    static func has(_ package: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(folder)/\(package)/__init__.py")
    }
}
