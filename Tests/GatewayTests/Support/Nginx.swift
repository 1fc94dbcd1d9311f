import Foundation

/// A real nginx on loopback: HTTP on one port, HTTPS on another; ends with its owner.
final class Nginx {
    private(set) var plain: UInt16 = 0
    private(set) var secure: UInt16 = 0
    private let scratch: Scratch
    private var process: Child?

    /// `certificate` names one of `Certificates`.
    init(certificate: String = "good") throws {
        guard let certificates = Certificates.shared else { throw CocoaError(.fileNoSuchFile) }
        scratch = try Scratch()
        // A free port can be taken before nginx gets to it: then with others.
        for _ in 0..<5 where try !start(certificate, certificates.scratch.path) {}
        guard process != nil else { throw CocoaError(.executableLoad) }
    }

    private func start(_ certificate: String, _ files: String) throws -> Bool {
        guard process == nil else { return true }
        plain = try Sockets.freePort()
        secure = try Sockets.freePort()
        _ = try scratch.write(
            "nginx.conf",
            """
            daemon off; master_process off; pid \(scratch.path)/pid; error_log \(scratch.path)/error.log;
            events { worker_connections 256; }
            http {
              access_log \(scratch.path)/access.log combined;
              client_body_temp_path \(scratch.path)/b; proxy_temp_path \(scratch.path)/p;
              fastcgi_temp_path \(scratch.path)/f; uwsgi_temp_path \(scratch.path)/u; scgi_temp_path \(scratch.path)/s;
              keepalive_timeout 30;
              server {
                listen 127.0.0.1:\(plain); listen 127.0.0.1:\(secure) ssl;
                ssl_certificate \(files)/\(certificate).pem; ssl_certificate_key \(files)/\(certificate).key;
                root \(scratch.path);
                location /v1/ { default_type text/plain; return 200 "hello $request_method $uri auth=$http_authorization\\n"; }
                location /redir { return 302 http://169.254.169.254/latest; }
                location / { default_type text/plain; return 200 "root\\n"; }
                location /big { alias \(scratch.path)/big; }
              }
            }
            """
        )
        _ = try scratch.write("big", String(repeating: "0123456789abcdef", count: 1 << 20))
        let child = try Child(
            // A bound of its own, should the tests be killed.
            "/usr/bin/timeout",
            ["-s", "KILL", "900", "/usr/sbin/nginx", "-p", scratch.path, "-c", scratch.path + "/nginx.conf"]
        )
        for _ in 0..<3_000 where !child.hasEnded {
            if (try? RawClient(port: secure)) != nil, (try? RawClient(port: plain)) != nil {
                process = child
                return true
            }
            usleep(10_000)
        }
        return false
    }

    /// What reached it, one line for each request.
    ///
    /// A line is written after its answer was sent: a request of the test's own comes behind all others, and the log is
    /// whole when that one's line is there.
    var accessLog: String {
        guard let client = try? RawClient(port: plain) else { return "nginx does not answer" }
        markers += 1
        client.send("GET \(Self.marker) HTTP/1.0\r\n\r\n")
        _ = client.text()
        for _ in 0..<6_000 {
            let lines = scratch.read("access.log").split(separator: "\n")
            if lines.count(where: { $0.contains(Self.marker) }) >= markers {
                return lines.filter { !$0.contains(Self.marker) }.joined(separator: "\n")
            }
            usleep(10_000)
        }
        return "nginx does not write its log"
    }

    private static let marker = "/marker-of-the-test"
    /// Requests of the test's own so far.
    private var markers = 0
}
