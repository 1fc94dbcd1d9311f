import HTTPProtocol
import Model
import NIOHTTP1
import Testing

/// Replies that are on record, as messages of a server.
struct RecordedReplyTests {
    private struct None: OctetSource {
        func next() throws(UnansweredRequest) -> [UInt8]? { nil }
    }

    private func head(
        _ fields: String,
        _ status: Int = 200,
        trailers: String? = nil,
        octets: UInt64 = 3,
        received: UInt64 = 3,
        isDecoded: Bool = false,
        to method: HTTPMethod = .GET
    ) -> [String]? {
        let answer = RecordedAnswer(
            status: status,
            fields: HeadFields(text: fields),
            trailers: trailers.map { HeadFields(text: $0) },
            octets: octets,
            received: received,
            isDecoded: isDecoded,
            body: None()
        )
        return RecordedReply.head(of: answer, to: method).map { head in
            ["\(head.status.code)"] + head.headers.map { "\($0): \($1)" }
        }
    }

    @Test func `A head has the fields that are on record, and the length that the recorded body has`() {
        #expect(
            head("Content-Type: a/b\nX-Empty: \netag: \"1\"") == [
                "200", "Content-Type: a/b", "X-Empty: ", "etag: \"1\"", "content-length: 3",
            ]
        )
        #expect(head("content-length: 9\nconnection: close", 404) == ["404", "content-length: 3"])
        #expect(head("transfer-encoding: chunked") == ["200", "content-length: 3"])
        #expect(
            head("content-length: 9", trailers: "grpc-status: 0") == ["200", "transfer-encoding: chunked"]
        )
    }

    @Test func `What is said of a coding, or of digests, is left out where the body is another one now`() {
        let fields = "content-encoding: gzip\ndigest: x\netag: \"1\"\nx: y"
        #expect(head(fields, isDecoded: true) == ["200", "x: y", "etag: W/\"1\"", "content-length: 3"])
        #expect(head("digest: x\nx: y", received: 4) == ["200", "x: y", "content-length: 3"])
        #expect(head("digest: x\nx: y") == ["200", "digest: x", "x: y", "content-length: 3"])
    }

    @Test func `A reply without a body keeps the length that it speaks of`() {
        #expect(head("content-length: 9", octets: 0, received: 0, to: .HEAD) == ["200", "content-length: 9"])
        #expect(head("etag: \"1\"", 304, octets: 0, received: 0) == ["304", "etag: \"1\""])
        #expect(head("x: y", 204, octets: 0, received: 0) == ["204", "x: y"])
        #expect(head("transfer-encoding: chunked", octets: 0, received: 0, to: .HEAD) == ["200"])
    }

    @Test(arguments: ["a: 1\n[3 more fields]", "a: [9000 octets]", "a", "a:1"])
    func `A head of which not all is on record is none`(fields: String) {
        #expect(head(fields) == nil)
        #expect(RecordedReply.fields(HeadFields(text: fields)) == nil)
    }

    @Test(arguments: [Int.min, -1, 0, 100, 101, 199, 600, 1_000, .max])
    func `A status that no reply ends with is none, and traps nothing`(status: Int) {
        #expect(head("x: y", status) == nil)
        #expect(head("x: y", 599) == ["599", "x: y", "content-length: 3"], "the control")
    }

    @Test func `What is recorded of fields is read back, in the same order`() throws {
        let headers: HTTPHeaders = ["Host": "a.test", "X-Empty": "", "x-two": "a: b", "X-Two": "[octets]"]
        let read = try #require(RecordedReply.fields(HeadFields(headers)))
        #expect(read.map { "\($0)=\($1)" } == headers.map { "\($0)=\($1)" })
        #expect(HeadFields(headers).value(of: "x-two") == "a: b, [octets]")
        #expect(HeadFields(headers).value(of: "x") == nil)
    }
}
