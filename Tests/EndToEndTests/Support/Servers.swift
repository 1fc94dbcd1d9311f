import Foundation
import Glibc
import Synchronization
import Testing

/// A real nginx on loopback, over TLS with a certificate authority of its own, and a sink that must stay dry.
final class Servers: Sendable {
    /// Where nginx serves `allowed.test` and `other.test` over TLS, and plain HTTP.
    let tlsPort: UInt16
    /// The same over HTTP/2, where the client takes it.
    let http2Port: UInt16
    let httpPort: UInt16
    /// Where nginx asks for a client certificate, and says which it was shown and on which connection.
    let mutualPort: UInt16
    let folder: String
    let sink: Sink
    private let nginx: Process
    private var log: AccessLog { AccessLog(path: folder + "/access.log", port: httpPort) }

    /// Started once for all tests; nginx ends with the test process by its own standard input's end.
    static let shared = Result { try Servers() }

    static func started() throws -> Servers { try shared.get() }

    private init() throws {
        folder = NSTemporaryDirectory() + "bailey-servers-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        tlsPort = try Port.free()
        http2Port = try Port.free()
        httpPort = try Port.free()
        mutualPort = try Port.free()
        sink = try Sink()
        try Self.makeCertificates(in: folder)
        try Self.configuration(folder, tls: tlsPort, http2: http2Port, http: httpPort, mutual: mutualPort)
            .write(toFile: folder + "/nginx.conf", atomically: true, encoding: .utf8)
        nginx = Process()
        // The shell ends nginx when this process is gone, however it went.
        nginx.executableURL = URL(filePath: "/bin/sh")
        nginx.arguments = ["-c", "nginx -c \(folder)/nginx.conf & cat >/dev/null; kill $!; rm -rf \(folder)"]
        nginx.standardInput = Pipe()
        try nginx.run()
        for port in [tlsPort, http2Port, httpPort, mutualPort] { try Port.awaitOpen(port) }
    }

    private static func makeCertificates(in folder: String) throws {
        let names = "DNS:allowed.test,DNS:other.test,DNS:denied.test,DNS:sub.allowed.test,IP:127.0.0.1"
        let script = """
            set -e
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test-root \
              -keyout ca.key -out ca.pem
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=allowed.test \
              -keyout server.key -out server.csr
            printf 'subjectAltName=\(names)\\n' > server.ext
            openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext \
              -out server.pem
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=selfsigned.test \
              -addext subjectAltName=DNS:selfsigned.test -keyout self.key -out self.pem
            printf 'subjectAltName=DNS:expired.test\\n' > expired.ext
            openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 0 -extfile expired.ext \
              -out expired.pem
            for name in a b; do
              openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=client-$name \
                -keyout client-$name.key -out client-$name.csr
              openssl x509 -req -in client-$name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out client-$name.crt
              cat client-$name.crt ca.pem client-$name.key > client-$name.pem
            done
            truncate -s 2G sparse
            git init -q -b main work; cd work; echo cloned > file; git add file
            git -c user.name=T -c user.email=t@t.test commit -qm First; cd ..
            git clone -q --bare work repository.git; git -C repository.git update-server-info
            """
        let outcome = try Command.run(
            ["sh", "-c", script],
            environment: ["PATH": "/usr/bin:/bin", "HOME": folder],
            directory: folder
        )
        try #require(outcome.code == 0, "\(outcome)")
    }

    private static func configuration(
        _ folder: String,
        tls: UInt16,
        http2: UInt16,
        http: UInt16,
        mutual: UInt16
    ) -> String {
        """
        daemon off; worker_processes 1; pid \(folder)/nginx.pid; error_log \(folder)/error.log;
        user root;
        events { worker_connections 256; }
        http {
          log_format arrived '$host "$request" $status auth="$http_authorization" key="$http_x_api_key" body="$request_body" cookie="$http_cookie" coding="$sent_http_content_encoding"';
          access_log \(folder)/access.log arrived; client_body_temp_path \(folder)/body; proxy_temp_path \(folder)/proxy;
          fastcgi_temp_path \(folder)/fastcgi; uwsgi_temp_path \(folder)/uwsgi; scgi_temp_path \(folder)/scgi;
          default_type text/plain;
          server {
            listen 127.0.0.1:\(tls) ssl; listen 127.0.0.1:\(http2) ssl http2; listen 127.0.0.1:\(http);
            server_name allowed.test other.test; client_max_body_size 3g;
            ssl_certificate \(folder)/server.pem; ssl_certificate_key \(folder)/server.key;
            location /repository.git/ { root \(folder); }
            location /v1/read/ { proxy_pass http://127.0.0.1:\(http)/; }
            location /v1/zip/ { gzip on; gzip_types *; gzip_min_length 1; return 200 "zipped zipped zipped zipped\\n"; }
            location /v1/page/ { add_header Alt-Svc 'h3=":\(http2)"; ma=3600'; gzip on; gzip_min_length 1; default_type text/html; return 200 "\(Self.page)"; }
            location /v1/packages/ { alias \(folder)/packages/; }
            location = /v1/sparse { alias \(folder)/sparse; }
            location = /v1/slow { limit_rate 1k; alias \(folder)/sparse; }
            location = /bearer/redirect { return 302 $arg_to; }
            location / { return 200 "$request_method $host $request_uri auth=$http_authorization\\n"; }
          }
          server {
            listen 127.0.0.1:\(http); server_name reading.test;
            location / { return 200 "$request_uri|$uri\\n"; }
          }
          server {
            listen 127.0.0.1:\(tls) ssl; server_name selfsigned.test;
            ssl_certificate \(folder)/self.pem; ssl_certificate_key \(folder)/self.key;
            location / { return 200 "self\\n"; }
          }
          server {
            listen 127.0.0.1:\(mutual) ssl http2; server_name allowed.test;
            ssl_certificate \(folder)/server.pem; ssl_certificate_key \(folder)/server.key;
            ssl_client_certificate \(folder)/ca.pem; ssl_verify_client optional;
            location / { return 200 "$ssl_client_verify $ssl_client_s_dn $connection\\n"; }
          }
          server {
            listen 127.0.0.1:\(tls) ssl; server_name expired.test;
            ssl_certificate \(folder)/expired.pem; ssl_certificate_key \(folder)/server.key;
            location / { return 200 "expired\\n"; }
          }
        }
        """
    }

    /// A page whose script writes to where its name says, and shows what it is answered.
    private static let page =
        "<!doctype html><body><script>fetch('/v1/browser-' + location.pathname.split('/').pop(), {method: 'POST', body: 'a=b'})"
        + ".then(a => a.text()).then(t => document.body.append(t))</script>"

    /// What nginx says of the requests that it has answered whose line holds a text.
    func lines(with text: String) throws -> [String] {
        try log.lines().filter { $0.contains(text) }.map(String.init)
    }

    /// How many requests nginx has answered whose line holds a text, and another one.
    func requests(with text: String, and more: String = " ") throws -> Int {
        try log.lines().count { $0.contains(text) && $0.contains(more) }
    }

    /// `bailey.yaml` that names these servers.
    var operatorConfiguration: String {
        """
        bailey: 1
        resolve: {allowed.test: 127.0.0.1, other.test: 127.0.0.1, selfsigned.test: 127.0.0.1, denied.test: 127.0.0.2,
          wrongname.test: 127.0.0.1, reading.test: 127.0.0.1, expired.test: 127.0.0.1}
        upstream-ca: \(folder)/ca.pem
        """
    }
}

/// Accepts on 127.0.0.2 and counts what arrives: any byte is a failure of the enclosure.
final class Sink: @unchecked Sendable {
    let port: UInt16
    private let lock = NSLock()
    private var count = 0

    var bytes: Int { lock.withLock { count } }

    init() throws {
        let listener = try Port.listen(on: "127.0.0.2")
        port = try Port.number(of: listener)
        let thread = Thread { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
                var buffer = [UInt8](repeating: 0, count: 4096)
                var received = read(connection, &buffer, buffer.count)
                while received > 0 {
                    lock.withLock { count += received }
                    received = read(connection, &buffer, buffer.count)
                }
                close(connection)
            }
        }
        thread.start()
    }
}

/// TCP ports of loopback.
enum Port {
    /// Below those that the kernel chooses from (`ip_local_port_range`, 32768 to 60999): between the moment that one is
    /// found free and a server's bind(2) no socket of anybody's gets it by chance.
    private static let all: Range<UInt16> = 10_000..<20_000
    /// Two test processes of one machine begin in different places.
    private static let next = Mutex(all.lowerBound + UInt16(getpid() % 100) * 100)

    /// One that nobody has, and that is given to nobody else.
    static func free() throws -> UInt16 {
        for _ in all {
            let port = next.withLock { next in
                defer { next = next + 1 < all.upperBound ? next + 1 : all.lowerBound }
                return next
            }
            guard let descriptor = bound(to: "127.0.0.1", port) else { continue }
            close(descriptor)
            return port
        }
        throw POSIXError(.EADDRINUSE)
    }

    /// A listener on a port of the kernel's choice.
    static func listen(on address: String) throws -> Int32 {
        let descriptor = try #require(bound(to: address, 0))
        try #require(Glibc.listen(descriptor, 64) == 0)
        return descriptor
    }

    private static func bound(to address: String, _ port: UInt16) -> Int32? {
        // A program that another test starts meanwhile must not hold it.
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var name = Self.address(of: address, port)
        let status = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    private static func address(of text: String, _ port: UInt16) -> sockaddr_in {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        inet_pton(AF_INET, text, &name.sin_addr)
        return name
    }

    static func number(of descriptor: Int32) throws -> UInt16 {
        var name = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        try #require(status == 0)
        return UInt16(bigEndian: name.sin_port)
    }

    /// A connection to one of loopback; nil where nobody accepts.
    static func connect(to port: UInt16) -> FileHandle? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var name = address(of: "127.0.0.1", port)
        let status = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        return status == 0 ? handle : nil
    }

    /// Waits, with a bound, until something accepts.
    static func awaitOpen(_ port: UInt16) throws {
        let end = Date(timeIntervalSinceNow: 120)
        while Date() < end {
            if connect(to: port) != nil { return }
            Thread.sleep(forTimeInterval: 0.02)
        }
        try #require(Bool(false), "nothing listens on port \(port)")
    }
}
