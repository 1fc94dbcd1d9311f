import Model
import Testing

struct CanonicalRequestTests {
    private static let host = Host.address(IPAddress(v4: 0x0A00_0001))

    private static func octets(
        _ action: Action = .http(method: "POST", path: "/a", query: nil),
        _ scheme: Scheme = .https,
        _ port: UInt16 = 443,
        octets: UInt64 = 1,
        digest: String = "d",
        context: String = "c",
        type: String? = nil
    ) -> [UInt8] {
        Request(endpoint: Endpoint(scheme: scheme, host: host, port: port), action: action).canonical(
            RequestContent(octets: octets, digest: digest, context: context, type: type, preview: "p")
        )
    }

    @Test("H05: requests that differ in anything that an approval covers have other octets")
    func injective() {
        let all = [
            Self.octets(), Self.octets(.http(method: "PUT", path: "/a", query: nil)),
            Self.octets(.http(method: "POST", path: "/a", query: "")),
            Self.octets(.http(method: "POST", path: "/a", query: "b")),
            // A line's end within a value is no line's end.
            Self.octets(.http(method: "POST", path: "/a\nquery\t1:b", query: nil)),
            Self.octets(.http(method: "POST", path: "/a?b", query: nil)),
            Self.octets(.webSocket(path: "/a", query: nil)), Self.octets(.connect),
            Self.octets(.sql(SQLRequest(database: ByteText("a"), deeds: []))),
            Self.octets(.sql(SQLRequest(database: ByteText("b"), deeds: []))),
            Self.octets(.http(method: "POST", path: "/a", query: nil), .http),
            Self.octets(.http(method: "POST", path: "/a", query: nil), .https, 444),
            Self.octets(octets: 2), Self.octets(digest: "e"), Self.octets(context: "e"),
            Self.octets(type: ""), Self.octets(type: "c"),
            Self.octets(digest: "d\ntype\t1:c"),
        ]
        #expect(Set(all).count == all.count)
    }

    @Test("The canonical request is written as its document says")
    func documented() {
        let text =
            "bailey-request\t1\nscheme\t5:https\nhost\t8:10.0.0.1\nport\t3:443\naction\t4:http\nmethod\t4:POST\n"
            + "path\t2:/a\nquery\t\noctets\t1:1\ncontent\t1:d\ntype\t\ncontext\t1:c\n"
        #expect(String(decoding: Self.octets(), as: UTF8.self) == text)
    }

    @Test("A preview is text of a bounded length, and says where there is none")
    func preview() {
        #expect(RequestContent.preview(Array("a=ü".utf8)) == "a=ü")
        let long = Array((String(repeating: "x", count: RequestContent.maximumPreview - 1) + "üü").utf8)
        let shown = RequestContent.shown(RequestContent.preview(long + long))
        #expect(shown.hasSuffix("x…") && shown.utf8.count <= RequestContent.maximumPreview + 3)
        let kept = RequestContent.preview(long + long + long + long)
        #expect(kept.hasSuffix("…") && kept.utf8.count <= RequestContent.maximumKept + 3)
        #expect(
            kept.utf8.count > RequestContent.maximumPreview + 3,
            "for masking to look beyond what is shown"
        )
        let mixed = RequestContent.preview(Array(repeating: 0x61, count: 2_048) + [0xFF])
        #expect(mixed == String(repeating: "a", count: 2_048) + "…" && RequestContent.shown(mixed) == mixed)
        #expect(RequestContent.preview([0xFF, 0xFE]) == "(2 octets that are no text)")
        #expect(RequestContent.preview([0x61, 0]) == "(2 octets that are no text)")
    }
}
