import HTTP2Protocol
import NIOCore
import NIOHPACK
import NIOHTTP1
import TestSupport
import Testing

/// Field blocks through the decoder of HPACK: what stands in a line, cut at its first `=`.
struct FuzzTests {
    private static let words = [
        ":method=", ":path=", ":scheme=", ":authority=", ":protocol=websocket", ":status=", "host=",
        "cookie=a",
        "te=trailers", "connection=close", "transfer-encoding=chunked", "content-length=1", "\n", "=", ":",
        "/",
        "content-type=application/grpc", "A", " ", "\r", "\u{e4}=",
    ]

    /// Nil for what the library refuses.
    private static func block(_ input: [UInt8]) -> HPACKHeaders? {
        var octets = ByteBuffer()
        for line in input.split(separator: 0x0A) {
            let end = line.firstIndex(of: UInt8(ascii: "=")) ?? line.endIndex
            // A literal that is not indexed, with a name of its own (RFC 7541 section 6.2.2).
            octets.writeInteger(UInt8(0))
            for text in [line[..<end], line[end...].dropFirst()] {
                write(text.count, to: &octets)
                octets.writeBytes(text)
            }
        }
        var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
        return try? decoder.decodeHeaders(from: &octets)
    }

    /// The length of a string (RFC 7541 section 5.1).
    private static func write(_ length: Int, to octets: inout ByteBuffer) {
        guard length >= 127 else {
            octets.writeInteger(UInt8(length))
            return
        }
        octets.writeInteger(UInt8(127))
        var rest = length - 127
        while rest >= 128 {
            octets.writeInteger(UInt8(rest % 128 + 128))
            rest /= 128
        }
        octets.writeInteger(UInt8(rest))
    }

    private static func values(_ block: HPACKHeaders, _ name: String) -> [String] {
        block.filter { $0.name == name }.map(\.value)
    }

    /// What belongs to a connection, or is this side's own to say.
    private static func isOwn(_ name: String) -> Bool {
        ["transfer-encoding", "te", "expect"].contains(name)
    }

    private static func expectClean(_ headers: HTTPHeaders, besides own: Set<String>) throws {
        let connection: Set = [
            "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "http2-settings",
        ]
        for (name, _) in headers {
            try Finding.unless(name.utf8.first != UInt8(ascii: ":"), "\(name) is among the fields")
            try Finding.unless(!name.utf8.contains { (0x41...0x5A).contains($0) }, "\(name) in upper case")
            try Finding.unless(!connection.subtracting(own).contains(name), "\(name) is a connection's")
        }
    }

    @Test("Heads of requests of HTTP/2: no trap, one host, one path, and written again they are the same")
    func requests() throws {
        let texts = [
            ":method=GET\n:scheme=https\n:authority=a.test\n:path=/x?y=1\naccept=*/*\ncookie=a=1\ncookie=b=2",
            ":method=POST\n:scheme=https\n:authority=a.test\n:path=/p.S/M\nte=trailers\ncontent-type=application/grpc",
            ":method=CONNECT\n:protocol=websocket\n:scheme=https\n:authority=a.test\n:path=/live\nsec-websocket-version=13",
            ":method=OPTIONS\n:scheme=https\n:path=*\nhost=a.test\ncontent-length=3",
        ]
        try Fuzz("http2-requests", texts: texts, words: Self.words).run { input, _ in
            guard let block = Self.block(input) else { return }
            for ends in [false, true] {
                guard let head = try? HTTP2Request.head(block, ends: ends, scheme: "https") else { continue }
                for name in [":method", ":scheme", ":path"] {
                    try Finding.unless(Self.values(block, name).count == 1, "several \(name)")
                }
                let authorities = Set(Self.values(block, ":authority") + Self.values(block, "host"))
                try Finding.unless(
                    authorities.count == 1 && head.headers["host"] == Array(authorities),
                    "other hosts: \(head)"
                )
                try Finding.unless([head.uri] == Self.values(block, ":path"), "another path")
                try Finding.unless(head.headers["cookie"].count <= 1, "several cookies")
                let isOpening = !Self.values(block, ":protocol").isEmpty
                try Self.expectClean(
                    head.headers,
                    besides: isOpening ? ["connection", "upgrade"] : ["transfer-encoding"]
                )
                guard !isOpening else { continue }
                let again = try HTTP2Request.head(
                    HTTP2Request.block(of: head, scheme: "https"),
                    ends: ends,
                    scheme: "https"
                )
                try Finding.unless(again.method == head.method && again.uri == head.uri, "\(again) \(head)")
                try Finding.unless(
                    again.headers.filter { !Self.isOwn($0.name) }.map { [$0.name, $0.value] }
                        == head.headers.filter { !Self.isOwn($0.name) }.map { [$0.name, $0.value] },
                    "\(again) \(head)"
                )
            }
        }
    }

    @Test("Heads and trailers of replies of HTTP/2: no trap, a status, and written again they are the same")
    func replies() throws {
        let texts = [
            ":status=200\ncontent-type=text/plain\nset-cookie=a\nset-cookie=b", ":status=204\nx=y",
            ":status=103\nlink=a", "grpc-status=0\ngrpc-message=ok",
        ]
        try Fuzz("http2-replies", texts: texts, words: Self.words).run { input, _ in
            guard let block = Self.block(input) else { return }
            if let trailers = try? HTTP2Trailers.fields(block) {
                try Self.expectClean(trailers, besides: [])
                let again = try HTTP2Trailers.fields(HTTP2Trailers.block(of: trailers))
                try Finding.unless(
                    again.map { [$0.name, $0.value] } == trailers.map { [$0.name, $0.value] },
                    "other trailers"
                )
            }
            for (ends, hasBody) in [(false, true), (true, true), (true, false)] {
                guard let head = try? HTTP2Response.head(block, ends: ends, hasBody: hasBody) else {
                    continue
                }
                try Finding.unless((100..<600).contains(head.status.code), "no status")
                try Self.expectClean(head.headers, besides: ["transfer-encoding"])
                guard head.status != .switchingProtocols else { continue }
                let again = try HTTP2Response.head(
                    HTTP2Response.block(of: head),
                    ends: ends,
                    hasBody: hasBody
                )
                try Finding.unless(
                    again.status == head.status
                        && again.headers.map { [$0.name, $0.value] }
                            == head.headers.map { [$0.name, $0.value] },
                    "\(again) \(head)"
                )
            }
        }
    }
}
