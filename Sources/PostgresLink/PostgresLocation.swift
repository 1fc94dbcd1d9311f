internal import Model

/// Where a database of the operator's is: `postgresql://USER@HOST[:PORT]/NAME[?sslmode=…]`, or the folder of a socket as `host`.
package struct PostgresLocation: Sendable, Hashable, CustomStringConvertible {
    /// Why a URL is none of these.
    package struct Problem: Error, Sendable, Hashable {
        package let message: String
    }

    /// How much of TLS is demanded: libpq's `sslmode`.
    package enum Security: String, Sendable, CaseIterable {
        case full = "verify-full"
        case authority = "verify-ca"
        case unverified = "require"
        case none = "disable"
    }

    let host: String
    let port: UInt16
    let name: String
    /// Nil for the name of the operating system's user.
    let user: String?
    package let security: Security
    /// Files with the roots, and with a certificate and a key of ours; absolute.
    let roots: String
    let certificate: String?
    let key: String?

    /// What Debian keeps its roots in; others name a file with `sslrootcert`.
    private static let systemRoots = "/etc/ssl/certs/ca-certificates.crt"
    /// In the place of files that libpq looks for in the home folder; one that is not there is none to it.
    private static let nowhere = "/nonexistent/bailey"
    private static let options = ["host", "sslmode", "sslrootcert", "sslcert", "sslkey"]

    /// Files that it names besides the system's roots.
    package var files: [String] {
        [certificate, key].compactMap(\.self) + (roots.isSame(as: Self.systemRoots) ? [] : [roots])
    }
    /// Who reaches these is let in as us: the file of its private key, and a socket, by which peers log in without a password.
    package var secretFiles: [String] {
        [key, isSocket ? "\(host)/.s.PGSQL.\(port)" : nil].compactMap(\.self)
    }
    private var isSocket: Bool { host.begins(with: "/") }

    /// Holds no secret: a URL with a password is none of these.
    package var description: String {
        let place = isSocket ? host : host.holds(":") ? "[\(host)]" : host
        return "PostgreSQL at \(place):\(port), database \(name)"
    }

    package init(_ url: String) throws(Problem) {
        guard url.utf8.count <= PostgresLimits.url, url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let start = url.firstPlace(ofText: "://"),
            ["postgresql", "postgres"].holds(bytes: url[..<start.lowerBound])
        else { throw Problem(message: "it is no URL of PostgreSQL, as in \(Self.example)") }
        let rest = url[start.upperBound...]
        let mark = rest.firstPlace(of: "?")
        let place = rest[..<(mark ?? rest.endIndex)]
        let values = try Self.values(mark.map { rest.rest(behind: $0) } ?? "")
        guard let slash = place.firstPlace(of: "/"), let name = Self.text(place.rest(behind: slash)),
            !name.isEmpty, !name.holds("/")
        else { throw Problem(message: "it names no database, as in \(Self.example)") }
        self.name = name
        let authority = place[..<slash]
        let at = authority.lastPlace(of: "@")
        user = try at.map { end throws(Problem) in try Self.user(authority[..<end]) }
        let written = at.map { authority.rest(behind: $0) } ?? authority
        (host, port) = try Self.host(written, values["host"])
        security = try Self.security(values["sslmode"])
        roots = try Self.file(values["sslrootcert"], "sslrootcert") ?? Self.systemRoots
        certificate = try Self.file(values["sslcert"], "sslcert")
        key = try Self.file(values["sslkey"], "sslkey")
        guard (certificate == nil) == (key == nil) else {
            throw Problem(message: "sslcert and sslkey go together")
        }
    }

    private static let example = "postgresql://bailey@db.example.com/audit"

    private static func values(_ query: Substring) throws(Problem) -> [String: String] {
        var values: [String: String] = [:]
        for part in query.cut(at: "&") {
            guard let equals = part.firstPlace(of: "="), let value = text(part.rest(behind: equals)),
                !value.isEmpty
            else { throw Problem(message: "\"\(part)\" is no NAME=VALUE") }
            let name = part[..<equals]
            guard options.holds(bytes: name) else {
                let own =
                    name.isSame(as: "password")
                    ? "the password has a key of its own, password"
                    : "it takes \(options.joined(separator: ", "))"
                throw Problem(message: "\"\(name)\" does not go here: \(own)")
            }
            guard values.updateValue(value, forKey: String(name)) == nil else {
                throw Problem(message: "\(name) is there twice")
            }
        }
        return values
    }

    private static func user(_ text: Substring) throws(Problem) -> String {
        guard !text.holds(":") else {
            throw Problem(message: "it holds a password, which has a key of its own, password: {file: PATH}")
        }
        guard let user = Self.text(text), !user.isEmpty else { throw Problem(message: "it names no user") }
        return user
    }

    private static func host(
        _ written: Substring,
        _ named: String?
    ) throws(Problem) -> (String, UInt16) {
        var (text, port) = (written, UInt16(5_432))
        let isBracketed = text.begins(with: "[")
        if let colon = text.lastPlace(of: ":"), !isBracketed || !text[colon...].holds("]") {
            let digits = text.rest(behind: colon)
            guard let number = UInt16(digits), number > 0 else {
                throw Problem(message: "\"\(digits)\" is no port")
            }
            (text, port) = (text[..<colon], number)
        }
        if isBracketed, text.ends(with: "]") { text = text.dropFirst(bytes: 1).dropLast(bytes: 1) }
        if let named {
            guard text.isEmpty, named.begins(with: "/") else {
                throw Problem(message: "host is the folder of a socket, where the URL names no host")
            }
            return (named, port)
        }
        let name = String(text)
        guard IPAddress(name) != nil || (!isBracketed && DNSName(name) != nil) else {
            throw Problem(
                message: "\"\(name)\" is no host; a socket is named by its folder, as in "
                    + "postgresql://bailey@/audit?host=/var/run/postgresql"
            )
        }
        return (name, port)
    }

    private static func security(_ word: String?) throws(Problem) -> Security {
        guard let word else { return .full }
        guard let security = Security.allCases.first(where: { $0.rawValue.isSame(as: word) }) else {
            throw Problem(
                message: "sslmode \"\(word)\" is none of "
                    + Security.allCases.map(\.rawValue).joined(separator: ", ")
                    + ": whether there is TLS is not for the server to say"
            )
        }
        return security
    }

    private static func file(_ path: String?, _ name: String) throws(Problem) -> String? {
        guard let path else { return nil }
        guard path.begins(with: "/") else {
            throw Problem(message: "\(name) is an absolute path, not \"\(path)\"")
        }
        return path
    }

    /// Out of percent-encoding; nil for what a connection cannot have in it.
    private static func text(_ written: Substring) -> String? {
        let octets = URLQuery.decoded(Array(written.utf8), plus: UInt8(ascii: "+"))
        guard !octets.contains(0), let text = String(validating: octets, as: UTF8.self) else { return nil }
        return text
    }

    /// libpq's keywords (PostgreSQL 15, section 34.1.2), each with its value behind it.
    func keywords(password: [UInt8]?, takesChanges: Bool) throws(Problem) -> [String] {
        var words = [
            "host", host, "port", "\(port)", "dbname", name, "sslmode", security.rawValue,
            "connect_timeout", "\(PostgresLimits.connect)", "keepalives", "1",
            "keepalives_idle", "\(PostgresLimits.keepaliveIdle)",
            "keepalives_interval", "\(PostgresLimits.keepaliveInterval)",
            "keepalives_count", "\(PostgresLimits.keepaliveCount)",
            "tcp_user_timeout", "\(PostgresLimits.unacknowledged)",
            "application_name", "bailey", "client_encoding", "UTF8",
            // What lies in somebody's home says nothing here; nor is there anything but TLS.
            "passfile", Self.nowhere, "sslcrl", Self.nowhere, "gssencmode", "disable",
        ]
        if let user { words += ["user", user] }
        if takesChanges { words += ["target_session_attrs", "read-write"] }
        let isVerified = security == .full || security == .authority
        words += ["sslrootcert", isVerified ? roots : Self.nowhere]
        words += ["sslcert", certificate ?? Self.nowhere]
        if let key { words += ["sslkey", key] }
        guard let password else { return words }
        // Where the server's name is not verified whoever stands between could ask for the password in the clear.
        if security == .unverified || security == .authority { words += ["channel_binding", "require"] }
        guard !password.contains(0), let text = String(validating: password, as: UTF8.self) else {
            throw Problem(message: "the password is no text in UTF-8")
        }
        return words + ["password", text]
    }
}
