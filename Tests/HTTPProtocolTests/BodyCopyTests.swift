import HTTPProtocol
import Model
import NIOCore
import NIOHTTP1
import Reflection
import Testing

struct BodyCopyTests {
    private static let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
    private static let masked = "ghp_" + String(repeating: "x", count: 36)

    private static func secrets(_ value: String = "Bearer s3cr3t-REAL-and-long") -> [SecretSpellings] {
        let cache = SpellingsCache()
        _ = cache.spellings(ofField: value, sentTo: .address(IPAddress(v4: 0x7F00_0001)))
        return cache.outward
    }

    /// What is recorded of octets that come in pieces of a size.
    private static func recorded(
        _ octets: [UInt8],
        _ form: BodyCopy.Form,
        _ kinds: MaskKinds = [],
        side: BodySide = .response,
        pieces: Int = .max,
        isWhole: Bool = true
    ) -> (text: String, copy: BodyCopy) {
        var copy = BodyCopy(of: side, form, hiding: secrets(), kinds)
        var all = ByteBuffer()
        var rest = octets[...]
        while !rest.isEmpty {
            copy.take(ByteBuffer(bytes: rest.prefix(pieces))) { all.writeImmutableBuffer($0) }
            rest = rest.dropFirst(pieces)
        }
        var last = copy.end(isWhole: isWhole)
        all.writeBuffer(&last)
        return (String(buffer: all), copy)
    }

    private static let text = BodyCopy.Form.document(["content-type": "text/plain"])

    @Test(arguments: [1, 2, 3, 7, 64, Int.max])
    func `What was put in, tokens, and what a rule masks are masked, whatever pieces it comes in`(pieces: Int)
    {
        let document =
            "a s3cr3t-REAL-and-long b \(Self.token) c czNjcjN0LVJFQUwtYW5kLWxvbmc= d bob@example.org"
        let hidden = "a ******************** b \(Self.masked) c "
        for (kinds, mail) in [([], "bob@example.org"), ([.email], "xxx@xxxxxxx.xxx")]
            as [(MaskKinds, String)]
        {
            let (found, copy) = Self.recorded(Array(document.utf8), Self.text, kinds, pieces: pieces)
            #expect(found.hasPrefix(hidden) && found.hasSuffix(" d \(mail)"), "\(found)")
            #expect(
                !found.contains("czNjcjN0LVJFQUwt") && found.utf8.count == document.utf8.count,
                "\(found)"
            )
            #expect(copy.missing == nil && copy.coding == nil)
        }
    }

    @Test func `Octets of any kind stay as they are, but for secrets`() {
        let octets = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 / 251) }
        var copy = BodyCopy(
            of: .request,
            .document(["content-type": "application/octet-stream"]),
            hiding: Self.secrets(),
            []
        )
        var taken = ByteBuffer()
        copy.take(ByteBuffer(bytes: octets)) { taken.writeImmutableBuffer($0) }
        var rest = copy.end(isWhole: true)
        taken.writeBuffer(&rest)
        #expect(Array(taken.readableBytesView) == octets && copy.missing == nil)
        let (found, _) = Self.recorded(
            Array("\u{0}s3cr3t-REAL-and-long\u{0}\(Self.token)".utf8),
            .document([:])
        )
        #expect(!found.contains("s3cr3t") && found.contains(Self.masked), "\(found)")
    }

    @Test(
        arguments: [
            (["content-encoding": "compress"], [], "content coding other than"),
            (["content-encoding": "gzip, gzip, gzip"], [], "more than 2 content codings"),
            (["content-encoding": "gzip"], [], "not coded as its Content-Encoding says"),
            (["content-type": "application/zip"], [.email], "is application/zip, which cannot be masked"),
            (["content-type": "text/plain; charset=utf-16"], [], "charset utf-16"),
            (["content-type": "application/grpc", "grpc-encoding": "gzip"], [], "compressed one by one"),
            (["content-type": "application/grpc", "grpc-encoding": "snappy"], [], "compressed one by one"),
        ] as [(HTTPHeaders, MaskKinds, String)]
    )
    func `What cannot be looked through is not recorded, and why is said`(
        headers: HTTPHeaders,
        kinds: MaskKinds,
        why: String
    ) {
        let (found, copy) = Self.recorded(Array("s3cr3t-REAL-and-long".utf8), .document(headers), kinds)
        #expect(found.isEmpty && copy.missing?.contains(why) == true, "\(found) \(copy.missing ?? "-")")
    }

    @Test func `Where rules mask, text with octets of zero is not recorded; secrets are masked in it anyway`()
    {
        let wide: [UInt8] = "m=bob@example.org s3cr3t-REAL-and-long".utf8.flatMap { [$0, 0] }
        let (found, copy) = Self.recorded(wide, Self.text, [.email])
        #expect(found.isEmpty && copy.missing?.contains("octets of zero") == true)
        let (other, whole) = Self.recorded(wide, Self.text)
        #expect(whole.missing == nil && other.replacing("\0", with: "").hasPrefix("m=bob@example.org ***"))
        #expect(!other.replacing("\0", with: "").contains("s3cr3t"))
    }

    /// gzip of `hello hello hello`.
    private static let gzip: [UInt8] = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x90, 0x00, 0x80,
        0x88,
        0xf9, 0xe5, 0x11, 0, 0, 0,
    ]

    @Test func `A coded body is recorded decoded, its coding named; one that is cut, as far as it came`() {
        let form = BodyCopy.Form.document(["content-encoding": "gzip", "content-type": "text/plain"])
        for pieces in [1, 5, Int.max] {
            let (found, copy) = Self.recorded(Self.gzip, form, pieces: pieces)
            #expect(found == "hello hello hello" && copy.coding == "gzip" && copy.missing == nil, "\(found)")
        }
        let (found, copy) = Self.recorded(Self.gzip.dropLast(8), form)
        #expect(found == "hello hello hello" && copy.missing?.contains("ends in the midst") == true)
        let cut = Self.recorded(Self.gzip.dropLast(8), form, isWhole: false)
        #expect(cut.text == "hello hello hello" && cut.copy.missing == nil)
    }

    private static func frame(_ first: UInt8, _ payload: some Collection<UInt8>) -> [UInt8] {
        [first, UInt8(payload.count)] + payload
    }

    @Test(arguments: [1, 2, 3, 5, Int.max])
    func `Messages of a WebSocket are lines of JSON, masked, a character never cut`(pieces: Int) {
        let text = Array("é€😀\"\\ s3cr3t-REAL-and-long".utf8)
        let octets =
            Self.frame(0x01, text[..<4]) + Self.frame(0x89, "ping".utf8) + Self.frame(0x00, text[4..<9])
            + Self.frame(0x80, text[9...]) + Self.frame(0x82, [0, 255]) + Self.frame(0x81, [])
            + Self.frame(0x81, "bob@example.org".utf8) + Self.frame(0x88, [0x0F, 0xA0] + "bye".utf8)
        let (found, copy) = Self.recorded(octets, .frames, [.email], pieces: pieces)
        #expect(copy.missing == nil)
        let lines = found.split(separator: "\n")
        #expect(lines.contains(#"{"kind":"ping","payload":"ping"}"#), "\(found)")
        #expect(lines.contains(#"{"kind":"binary","base64":"AP8="}"#), "\(found)")
        #expect(lines.contains(#"{"kind":"text","payload":""}"#), "\(found)")
        #expect(lines.contains(#"{"kind":"text","payload":"xxx@xxxxxxx.xxx"}"#), "\(found)")
        #expect(lines.last == #"{"kind":"close","payload":"bye","status":4000}"#, "\(found)")
        #expect(!found.contains("s3cr3t") && !found.contains("\\ufffd"), "\(found)")
        let whole = #"\u00e9\u20ac\ud83d\ude00\"\\ ********************"#
        let parts = lines.filter { $0.contains("\"text\"") }.prefix { !$0.hasSuffix(#""payload":""}"#) }
        let joined = parts.compactMap { $0.split(separator: "\"payload\":\"").last?.dropLast(2) }.joined()
        #expect(joined == whole, "\(found)")
        #expect(
            parts.dropLast().allSatisfy { $0.contains(#""more":true"#) }
                && parts.last?.contains("more") == false
        )
    }
}
