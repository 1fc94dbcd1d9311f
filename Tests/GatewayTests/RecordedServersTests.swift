import Foundation
import Model
import Synchronization
import Testing

/// A gateway that has no servers, and a recording in their place.
@Suite struct RecordedServersTests {
    /// Answers with pieces of text; a nil among them is where it cannot go on.
    private final class Tape: AnswerSource {
        final class Pieces: OctetSource {
            private let left: Mutex<[String?]>

            init(_ pieces: [String?]) { left = Mutex(pieces) }

            func next() throws(UnansweredRequest) -> [UInt8]? {
                let piece = left.withLock { $0.isEmpty ? String??.none : $0.removeFirst() }
                guard let piece else { return nil }
                guard let piece else {
                    throw UnansweredRequest("the tape /secret is torn", told: "the tape is torn")
                }
                return Array(piece.utf8)
            }
        }

        let session = "0badcafe"
        let asked = Mutex<[RepeatedRequest]>([])
        let pieces: [String?]?

        init(_ pieces: [String?]?) { self.pieces = pieces }

        func knows(_ name: DNSName) -> Bool { name.text == "allowed.test" }

        func answer(to request: RepeatedRequest) throws(UnansweredRequest) -> RecordedAnswer {
            asked.withLock { $0.append(request) }
            guard let pieces else { throw UnansweredRequest("it is not on the tape") }
            let octets = UInt64(pieces.reduce(0) { $0 + ($1?.utf8.count ?? 1) })
            return RecordedAnswer(
                status: 201,
                fields: HeadFields(text: "x-tape: yes"),
                trailers: nil,
                octets: octets,
                received: octets,
                isDecoded: false,
                body: Pieces(pieces)
            )
        }
    }

    private func house(_ tape: Tape) throws -> House {
        let house = try House(
            [web(.https, "allowed.test", 4_433), web(.http, "allowed.test", 8_080)],
            answers: tape
        )
        try house.capture("allowed.test", 8_080)
        return house
    }

    @Test func `A request is answered by the recording, which is asked by what would be on record of it`()
        throws
    {
        let tape = Tape(["one ", "two ", "three"])
        let house = try house(tape)
        for words in [["-d", "abc"], ["-H", "Transfer-Encoding: chunked", "-d", "abc"], ["-r", "0-4"]] {
            let got = try house.curl(["-i"] + words + ["http://allowed.test:8080/v1/x?a=b"])
            #expect(got.status == 0 && got.output.hasPrefix("HTTP/1.1 201 "), "\(got.errors) \(got.output)")
            #expect(got.output.contains("x-tape: yes") && got.output.hasSuffix("\r\n\r\none two three"))
        }
        // FIPS 180-4: the SHA-256 of abc.
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        let asked = tape.asked.withLock { $0 }
        #expect(asked.map(\.action) == ["POST /v1/x", "POST /v1/x", "GET /v1/x"])
        #expect(asked.allSatisfy { $0.resource == "http://allowed.test:8080" && $0.query == "a=b" })
        #expect(asked.map(\.body) == [.digest(digest), .digest(digest), .none])
        #expect(asked.map(\.range) == [nil, nil, "bytes=0-4"])
        #expect(house.recorder.records.map(\.verdict) == [.allow, .allow, .allow])
    }

    @Test func `A part of which no record would say that it is one is not taken for the whole`() throws {
        for (fields, isAnswered) in [(4, true), (12, false)] {
            let tape = Tape(["one"])
            let house = try house(tape)
            let long = (0..<fields).flatMap { ["-H", "x-\($0): " + String(repeating: "v", count: 1_000)] }
            let words =
                long + ["-H", "Range: bytes=0-4", "-w", "%{http_code}", "http://allowed.test:8080/v1/x"]
            let got = try house.curl(words)
            #expect(got.status == 0 && got.output.hasSuffix(isAnswered ? "201" : "502"), "\(got.output)")
            let asked = tape.asked.withLock { $0 }
            #expect(asked.map(\.range) == (isAnswered ? ["bytes=0-4"] : []), "\(fields)")
            #expect(isAnswered || got.output.contains("which part of it"), "\(got.output)")
        }
    }

    @Test func `What it has no answer to is refused with 502, on record, in its own words`() throws {
        let house = try house(Tape(nil))
        let got = try house.curl(["-w", "%{http_code}", "http://allowed.test:8080/v1/x"])
        #expect(got.output.hasSuffix("502") && got.output.contains("it is not on the tape"), "\(got.output)")
        let denied = try #require(house.recorder.first { $0.reason == .notRecorded })
        #expect(denied.action == "GET /v1/x" && denied.message == "it is not on the tape", "\(denied)")
    }

    @Test func `A reply that cannot go on is cut, and the operator alone hears why`() throws {
        let house = try house(Tape(["one ", nil]))
        let got = try house.curl(["http://allowed.test:8080/v1/x"])
        #expect(got.status != 0 && !got.output.contains("tape"), "\(got.output)")
        let denied = try #require(house.recorder.first { $0.reason == .notRecorded })
        #expect(denied.message == "the tape /secret is torn", "\(denied)")
    }

    @Test
    func `A name that is not on record has no address, and what rules deny is not asked of the recording`()
        throws
    {
        let tape = Tape(["one"])
        let house = try house(tape)
        #expect(try house.lookUp("other.test") == nil)
        let got = try house.curl(["-w", "%{http_code}", "http://allowed.test:8080/admin"])
        #expect(got.output.hasSuffix("403"), "\(got.output)")
        #expect(tape.asked.withLock { $0.isEmpty })
    }
}
