internal import Model

/// The resource of a record taken apart: `https://api.example.com`, `tcp://[::1]:22`, `udp://host:53`.
struct ResourceText {
    let scheme: String
    /// Without brackets.
    let host: String
    /// The one that is meant where none is said; nil where there is no such.
    let port: UInt16?

    /// Nil for what is none.
    init?(_ text: String) {
        guard let end = text.firstPlace(ofText: "://") else { return nil }
        scheme = String(text[..<end.lowerBound])
        let rest = text[end.upperBound...]
        let isBracketed = rest.begins(with: "[")
        let colon = rest.lastPlace(of: ":").flatMap { place in
            isBracketed && rest[place...].holds("]") ? nil : place
        }
        let name = colon.map { rest[..<$0] } ?? rest
        host = String(isBracketed ? name.dropFirst(bytes: 1).dropLast(bytes: 1) : name)
        guard !host.isEmpty else { return nil }
        port = colon.map { UInt16(rest.rest(behind: $0)) } ?? Scheme(rawValue: scheme)?.defaultPort
    }

    var isAddress: Bool { IPAddress(host) != nil }
}

/// What an HTTP request asks for: `GET /v1`.
struct HTTPActionText {
    let method: String
    let path: String

    /// Nil for an action of another kind: `connect`, the text of a statement.
    init?(_ action: String) {
        guard let space = action.firstPlace(ofText: " ") else { return nil }
        let (method, path) = (action[..<space.lowerBound], action[space.upperBound...])
        guard !method.isEmpty, method.utf8.allSatisfy(Self.isOfMethod), path.begins(with: "/") || path == "*"
        else { return nil }
        (self.method, self.path) = (String(method), String(path))
    }

    /// Upper-case letters, of which all methods that are in use are made.
    private static func isOfMethod(_ octet: UInt8) -> Bool {
        (0x41...0x5A).contains(octet) || octet == UInt8(ascii: "-")
    }
}
