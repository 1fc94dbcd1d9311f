import Model
import TestSupport
import Testing
import Wire

struct LedgerTests {
    typealias Action = EngineAction<Int>

    private static let request = Request(
        endpoint: Endpoint(scheme: .tcp, host: .address(IPAddress(v4: 0x5DB8_D822)), port: 22),
        action: .connect
    )
    private static let denial = Denial(
        reason: .noRule,
        message: "no",
        rule: nil,
        decidedBy: nil,
        remedy: ""
    )

    @Test func `A message goes on only between an allowed ruling and its end`() throws {
        let id = RulingID(1)
        var ledger = Ledger()
        try ledger.admit(Action.ask(id, Self.request))
        #expect(ledger.allowedRequest(id) == nil)
        try ledger.ruled(id, .allowed(injection: nil))
        #expect(ledger.allowedRequest(id) == Self.request)
        try ledger.admit(Action.forward(7, to: .upstream, under: id))
        try ledger.admit(Action.forward(8, to: .client, under: id))
        try ledger.admit(Action.finished(id))
        #expect(ledger.allowedRequest(id) == nil)
        #expect(throws: LedgerViolation.notAllowed(id)) {
            try ledger.admit(Action.forward(9, to: .upstream, under: id))
        }
        #expect(throws: LedgerViolation.closed) { try ledger.admit(Action.reply(1)) }
    }

    @Test func `A violation is named and ends the ledger`() {
        let id = RulingID(1)
        let cases: [([Action], Bool?, LedgerViolation)] = [
            ([.forward(1, to: .upstream, under: id)], nil, .notAllowed(id)),
            ([.ask(id, Self.request), .forward(1, to: .upstream, under: id)], nil, .notAllowed(id)),
            ([.ask(id, Self.request)], false, .notAllowed(id)),
            ([.ask(id, Self.request), .ask(id, Self.request)], nil, .reused(id)),
            ([.refused(id, nil, Self.denial), .ask(id, Self.request)], nil, .reused(id)),
            ([.finished(id)], nil, .notAllowed(id)),
            ([.masked(id, .credential(.body))], nil, .notAllowed(id)),
            (
                [.ask(id, Self.request), .handOver(Self.request.endpoint.host, port: 1)], nil,
                .handOverWhileOpen
            ),
        ]
        for (actions, ruling, expected) in cases {
            var ledger = Ledger()
            var seen: LedgerViolation?
            do throws(LedgerViolation) {
                for action in actions { try ledger.admit(action) }
                if let ruling {
                    try ledger.ruled(id, ruling ? .allowed(injection: nil) : .denied(Self.denial))
                    try ledger.admit(Action.forward(1, to: .client, under: id))
                }
            } catch {
                seen = error
            }
            #expect(seen == expected)
            #expect(throws: LedgerViolation.closed) { try ledger.admit(Action.close) }
        }
    }

    @Test func `More open questions than the bound are refused`() throws {
        var ledger = Ledger()
        for number in 0..<Ledger.maximumOpen {
            try ledger.admit(Action.ask(RulingID(UInt64(number)), Self.request))
        }
        #expect(throws: LedgerViolation.tooManyOpen) {
            try ledger.admit(Action.ask(RulingID(1000), Self.request))
        }
    }

    @Test func `Law: no engine gets a message through without an allowed ruling`() {
        var passed = 0
        for seed in 0..<400 as Range<UInt64> { passed += Self.misbehave(seed) }
        #expect(passed > 100, "the law is shown by engines that get something through as well")
    }

    /// An engine that does anything under any small id, in any order, and rulings among it.
    ///
    /// A violation would end the ledger, so each step is tried on a copy and kept when it was admitted. The
    /// expectation is kept apart: the ids that were asked, then allowed, and not yet spent.
    private static func misbehave(_ seed: UInt64) -> Int {
        var random = SplitMix(seed)
        var ledger = Ledger()
        var asked: Set<UInt64> = []
        var allowed: Set<UInt64> = []
        var passed = 0
        for step in 0..<80 {
            let number = UInt64(step / 16) + UInt64.random(in: 0..<3, using: &random)
            let id = RulingID(number)
            switch Int.random(in: 0..<8, using: &random) {
            case 0, 1:
                if admits(&ledger, .ask(id, request)) { asked.insert(number) }
            case 2, 3:
                guard rules(&ledger, id, .allowed(injection: nil)) else { continue }
                #expect(asked.remove(number) != nil)
                allowed.insert(number)
            case 4:
                if rules(&ledger, id, .denied(denial)) { #expect(asked.remove(number) != nil) }
            case 5, 6:
                let side: Side = Bool.random(using: &random) ? .client : .upstream
                let isAdmitted = admits(&ledger, .forward(step, to: side, under: id))
                #expect(isAdmitted == allowed.contains(number))
                passed += isAdmitted ? 1 : 0
            default:
                let isAdmitted = admits(&ledger, .finished(id))
                #expect(isAdmitted == (allowed.remove(number) != nil))
            }
        }
        return passed
    }

    private static func admits(_ ledger: inout Ledger, _ action: Action) -> Bool {
        var copy = ledger
        guard (try? copy.admit(action)) != nil else { return false }
        ledger = copy
        return true
    }

    private static func rules(_ ledger: inout Ledger, _ id: RulingID, _ ruling: Ruling) -> Bool {
        var copy = ledger
        guard (try? copy.ruled(id, ruling)) != nil else { return false }
        ledger = copy
        return true
    }
}
