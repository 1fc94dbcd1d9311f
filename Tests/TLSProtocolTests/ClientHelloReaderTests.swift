import Model
import TLSProtocol
import TestSupport
import Testing
import Wire

struct ClientHelloReaderTests {
    typealias Progress = ClientHelloReader.Progress

    static func read(_ bytes: [UInt8], cut: Int = .max) -> Progress {
        var reader = ClientHelloReader()
        var progress = reader.received([])
        var rest = bytes[...]
        while !rest.isEmpty {
            progress = reader.received(rest.prefix(cut))
            rest = rest.dropFirst(cut)
        }
        return progress
    }

    static func hello(_ progress: Progress) -> ClientHello? {
        if case .hello(let hello) = progress { hello } else { nil }
    }

    static func isMalformed(_ progress: Progress) -> Bool {
        if case .malformed = progress { true } else { false }
    }

    static let captured: [([UInt8], String?, [String], Bool)] = [
        (Captured.openssl, "api.allowed.test", ["h2", "http/1.1"], true),
        (Captured.opensslWithoutName, nil, [], false),
        (Captured.curl, "allowed.test", ["h2", "http/1.1"], true),
        (Captured.python, "allowed.test", [], true),
        (Captured.node, "node.allowed.test", ["http/1.1"], true),
    ]

    @Test(arguments: captured)
    func `Real clients are read, whole and split at every octet`(
        bytes: [UInt8],
        name: String?,
        protocols: [String],
        offersTLS13: Bool
    ) throws {
        let whole = try #require(Self.hello(Self.read(bytes)))
        #expect(whole.serverName?.text == name)
        #expect(whole.applicationProtocols == protocols)
        #expect(whole.supportedVersions.contains(0x0304) == offersTLS13)
        #expect(whole.offersCurrentVersion)
        #expect(!whole.hasEncryptedClientHello)
        #expect(TLSClassifier.classify(bytes) == .match)
        for split in 1..<bytes.count {
            var reader = ClientHelloReader()
            guard case .needsMore = reader.received(bytes[..<split]) else {
                Issue.record("settled after \(split) of \(bytes.count) octets")
                return
            }
            #expect(Self.hello(reader.received(bytes[split...])) == whole)
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 100, 16_384], [1, 7, Int.max])
    func `C05: a hello in records and segments of any size is the same hello`(size: Int, cut: Int) {
        let message = Array(Captured.curl.dropFirst(5))
        let records = HelloBuilder.records(message, of: size)
        #expect(Self.hello(Self.read(records, cut: cut))?.serverName?.text == "allowed.test")
    }

    @Test func `C03: no server name is reported as none`() {
        #expect(Self.hello(Self.read(HelloBuilder().records()))?.serverName == nil)
        var old = HelloBuilder()
        old.extensions = nil
        let hello = Self.hello(Self.read(old.records()))
        #expect(hello != nil)
        #expect(hello?.serverName == nil)
        #expect(hello?.supportedVersions == [0x0303])
    }

    @Test func `Encrypted ClientHello is noticed`() {
        var builder = HelloBuilder()
        builder.extensions = [(0, HelloBuilder.serverName("a.test".utf8)), (0xFE0D, [0, 0])]
        #expect(Self.hello(Self.read(builder.records()))?.hasEncryptedClientHello == true)
    }

    static let names: [(String, [UInt8])] = [
        ("empty", []), ("NUL", Array("denied.test\0.allowed.test".utf8)),
        ("trailing dot", Array("allowed.test.".utf8)),
        ("IPv4", Array("93.184.216.34".utf8)), ("IPv6", Array("2606:2800::10".utf8)),
        ("space", Array("a b.test".utf8)),
        ("not ASCII", Array("\u{430}llowed.test".utf8)), ("not UTF-8", [0xFF, 0xFE]),
        ("slash", Array("a/b".utf8)),
        ("label of 64", Array((String(repeating: "a", count: 64) + ".test").utf8)),
        ("two dots", Array("a..test".utf8)),
        ("254 octets", Array(([String](repeating: "a", count: 127).joined(separator: ".") + "b").utf8)),
    ]

    @Test(arguments: names)
    func `C02: a server name that is no DNS name is malformed`(title: String, name: [UInt8]) {
        var builder = HelloBuilder()
        builder.extensions = [(0, HelloBuilder.serverName(name))]
        #expect(Self.isMalformed(Self.read(builder.records())), "\(title)")
    }

    static let broken: [(String, HelloBuilder)] = {
        func with(_ change: (inout HelloBuilder) -> Void) -> HelloBuilder {
            var builder = HelloBuilder()
            change(&builder)
            return builder
        }
        let name = HelloBuilder.serverName("allowed.test".utf8)
        let entry = [0] + HelloBuilder.vector16(Array("a.test".utf8))
        return [
            ("two server_name extensions", with { $0.extensions = [(0, name), (0, name)] }),
            ("two unknown extensions", with { $0.extensions = [(99, []), (99, [])] }),
            ("two names", with { $0.extensions = [(0, HelloBuilder.vector16(entry + entry))] }),
            (
                "another name type",
                with { $0.extensions = [(0, HelloBuilder.vector16([1] + entry.dropFirst()))] }
            ),
            ("empty server_name", with { $0.extensions = [(0, [])] }),
            ("octets behind the name list", with { $0.extensions = [(0, name + [0])] }),
            ("empty ALPN", with { $0.extensions = [(16, [0, 0])] }),
            ("empty ALPN name", with { $0.extensions = [(16, [0, 1, 0])] }),
            ("ALPN cut off", with { $0.extensions = [(16, [0, 3, 9, 1, 1])] }),
            ("odd versions", with { $0.extensions = [(43, [3, 3, 4, 3])] }),
            ("no versions", with { $0.extensions = [(43, [0])] }),
            ("octets behind the extensions", with { $0.tail = [0] }),
            ("long session id", with { $0.session = [UInt8](repeating: 0, count: 33) }),
            ("odd suites", with { $0.suites = [1, 2, 3] }),
            ("no suites", with { $0.suites = [] }),
            ("no compression", with { $0.compression = [] }),
            ("too many extensions", with { $0.extensions = (0..<129).map { (UInt16(1000 + $0), []) } }),
        ]
    }()

    @Test(arguments: broken)
    func `A hello that is not well-formed is malformed`(title: String, builder: HelloBuilder) {
        #expect(Self.isMalformed(Self.read(builder.records())), "\(title)")
    }

    @Test(
        arguments: [
            ("another record type", [23, 3, 1, 0, 5, 1, 0, 0, 1, 0]),
            ("another major version", [22, 2, 1, 0, 5]),
            ("empty record", [22, 3, 1, 0, 0]), ("record over 2^14", [22, 3, 1, 0x40, 1]),
            ("another message", [22, 3, 1, 0, 5, 2]),
            ("an alert between", [22, 3, 1, 0, 1, 1, 21, 3, 1, 0, 2]),
            ("C05 hello over the bound", [22, 3, 1, 0, 4, 1, 0, 0x40, 1]),
            ("HTTP", Array("GET / HTTP/1.1\r\n".utf8)),
        ] as [(String, [UInt8])]
    )
    func `What is not a ClientHello is malformed`(title: String, bytes: [UInt8]) {
        #expect(Self.isMalformed(Self.read(bytes)), "\(title)")
    }

    @Test func `A record that goes on after the hello is malformed`() {
        let message = HelloBuilder().message
        #expect(Self.isMalformed(Self.read(HelloBuilder.records(message + [0], of: 16_384))))
    }

    @Test func `C05: a hello that takes too many octets on the wire is malformed, not read for ever`() {
        var builder = HelloBuilder()
        builder.extensions = [(21, [UInt8](repeating: 0, count: 15_000))]
        #expect(Self.hello(Self.read(builder.records())) != nil)
        let progress = Self.read(builder.records(of: 1))
        #expect(Self.isMalformed(progress))
    }

    @Test func `What is still needed never exceeds the bound, and the answer stays`() {
        var reader = ClientHelloReader()
        #expect(reader.received([]) == .needsMore(atMost: TLSLimits.wire))
        #expect(reader.received(Captured.curl.prefix(10)) == .needsMore(atMost: TLSLimits.wire - 10))
        let settled = reader.received(Captured.curl.dropFirst(10))
        #expect(Self.hello(settled) != nil)
        #expect(reader.received([1, 2, 3]) == settled)
    }

    @Test(arguments: 0..<2000 as Range<UInt64>)
    func `Damaged hellos never trap, and give the same answer however they are cut`(seed: UInt64) {
        var random = SplitMix(seed)
        var bytes = Self.captured[Int(seed % 5)].0
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(contentsOf: bytes[index..<min(index + 20, bytes.count)], at: index)
            default: bytes = Array(bytes.prefix(index + 1))
            }
        }
        let whole = Self.read(bytes)
        #expect(Self.read(bytes, cut: Int.random(in: 1...50, using: &random)) == whole)
        if let name = Self.hello(whole)?.serverName { #expect(DNSName(name.text) == name) }
    }
}
