import Foundation
import Identity
import JWTKit
import Model
import SwiftASN1
import Synchronization
import Testing
import X509

/// How the keys that vouch for agents follow one another, by a clock that the test moves.
struct MintKeyRingTests {
    private static let day: TimeInterval = 24 * 3_600
    private let began = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))
    private let schedule = KeySchedule(life: 10 * day)

    private func generation(_ number: Int, made days: Double) throws -> MintKeyRing.Generation {
        let authority = MintKeys.makeKey()
        let certificate = try MintKeys.makeCertificate(
            authority: authority,
            domain: "example.org",
            at: began + days * Self.day
        )
        let keys = try MintKeys(
            token: MintKeys.makeKey(),
            authority: authority,
            certificate: certificate,
            domain: "example.org"
        )
        return MintKeyRing.Generation(number, keys)
    }

    private func ring(_ generations: [MintKeyRing.Generation]) throws -> MintKeyRing {
        try #require(MintKeyRing(generations, schedule: schedule))
    }

    private func bundle(_ ring: MintKeyRing, at days: Double) throws -> Bundle {
        let text = try TrustBundle(ring, at: began + days * Self.day).text(.spiffe)
        return try JSONDecoder().decode(Bundle.self, from: Data(text.utf8))
    }

    @Test("A key is published for half of its life before it signs, and the next is made when it is over")
    func follows() throws {
        let (one, two) = (try generation(1, made: 0), try generation(2, made: 10))
        let alone = try ring([one])
        #expect(alone.nextIsDue == began + 10 * Self.day && alone.signing(at: alone.nextIsDue).number == 1)
        let ring = try ring([one, two])
        #expect(ring.nextIsDue == began + 20 * Self.day)
        let takeover = began + 15 * Self.day
        #expect(ring.signing(at: began + 10 * Self.day).number == 1)
        #expect(ring.signing(at: takeover - 1).number == 1 && ring.signing(at: takeover).number == 2)
        // A clock that stepped back signs with what was published for long enough.
        #expect(ring.signing(at: began - Self.day).number == 1)
        // Whoever ran nothing for years makes one first, and it is published before it signs as well.
        let late = try self.ring([one, try generation(2, made: 900)])
        #expect(late.signing(at: began + 904 * Self.day).number == 1)
        #expect(late.signing(at: began + 905 * Self.day).number == 2)
    }

    @Test("The next key is in the bundle ahead, the old one until what it signed is over, each for its use")
    func published() throws {
        let (one, two) = (try generation(1, made: 0), try generation(2, made: 10))
        let (first, second) = (one.keys.tokenIdentifier, two.keys.tokenIdentifier)
        let alone = try ring([one])
        let ring = try ring([one, two])
        #expect(try bundle(alone, at: 9).tokens == [first] && bundle(alone, at: 9).authorities == 1)
        #expect(try bundle(ring, at: 10).tokens == [first, second] && bundle(ring, at: 10).authorities == 2)
        // A token is good for five minutes, clocks differ by ten; a certificate is good for a day.
        let minute = 1.0 / (24 * 60)
        #expect(try bundle(ring, at: 15 + 14 * minute).tokens == [first, second])
        #expect(try bundle(ring, at: 15 + 16 * minute).tokens == [second])
        #expect(try bundle(ring, at: 15 + 16 * minute).authorities == 2)
        #expect(try bundle(ring, at: 16 + 9 * minute).authorities == 2)
        #expect(try bundle(ring, at: 16 + 11 * minute).authorities == 1)
        #expect(ring.retired(at: began + 16 * Self.day).isEmpty)
        #expect(ring.retired(at: began + 16.1 * Self.day).map(\.number) == [1])
        // Its number grows with each change, also once the old files are gone.
        let numbers = try [
            bundle(alone, at: 9), bundle(ring, at: 10), bundle(ring, at: 15.02), bundle(ring, at: 16.1),
            bundle(self.ring([two]), at: 16.1), bundle(self.ring([two, generation(3, made: 20)]), at: 20),
        ].map(\.sequence)
        #expect(
            numbers == numbers.sorted() && Set(numbers).count == 5 && numbers[3] == numbers[4],
            "\(numbers)"
        )
    }

    @Test(
        "Whatever is minted is verified by the bundle that was published a day before, through two rotations"
    )
    func verified() async throws {
        let generations = try [generation(1, made: 0), generation(2, made: 10), generation(3, made: 20)]
        // As the files are at a moment.
        let rings = try (1...3).map { try ring(Array(generations.prefix($0))) }
        let known: @Sendable (Double) -> MintKeyRing = { rings[$0 < 10 ? 0 : $0 < 20 ? 1 : 2] }
        let (clock, began, day) = (Days(), began, Self.day)
        let mint = AgentMint(
            ring: { _ in known(clock.passed) },
            domain: try #require(TrustDomain("example.org")),
            now: { began + clock.passed * day }
        )
        let lineage = AgentMintTests.lineage(["ci"])
        var used: Set<String> = []
        for hour in stride(from: 24.0, to: 30 * 24, by: 5) {
            clock.passed = hour / 24
            let token = try mint.token(for: lineage, audience: "x", lifetime: 300_000)
            let certificate = try mint.certificate(for: lineage, lifetime: 86_400_000)
            for age in [0, 24.0] {
                let past = TrustBundle(known((hour - age) / 24), at: began + (hour - age) / 24 * day)
                let keys = try await JWTKeyCollection().add(jwksJSON: past.text(.jwks))
                let payload = try await keys.verify(token.text, as: Payload.self)
                #expect(payload.sub == "user:alice")
                #expect(try Self.isSigned(certificate.pem, by: past.text(.pem)), "\(hour) \(age)")
                #expect(try Self.isSigned(token.certificate.pem, by: past.text(.pem)), "\(hour) \(age)")
            }
            used.insert(try Self.header(token.text))
        }
        #expect(used.count == 3, "\(used)")
    }

    @Test(
        "A life that is shorter than what is signed with it lasts, or longer than a key may sign, is not taken"
    )
    func bounds() {
        #expect(KeySchedule(life: 1).life == KeySchedule.shortestLife)
        #expect(KeySchedule(life: .infinity).life == KeySchedule.longestLife)
        #expect(KeySchedule().life == KeySchedule.standardLife)
    }

    private static func isSigned(_ pem: String, by authorities: String) throws -> Bool {
        let end = "-----END CERTIFICATE-----"
        let first = try #require(pem.range(of: end).map { String(pem[..<$0.upperBound]) })
        let certificate = try Certificate(pemEncoded: first)
        return try authorities.components(separatedBy: end).dropLast().contains {
            try Certificate(pemEncoded: $0 + end).publicKey
                .isValidSignature(certificate.signature, for: certificate)
        }
    }

    private static func header(_ token: String) throws -> String {
        try #require(token.split(separator: ".").first.map(String.init))
    }

    private final class Days: Sendable {
        private let days = Mutex(0.0)

        var passed: Double {
            get { days.withLock { $0 } }
            set { days.withLock { $0 = newValue } }
        }
    }

    private struct Payload: JWTPayload {
        let sub: String

        /// The clock is the test's.
        func verify(using algorithm: some JWTAlgorithm) throws {}
    }

    private struct Bundle: Decodable {
        struct Key: Decodable {
            let use: String
            let kid: String?
        }

        let keys: [Key]
        let sequence: Int

        var tokens: [String] { keys.filter { $0.use == "jwt-svid" }.compactMap(\.kid) }
        var authorities: Int { keys.count { $0.use == "x509-svid" } }

        private enum CodingKeys: String, CodingKey {
            case keys
            case sequence = "spiffe_sequence"
        }
    }
}
