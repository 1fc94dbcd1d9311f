import Model
import Signing
import TestSupport
import Testing

struct FuzzTests {
    private static let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

    /// The first line is method and target, the others are fields.
    private static func parts(_ input: [UInt8]) -> AWSSigner.Parts? {
        let lines = input.split(separator: 0x0A, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        let first = (lines.first ?? "").split(separator: " ", maxSplits: 1).map(String.init)
        guard first.count == 2, !first[0].isEmpty, first[0].utf8.allSatisfy({ (0x41...0x5A).contains($0) })
        else { return nil }
        let (path, query) = URLQuery.cut(first[1])
        let fields = lines.dropFirst().compactMap { line -> (name: String, value: String)? in
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            // As the engine lets fields through.
            guard parts.count == 2, !parts[0].isEmpty,
                parts[0].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ";") }),
                parts[1].utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
            else { return nil }
            return (String(parts[0]), String(parts[1]))
        }
        return parts("", first[0], String(path), query.map(String.init), fields)
    }

    private static func parts(
        _ payload: String,
        _ method: String,
        _ path: String,
        _ query: String?,
        _ fields: [(name: String, value: String)]
    ) -> AWSSigner.Parts {
        AWSSigner.Parts(method: method, path: path, query: query, fields: fields, payload: payload)
    }

    private static func isEncoded(_ text: some StringProtocol, besides: String) -> Bool {
        text.utf8.allSatisfy { octet in
            switch octet {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "-._~%\(besides)".utf8.contains(octet)
            }
        }
    }

    @Test(
        "Canonical requests: no trap, a line for each part whatever is in it, and the order of fields and parameters is none"
    )
    func canonicalRequests() throws {
        let texts = [
            "GET /\nhost:a.test\nx-amz-date:20150830T123600Z",
            "GET /a//b/../c%2Fd?b=2&a=1&a=0&c\nHost: a\nhost:b",
            "PUT /a b/%zz?x=%2B+%\nX-Amz-Meta-A:  two   blanks ",
            "POST /\u{e4}/\u{4e2d}?q=\u{e4}\ncontent-type:text/plain",
        ]
        let words = [
            "%", "%2", "%0A", "+", " ", "/", "?", "&", "=", "\n", ":", "host:", ";", "\u{301}", "~", "//",
            "\r",
        ]
        try Fuzz("aws-canonical-requests", texts: texts, words: words).run { input, random in
            guard let parts = Self.parts(input) else { return }
            for service in ["s3", "iam"] {
                let key = try #require(AWSKey("AKIDEXAMPLE:\(Self.secret)"))
                let scope = try #require(AWSScope(region: "us-east-1", service: service))
                let signer = AWSSigner(key, scope, at: AWSTime(seconds: 1_440_938_160))
                let lines = signer.canonicalRequest(parts).split(
                    separator: "\n",
                    omittingEmptySubsequences: false
                )
                let names = Set(parts.fields.map { $0.name.lowercasedASCII })
                try Finding.unless(lines.count == 6 + names.count, "other lines: \(lines)")
                try Finding.unless(Self.isEncoded(lines[1], besides: "/"), "the path is \(lines[1])")
                try Finding.unless(Self.isEncoded(lines[2], besides: "=&"), "the query is \(lines[2])")
                let named = lines[lines.count - 2].split(separator: ";").map(String.init)
                try Finding.unless(
                    Set(named) == names && named.count == names.count,
                    "the names are \(named)"
                )
                let pairs = lines[2].split(separator: "&").map(String.init)
                let turned = Self.parts(
                    parts.payload,
                    parts.method,
                    parts.path,
                    parts.query.map {
                        $0.split(separator: "&").shuffled(using: &random).joined(separator: "&")
                    },
                    names.shuffled(using: &random).flatMap { name in
                        parts.fields.filter { $0.name.lowercasedASCII == name }
                    }
                )
                try Finding.unless(
                    signer.authorization(for: turned) == signer.authorization(for: parts),
                    "in another order it is signed otherwise: \(pairs)"
                )
                let value = signer.authorization(for: parts)
                try Finding.unless(!value.contains(Self.secret), "the secret is in it")
                try Finding.unless(value.utf8.suffix(65).first == UInt8(ascii: "="), "no signature: \(value)")
            }
        }
    }
}
