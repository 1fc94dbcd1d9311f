import Foundation
import Glibc
import TestSupport
import Testing

// What becomes of the log while the database, or what leads to it, fails.
extension EndToEnd.FleetTests {
    /// Refused launches whose records have three MiB each.
    private func refuseLargeLaunches(_ count: Int) throws {
        let words = Array(repeating: String(repeating: "\u{1}", count: 2_095), count: 249)
        for _ in 0..<count {
            let outcome = try place.bailey(["run", "-p", "none", "--"] + words)
            #expect(outcome.code == 125, "\(outcome.errors)")
        }
    }

    @Test("I05: what the database lacks goes there in pieces, also where the words of launches make much of it")
    func large() throws {
        #expect(try place.agent("true").code == 0)
        try configure(place, database.settings(in: place, database.url(port: Port.free())))
        try refuseLargeLaunches(24)
        let log = try place.control(
            "sqlite3 '\(place.root)/state/bailey/audit.sqlite' 'SELECT sum(length(payload)) FROM records'"
        )
        // More than the frames between Bailey and bailey-postgres may have.
        #expect(try #require(log.lines.first.flatMap { Int($0) }, "\(log)") > 64 << 20)
        try configure(place)
        #expect(try awaits { try place.agent("true").code == 0 })
        #expect(try count(of: key(of: place)) == records(of: place))
        let verify = try place.bailey(["audit", "verify", "--fleet"])
        #expect(verify.code == 0, "\(verify)")
    }
}
