import Foundation
import HTTPProtocol
import Model
import Testing
import Wire

/// Requests whose ruling waits for their body, or bounds it.
struct BodyRulesTests {
    private static let body = #"{"model": "gpt-4", "n": 1}"#

    private func play(
        _ pointer: String = "/model",
        _ ruling: Ruling = .allowed(injection: nil)
    ) throws -> Playbook {
        let pointers = [try #require(JSONPointer(pointer))]
        return try Playbook(
            Playbook.captured("allowed.test"),
            scheme: .https,
            placeholders: [CredentialsTests.placeholder]
        ) {
            $0.body.tells(.json(pointers)) ? ruling : .read(.json(pointers))
        }
    }

    private func post(_ fields: String..., framing: String? = nil) -> String {
        (["POST /chat HTTP/1.1", "Host: allowed.test", framing ?? "Content-Length: \(Self.body.utf8.count)"]
            + fields)
            .joined(separator: "\r\n") + "\r\n\r\n"
    }

    @Test(arguments: [1, 5, 4_096])
    func `Nothing leaves before the body has been decided on, and then exactly what was read`(cut: Int) throws
    {
        let play = try play()
        try play.client(post("Content-Type: application/json") + Self.body.dropLast(), cut: cut)
        #expect(play.toUpstream.isEmpty && play.asked.count == 1)
        try play.client("}", cut: cut)
        let pointer = try #require(JSONPointer("/model"))
        #expect(play.asked.map { $0.body.json?[pointer] } == [nil, .string(Array("gpt-4".utf8))])
        #expect(play.toUpstream.hasSuffix("\r\n\r\n" + Self.body))
        try play.upstream(lines("HTTP/1.1 200 OK", "Content-Length: 2", body: "ok"))
        #expect(play.statuses == [200] && play.finished == 1)
    }

    @Test func `A body that came octet by octet is kept, and goes on, in few pieces`() throws {
        let play = try play()
        let body = Array(#"{"model": "gpt-4", "x": "\#(String(repeating: "y", count: 20_000))"}"#.utf8)
        let chunks = body.map { "1\r\n\(Character(Unicode.Scalar($0)))\r\n" }.joined()
        let head = post("Content-Type: application/json", framing: "Transfer-Encoding: chunked")
        try play.client(head + chunks + "0\r\n\r\n")
        let sent = try #require(play.toUpstream.components(separatedBy: "\r\n\r\n").dropFirst().first)
        let lines = sent.components(separatedBy: "\r\n")
        // Of each chunk a line says the length, and the next one is what it holds.
        #expect(lines.count < 50, "\(lines.count)")
        let whole = stride(from: 1, to: lines.count, by: 2).map { lines[$0] }.joined()
        #expect(Array(whole.utf8) == body)
    }

    @Test func `A chunked body goes on in chunks, its length known to the ruling, trailers with it`() throws {
        let play = try play()
        let chunks = "5\r\n\(Self.body.prefix(5))\r\n15\r\n\(Self.body.dropFirst(5))\r\n0\r\nX-Sum: 1\r\n\r\n"
        try play.client(
            post("Content-Type: application/json", framing: "Transfer-Encoding: chunked") + chunks
        )
        #expect(play.asked.map(\.body.length) == [nil, UInt64(Self.body.utf8.count)])
        #expect(play.toUpstream.contains(Self.body.prefix(5) + "\r\n"), "\(play.toUpstream)")
        #expect(play.toUpstream.hasSuffix("0\r\nX-Sum: 1\r\n\r\n"))
    }

    @Test(arguments: [
        "Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded", "X-None: 1",
        "Content-Type: application/json; charset=utf-16",
        "Content-Type: application/json\r\nContent-Encoding: gzip",
        "Content-Type: application/json\r\nContent-Type: application/json",
    ])
    func `C34 C36: what is not declared as plain JSON is unreadable, and is not waited for`(
        fields: String
    ) throws {
        let play = try play()
        try play.client(post(fields))
        #expect(play.asked.count == 2 && play.asked.last?.body.json == .unreadable)
        #expect(play.toUpstream.hasPrefix("POST /chat"))
        try play.client(Self.body)
        // What says that it is gzip and is not cannot be searched for what must not leave.
        if fields.contains("gzip") {
            #expect(play.refused.map(\.reason) == [.secretLeaving])
        } else {
            #expect(play.toUpstream.hasSuffix(Self.body))
        }
    }

    @Test(arguments: [
        "application/json", "application/problem+json", "Application/JSON; charset=\"UTF-8\"",
        "application/json;v=1",
    ])
    func `JSON is known by its type`(type: String) throws {
        let play = try play()
        try play.client(post("Content-Type: \(type)") + Self.body)
        #expect(play.asked.last?.body.json?.findings != nil)
    }

    @Test func `A denial keeps the connection, whose next request is served`() throws {
        let denied = try play("/model", .denied(Playbook.denial))
        try denied.client(
            post("Content-Type: application/json") + Self.body + post("Content-Type: application/json")
                + Self.body
        )
        #expect(denied.statuses == [403, 403] && !denied.isClosed && denied.toUpstream.isEmpty)
        #expect(denied.asked.count == 4)
    }

    @Test func `A driver that asks for what is known is not obeyed for ever`() throws {
        let pointers = [try #require(JSONPointer("/a"))]
        let play = try Playbook(Playbook.captured("allowed.test"), scheme: .https) { _ in
            .read(.json(pointers))
        }
        try play.client(post("Content-Type: application/json") + Self.body)
        #expect(play.isClosed && play.toUpstream.isEmpty && play.asked.count == 2)
    }

    @Test(arguments: [8, 9, 1_000])
    func `J12: a body of unknown length is cut where the rules' bound is reached`(size: Int) throws {
        let play = try Playbook(Playbook.captured("allowed.test"), scheme: .https) { request in
            #expect(request.body.length == nil)
            return .allowed(injection: nil, maximumBody: 8)
        }
        let body = String(repeating: "x", count: size)
        try play.client(
            post(framing: "Transfer-Encoding: chunked") + "\(String(size, radix: 16))\r\n\(body)\r\n0\r\n\r\n"
        )
        #expect(play.toUpstream.contains(body) == (size <= 8))
        #expect(play.statuses == (size <= 8 ? [] : [413]) && play.isClosed == (size > 8))
        #expect(play.refused.map(\.reason) == (size <= 8 ? [] : [.denied]))
    }

    @Test(arguments: [
        ("application/grpc", true), ("application/grpc+proto", true), ("Application/GRPC; x=y", true),
        ("application/grpc-web", false),
        ("application/grpcx", false), ("text/plain", false),
    ])
    func `D09: a call of gRPC is known by its type`(type: String, isCall: Bool) throws {
        let play = try Playbook(Playbook.captured("allowed.test"), scheme: .https) { _ in
            .allowed(injection: nil)
        }
        try play.client(post("Content-Type: \(type)"))
        #expect(play.asked.map { $0.kind == .call } == [isCall])
    }
}
