import DNSProtocol
import Model
import TestSupport
import Testing

struct StubTests {
    static func answer(_ message: [UInt8]) -> DNSStub.Outcome {
        var addresses = SyntheticAddresses()
        return DNSStub.answer(message, from: &addresses)
    }

    /// A query of one question, written by hand.
    static func query(
        _ labels: [String],
        type: UInt16 = 1,
        recordClass: UInt16 = 1,
        flags: UInt16 = 0x0100,
        counts: [UInt8] = [0, 1, 0, 0, 0, 0, 0, 0],
        tail: [UInt8] = []
    ) -> [UInt8] {
        var message: [UInt8] = [0xAB, 0xCD]
        message += octets(flags) + counts
        for label in labels {
            message.append(UInt8(label.utf8.count))
            message += Array(label.utf8)
        }
        message += [0] + octets(type) + octets(recordClass)
        return message + tail
    }

    static func octets(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }

    /// Response code of the header, and the counts.
    static func summary(_ response: [UInt8]?) -> [UInt8]? {
        response.map { [$0[3] & 15, $0[5], $0[7], $0[9], $0[11]] }
    }

    @Test func `An A query of dig gets the first synthetic address, EDNS0 in return`() throws {
        let response = try #require(Self.answer(Captured.a).response)
        let question = Captured.a[12..<30]
        let expected =
            Captured.a[0..<2] + [0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 1] + question
            + [0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 198, 18, 0, 1]
            + [0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0]
        #expect(response == Array(expected))
    }

    @Test func `Of a name that is not known there is none, and it takes no address`() throws {
        var addresses = SyntheticAddresses()
        let known = try #require(DNSName("allowed.test"))
        for (labels, code, answers) in [
            (["allowed", "test"], UInt8(0), UInt8(1)), (["Other", "test"], 3, 0),
        ] {
            for type in [UInt16(1), 28] {
                let query = Self.query(labels, type: type)
                let outcome = DNSStub.answer(query, from: &addresses) { $0 == known }
                #expect(Self.summary(outcome.response) == [code, 1, answers, 0, 0], "\(labels) \(type)")
            }
        }
        #expect(addresses.count == 1)
        let local = DNSStub.answer(Self.query(["localhost"]), from: &addresses) { _ in false }
        #expect(Self.summary(local.response) == [0, 1, 1, 0, 0])
    }

    @Test func `B17: an AAAA query in mixed case gets the twin, and its own spelling back`() throws {
        var addresses = SyntheticAddresses()
        _ = DNSStub.answer(Captured.a, from: &addresses)
        let outcome = DNSStub.answer(Captured.aaaaInMixedCase, from: &addresses)
        let response = try #require(outcome.response)
        #expect(outcome.name?.text == "allowed.test")
        #expect(Array(response[12..<30]) == Array(Captured.aaaaInMixedCase[12..<30]))
        let address = try #require(IPAddress(bytes: response[42..<58]))
        #expect(address.description == "fd9b:a11e:7053::1")
        #expect(addresses.count == 1)
        #expect(addresses.name(for: address)?.text == "allowed.test")
    }

    @Test func `A query without EDNS0, as glibc asks, gets none`() throws {
        let response = try #require(Self.answer(Captured.withoutEDNS).response)
        #expect(Self.summary(response) == [0, 1, 1, 0, 0])
        #expect(response.count == 30 + 16)
    }

    @Test(arguments: [Captured.https, Captured.txtWithOptions])
    func `B07: dig for HTTPS and TXT gets no data`(query: [UInt8]) {
        let outcome = Self.answer(query)
        #expect(Self.summary(outcome.response) == [0, 1, 0, 0, 1])
        #expect(outcome.code == .noError)
    }

    @Test func `B07: no type but A and AAAA ever has data, for any name`() {
        var addresses = SyntheticAddresses()
        for type in 0...UInt16.max where type != 1 && type != 28 {
            let response = DNSStub.answer(Self.query(["allowed", "test"], type: type), from: &addresses)
                .response
            let code: UInt8 = type == 251 || type == 252 ? 5 : 0
            guard Self.summary(response) == [code, 1, 0, 0, 0] else {
                Issue.record("type \(type) was answered with \(response ?? [])")
                return
            }
        }
        #expect(addresses.count == 0)
    }

    @Test(arguments: [
        ("B07 chaos class", Captured.chaos, [5, 1, 0, 0, 1]),
        ("class ANY", query(["a", "test"], recordClass: 255), [5, 1, 0, 0, 0]),
        ("opcode NOTIFY", query(["a", "test"], flags: 0x2100), [4, 0, 0, 0, 0]),
        ("opcode UPDATE", query(["a", "test"], flags: 0x2800), [4, 0, 0, 0, 0]),
        ("truncated flag", query(["a", "test"], flags: 0x0300), [1, 0, 0, 0, 0]),
        ("no question", query(["a", "test"], counts: [0, 0, 0, 0, 0, 0, 0, 0]), [1, 0, 0, 0, 0]),
        ("two questions", query(["a", "test"], counts: [0, 2, 0, 0, 0, 0, 0, 0]), [1, 0, 0, 0, 0]),
        ("an answer", query(["a", "test"], counts: [0, 1, 0, 1, 0, 0, 0, 0]), [1, 0, 0, 0, 0]),
        ("an authority", query(["a", "test"], counts: [0, 1, 0, 0, 0, 1, 0, 0]), [1, 0, 0, 0, 0]),
        ("many additionals", query(["a", "test"], counts: [0, 1, 0, 0, 0, 0, 255, 255]), [1, 0, 0, 0, 0]),
        ("octets behind", query(["a", "test"], tail: [0]), [1, 0, 0, 0, 0]),
        ("additional missing", query(["a", "test"], counts: [0, 1, 0, 0, 0, 0, 0, 1]), [1, 0, 0, 0, 0]),
        ("EDNS version 1", edns(version: 1), [0, 1, 0, 0, 1]),
        ("OPT with a name", edns(owner: [1, 97, 0]), [1, 0, 0, 0, 0]),
        (
            "two OPT", query(["a", "test"], counts: [0, 1, 0, 0, 0, 0, 0, 2], tail: opt() + opt()),
            [1, 0, 0, 0, 0]
        ),
        ("root", query([], type: 1), [3, 1, 0, 0, 0]),
        ("an address as a name", query(["93", "184", "216", "34"]), [3, 1, 0, 0, 0]),
        ("a space in a label", query(["a b", "test"]), [3, 1, 0, 0, 0]),
        ("a dot in a label", query(["a.b", "test"]), [3, 1, 0, 0, 0]),
        ("a NUL in a label", query(["a\0b", "test"]), [3, 1, 0, 0, 0]),
        ("reverse lookup", query(["1", "0", "18", "198", "in-addr", "arpa"]), [3, 1, 0, 0, 0]),
        ("only a header", Array(query(["a"]).prefix(12)), [1, 0, 0, 0, 0]),
    ])
    func `Refused or answered without data, by the right code`(
        title: String,
        message: [UInt8],
        summary: [UInt8]
    ) {
        #expect(Self.summary(Self.answer(message).response) == summary, "\(title)")
    }

    static func opt(version: UInt8 = 0, owner: [UInt8] = [0]) -> [UInt8] {
        owner + [0, 41, 4, 0xD0, 0, version, 0, 0, 0, 0]
    }

    static func edns(version: UInt8 = 0, owner: [UInt8] = [0]) -> [UInt8] {
        query(["a", "test"], counts: [0, 1, 0, 0, 0, 0, 0, 1], tail: opt(version: version, owner: owner))
    }

    @Test func `An unknown EDNS version is answered BADVERS, whose upper bits are in OPT`() throws {
        let outcome = Self.answer(Self.edns(version: 1))
        #expect(outcome.code == .badVersion)
        #expect(try #require(outcome.response).suffix(11) == [0, 0, 41, 0x04, 0xD0, 1, 0, 0, 0, 0, 0])
    }

    @Test(
        arguments: [
            ("self pointer", [0xC0, 12, 0, 1, 0, 1]), ("pointer to the header", [0xC0, 0, 0, 1, 0, 1]),
            ("pointer ahead", [0xC0, 20, 0, 1, 0, 1]), ("reserved label type", [0x40, 0, 1, 0, 1]),
            ("label past the end", [63, 97, 0]), ("no end", [1, 97]), ("no type", [1, 97, 0, 0]),
            ("name over 255 octets", [UInt8](repeating: 1, count: 300) + [0, 0, 1, 0, 1]),
        ] as [(String, [UInt8])]
    )
    func `A question that is no name is a format error; pointers are never followed`(
        title: String,
        question: [UInt8]
    ) {
        let header: [UInt8] = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        #expect(Self.summary(Self.answer(header + question).response) == [1, 0, 0, 0, 0], "\(title)")
    }

    @Test func `A name of 255 octets on the wire is read, one of 256 is not`() {
        let label = String(repeating: "a", count: 63)
        let longest = [label, label, label, String(repeating: "b", count: 61)]
        #expect(Self.answer(Self.query(longest)).name?.text.utf8.count == 253)
        let longer = [label, label, label, String(repeating: "b", count: 62)]
        #expect(Self.summary(Self.answer(Self.query(longer)).response) == [1, 0, 0, 0, 0])
    }

    @Test(arguments: [[], [1], [0, 7, 1], query(["a", "test"], flags: 0x8180)] as [[UInt8]])
    func `A response, or less than a header, is not answered`(message: [UInt8]) {
        #expect(Self.answer(message).response == nil)
    }

    @Test(
        arguments: [(UInt16(1), [127, 0, 0, 1]), (28, [UInt8](repeating: 0, count: 15) + [1])]
            as [(UInt16, [UInt8])]
    )
    func `localhost is the loopback address`(type: UInt16, address: [UInt8]) throws {
        for labels in [["localhost"], ["x", "localhost"]] {
            let response = try #require(Self.answer(Self.query(labels, type: type)).response)
            #expect(Array(response.suffix(address.count)) == address)
        }
    }

    @Test func `When every address is held, the answer is a server failure`() {
        var addresses = SyntheticAddresses(capacity: 1)
        _ = DNSStub.answer(Self.query(["a", "test"]), from: &addresses)
        #expect(addresses.retain(IPAddress(v4: 198 << 24 | 18 << 16 | 1)) != nil)
        let outcome = DNSStub.answer(Self.query(["b", "test"]), from: &addresses)
        #expect(outcome.code == .serverFailure)
        #expect(Self.summary(outcome.response) == [2, 1, 0, 0, 0])
    }

    @Test(arguments: 0..<3000 as Range<UInt64>)
    func `Damaged queries never trap, and are answered within the bound or not at all`(seed: UInt64) {
        var random = SplitMix(seed)
        let seeds = [Captured.a, Captured.aaaaInMixedCase, Captured.txtWithOptions, Captured.withoutEDNS]
        var bytes = seeds[Int(seed % 4)]
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(contentsOf: bytes[index..<min(index + 20, bytes.count)], at: index)
            default: bytes = Array(bytes.prefix(index))
            }
        }
        let outcome = Self.answer(bytes)
        guard let response = outcome.response else {
            #expect(bytes.count < 4 || bytes[2] & 0x80 != 0)
            return
        }
        #expect(response.count <= DNSLimits.response)
        #expect(response.starts(with: bytes.prefix(2)))
        #expect(response[2] & 0x80 != 0)
        #expect(response[7] == 0 || outcome.code == .noError)
    }
}
