import Foundation
import Model
import NIOCore
import Reflection
import Testing

/// A text that holds a secret in some spelling, and what it must become.
struct Reflected: CustomTestStringConvertible {
    let name: String
    let text: String
    let masked: String

    var testDescription: String { name }
}

enum Texts {
    /// With what each encoding has something to do with: `/`, `+`, `=`, `&`, `"`.
    static let secret = "s3cr3t/REAL+k\"=&9xQ"

    static let host = Host.address(IPAddress(v4: 0x7F00_0001))

    static func stars(_ count: Int, _ star: String = "*") -> String { String(repeating: star, count: count) }

    private static func each(_ format: (UInt8) -> String) -> String { secret.utf8.map(format).joined() }

    private static func hex(_ byte: UInt8, _ digits: Int = 2) -> String {
        let text = String(byte, radix: 16)
        return String(repeating: "0", count: digits - text.count) + text
    }

    /// Only what is not unreserved, as `encodeURIComponent` does.
    private static let minimal = each { byte in
        let character = Character(Unicode.Scalar(byte))
        return character.isLetter || character.isNumber ? String(character) : "%" + hex(byte).uppercased()
    }

    private static let html = secret.replacing("&", with: "&amp;").replacing("\"", with: "&quot;")
    private static let json = secret.replacing("\"", with: "\\\"").replacing("/", with: "\\/")

    static let spellings: [Reflected] = [
        .init(name: "as it is", text: "auth=\(secret);", masked: "auth=\(stars(19));"),
        .init(name: "upper case", text: "<\(secret.uppercased())>", masked: "<\(stars(19))>"),
        .init(name: "twice, side by side", text: secret + secret, masked: stars(38)),
        .init(
            name: "UTF-16, low octet first",
            text: "a\0=\0" + each { String(decoding: [$0, 0], as: UTF8.self) } + "b\0",
            masked: "a\0=\0" + stars(19, "*\0") + "b\0"
        ),
        .init(
            name: "UTF-16, high octet first",
            text: "\0a\0=" + each { String(decoding: [0, $0], as: UTF8.self) },
            masked: "\0a\0=" + stars(19, "\0*")
        ),
        .init(name: "hex", text: "x" + each { hex($0) } + "x", masked: "x" + stars(38, "0") + "x"),
        .init(name: "HEX", text: "x" + each { hex($0).uppercased() }, masked: "x" + stars(38, "0")),
        .init(name: "every octet in %", text: "?" + each { "%" + hex($0) }, masked: "?" + stars(19, "%2A")),
        .init(name: "every octet in \\x", text: each { "\\x" + hex($0) }, masked: stars(19, "\\x2A")),
        .init(name: "every octet in \\u", text: each { "\\u" + hex($0, 4) }, masked: stars(19, "\\u002A")),
        .init(
            name: "every octet in &#;",
            text: each { "&#\($0);" },
            masked: each { stars("&#\($0);".count) }
        ),
        .init(name: "every octet in &#x;", text: each { "&#x\(hex($0));" }, masked: stars(19 * 6)),
        .init(
            name: "what must be in %",
            text: "q=" + minimal + "&",
            masked: "q=" + minimal.replacing(#/%..|./#) { $0.output.count == 3 ? "%2A" : "*" } + "&"
        ),
        .init(name: "JSON", text: "\"\(json)\"", masked: "\"\(stars(json.count))\""),
        .init(name: "HTML", text: "<a b=\"\(html)\">", masked: "<a b=\"\(stars(html.count))\">"),
    ]

    /// In base64 the first and last character may be shared with what is beside the secret.
    static let base64: [String] = ["", "a", "ab", "user:", "\"", "Bearer "].flatMap { before in
        ["", "x", "\"}", "xyz"].map { before + secret + $0 }
    }

    static func masked(_ text: String, cuts: [Int], _ secret: String = secret) throws -> String {
        var mask = ReflectionMask(try #require(SecretSpellings(ofField: "Bearer " + secret)))
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var start = 0
        for cut in cuts + [bytes.count] where cut > start {
            result += mask.mask(ByteBuffer(bytes: bytes[start..<cut])).readableBytesView
            start = cut
        }
        result += mask.finish().readableBytesView
        return String(decoding: result, as: UTF8.self)
    }
}
