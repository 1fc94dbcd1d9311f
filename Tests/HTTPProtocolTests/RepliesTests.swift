import Foundation
import HTTPProtocol
import Model
import Testing
import Wire

struct RepliesTests {
    @Test func `A message cannot break out of its JSON string, the page or the terminal`() throws {
        let rule = RuleReference(
            text: "a\"b\\c\u{1B}[31m\n\u{202E}x\u{1F600}</script>\u{7F}\u{85}\u{200B}",
            source: "ci.yaml:1"
        )
        let hop = Playbook.lineage.agent
        let denial = Denial(reason: .denied, message: "m", rule: rule, decidedBy: hop, remedy: "r")
        let play = try Playbook { _ in .denied(denial) }
        try play.client(StateMachineTests.get)
        let expected =
            #""rule":"a\"b\\c\u001b[31m\n\u202ex\ud83d\ude00\u003c/script\u003e\u007f\u0085\u200b (ci.yaml:1)","#
            + #""decided_by":"tests""#
        #expect(play.toClient.contains(expected))
        #expect(play.toClient.utf8.allSatisfy { $0 < 0x7F })
    }

    @Test func `The status line says why, in one line of bounded length`() throws {
        let message = "a\r\nSet-Cookie: b\u{0}\u{7F}é" + String(repeating: "x", count: 2_000)
        let denial = Denial(reason: .denied, message: message, rule: nil, decidedBy: nil, remedy: "r")
        let play = try Playbook { _ in .denied(denial) }
        try play.client(StateMachineTests.get)
        let line = try #require(play.toClient.components(separatedBy: "\r\n").first)
        #expect(line.hasPrefix("HTTP/1.1 403 Forbidden: a??Set-Cookie: b????xxx"))
        #expect(line.utf8.count == "HTTP/1.1 403 Forbidden: ".utf8.count + HTTPLimits.reasonPhrase)
    }

    @Test(arguments: [
        (Denial.Reason.noRule, 403), (.denied, 403), (.approvalNeeded, 403), (.forbiddenAddress, 403),
        (.revoked, 403),
        (.placeholderMisused, 403), (.protocolMismatch, 403), (.nameMismatch, 421), (.malformed, 400),
        (.credentialUnavailable, 503), (.auditUnavailable, 503), (.upstreamFailed, 502), (.overBudget, 429),
        (.unsupported, 501),
    ])
    func `Each reason has its status`(reason: Denial.Reason, status: Int) throws {
        let denial = Denial(reason: reason, message: "", rule: nil, decidedBy: nil, remedy: "")
        let play = try Playbook { _ in .denied(denial) }
        try play.client(StateMachineTests.get)
        #expect(play.statuses == [status])
        #expect(play.toClient.contains(#""reason":"\#(reason.rawValue)""#))
        #expect(play.isClosed == (reason == .revoked))
    }
}
