import Foundation
import Testing

/// git's own server, `git http-backend`, behind nginx, over TLS: repositories that may be pushed to, and what was asked of
/// them.
final class GitServer: Sendable {
    /// The second port speaks HTTP/2.
    let ports: [UInt16]
    /// Where the repositories are, `acme/NAME.git` each.
    let repositories: String
    private let log: AccessLog
    private let process: Process
    private let backend: PythonServer

    /// The user and password that `/secure/` takes.
    static let account = (user: "agent", password: "pa55-REAL-6b1f0c9d")

    private static let shared = Result { try GitServer() }

    /// Started once for all tests; it ends with the test process by its own standard input's end.
    static func started() throws -> GitServer { try shared.get() }

    private init() throws {
        let servers = try Servers.started()
        let folder = servers.folder + "/git"
        repositories = folder + "/repositories"
        ports = [try Port.free(), try Port.free()]
        log = AccessLog(path: folder + "/access.log", port: ports[0])
        try FileManager.default.createDirectory(atPath: repositories, withIntermediateDirectories: true)
        backend = try PythonServer("git-backend", Self.program)
        try Self.configuration(folder, certificates: servers.folder, ports, backend: backend.port)
            .write(toFile: folder + "/nginx.conf", atomically: true, encoding: .utf8)
        process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        // The shell ends nginx when this process is gone, however it went.
        process.arguments = [
            "-c",
            """
            printf '\(Self.account.user):%s\\n' "$(openssl passwd -apr1 '\(Self.account.password)')" > \(folder)/accounts
            nginx -c \(folder)/nginx.conf & cat >/dev/null; kill $!
            """,
        ]
        process.standardInput = Pipe()
        try process.run()
        for port in ports { try Port.awaitOpen(port) }
    }

    /// The Common Gateway Interface (RFC 3875) as `git http-backend` needs it.
    private static let program = #"""
        import http.server, subprocess, urllib.parse

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *words): pass

            def do_GET(self):
                path, _, query = self.path.partition("?")
                fields = self.headers
                environment = {
                    "PATH": "/usr/bin:/bin", "GIT_PROJECT_ROOT": folder + "/git/repositories", "GIT_HTTP_EXPORT_ALL": "1",
                    "REMOTE_USER": "pusher", "REMOTE_ADDR": "127.0.0.1", "REQUEST_METHOD": self.command,
                    "PATH_INFO": urllib.parse.unquote(path), "QUERY_STRING": query,
                    "CONTENT_TYPE": fields.get("Content-Type", ""), "CONTENT_LENGTH": fields.get("Content-Length", ""),
                    "GIT_PROTOCOL": fields.get("Git-Protocol", ""),
                    "HTTP_CONTENT_ENCODING": fields.get("Content-Encoding", ""),
                }
                body = self.rfile.read(int(fields.get("Content-Length") or 0))
                try:
                    made = subprocess.run(["git", "http-backend"], input=body, env=environment, timeout=30,
                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
                except subprocess.TimeoutExpired:
                    made = b"Status: 504 Timeout\r\n\r\n"
                head, _, rest = made.partition(b"\r\n\r\n")
                lines = [line.decode().split(": ", 1) for line in head.split(b"\r\n") if line]
                self.send_response(int(dict(lines).get("Status", "200").split()[0]))
                for name, value in lines:
                    if name != "Status": self.send_header(name, value)
                self.end_headers()
                self.wfile.write(rest)

            do_POST = do_HEAD = do_GET

        http.server.ThreadingHTTPServer(("127.0.0.1", ports[0]), Handler).serve_forever()
        """#

    private static func configuration(
        _ folder: String,
        certificates: String,
        _ ports: [UInt16],
        backend: UInt16
    ) -> String {
        let place = "http://127.0.0.1:\(backend)"
        return """
            daemon off; worker_processes 1; pid \(folder)/nginx.pid; error_log \(folder)/error.log;
            user root;
            events { worker_connections 256; }
            http {
              log_format arrived '"$request" $status auth="$http_authorization" protocol="$http_git_protocol" coding="$http_content_encoding" length="$http_content_length"';
              access_log \(folder)/access.log arrived; client_body_temp_path \(folder)/body; proxy_temp_path \(folder)/proxy;
              fastcgi_temp_path \(folder)/fastcgi; uwsgi_temp_path \(folder)/uwsgi; scgi_temp_path \(folder)/scgi;
              server {
                listen 127.0.0.1:\(ports[0]) ssl; listen 127.0.0.1:\(ports[1]) ssl http2; client_max_body_size 1g;
                ssl_certificate \(certificates)/server.pem; ssl_certificate_key \(certificates)/server.key;
                location / { proxy_pass \(place)$uri$is_args$args; }
                location ~ ^/secure(/.*)$ {
                  auth_basic git; auth_basic_user_file \(folder)/accounts;
                  proxy_pass \(place)$1$is_args$args;
                }
                location ~ ^/dumb(/.*)$ { alias \(folder)/repositories$1; }
              }
            }
            """
    }

    /// A new bare repository with one commit on `main` and a tag; its path in a URL.
    func repository(_ configuration: [String] = []) throws -> String {
        let name = "acme/\(UUID().uuidString.prefix(8).lowercased()).git"
        let settings = configuration.map { "git -C \"$0\" config \($0)" }.joined(separator: "\n")
        let outcome = try shell(
            """
            set -e; mkdir -p "$0"; git init -q --bare -b main "$0"; \(settings)
            tree=$(git -C "$0" mktree </dev/null)
            commit=$(git -C "$0" -c user.name=T -c user.email=t@t.test commit-tree -m First "$tree")
            git -C "$0" update-ref refs/heads/main "$commit"; git -C "$0" update-ref refs/tags/v0 "$commit"
            git -C "$0" update-server-info
            """,
            name
        )
        try #require(outcome.code == 0, "\(outcome)")
        return "/" + name
    }

    /// Its refs, sorted, `refs/heads/main` and `refs/tags/v0` left out where nothing changed them.
    func refs(of path: String) throws -> [String] {
        try shell(
            "git -C \"$0\" for-each-ref --format='%(refname) %(contents:subject)'",
            String(path.dropFirst())
        ).lines
            .filter { $0 != "refs/heads/main First" && $0 != "refs/tags/v0 First" }
    }

    /// The lines of nginx's log that hold a text.
    func requests(with text: String) throws -> [String] {
        try log.lines().map(String.init).filter { $0.contains(text) }
    }

    private func shell(_ script: String, _ repository: String) throws -> Outcome {
        try Command.run(
            ["sh", "-c", script, "\(repositories)/\(repository)"],
            environment: ["PATH": "/usr/bin:/bin", "HOME": repositories],
            directory: repositories
        )
    }
}
