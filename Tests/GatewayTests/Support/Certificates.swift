import Foundation

/// An upstream authority and certificates under it, made by openssl once for all tests.
final class Certificates: Sendable {
    static let shared = try? Certificates()

    let scratch: Scratch
    var authority: String { scratch.path + "/ca.pem" }

    private init() throws {
        scratch = try Scratch()
        try Self.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2"
                + " -subj /CN=test-authority -addext basicConstraints=critical,CA:TRUE",
            in: scratch
        )
        try leaf("good", names: "DNS:allowed.test,DNS:other.test,DNS:*.allowed.test,IP:127.0.0.1")
        try leaf("wrong", names: "DNS:somebody-else.test")
        try Self.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout self.key -out self.pem -days 2"
                + " -subj /CN=allowed.test -addext subjectAltName=DNS:allowed.test",
            in: scratch
        )
    }

    private func leaf(_ name: String, names: String) throws {
        _ = try scratch.write("\(name).ext", "subjectAltName=\(names)\n")
        try Self.openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \(name).key -out \(name).csr -subj /CN=\(name)",
            in: scratch
        )
        try Self.openssl(
            "x509 -req -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile \(name).ext -out \(name).pem",
            in: scratch
        )
    }

    private static func openssl(_ command: String, in scratch: Scratch) throws {
        let made = try Program.run("/bin/sh", ["-c", "cd '\(scratch.path)' && openssl \(command)"])
        guard made.status == 0 else { throw CocoaError(.fileWriteUnknown) }
    }
}
