internal import Audit
internal import Client
internal import Dispatch
package import Foundation
package import Identity
package import Model
internal import Synchronization

/// The keys that vouch for agents as they are kept, in `keys` of the state directory: of each generation its private keys and,
/// written last, the authority's certificate, which says when it was made.
///
/// Nothing that is there is written anew: of several supervisors that make the next generation at once one is first, and one that
/// dies while it does leaves what the next goes on with.
package final class MintKeyFiles: Sendable {
    /// Seconds after which the folder is looked at again: a supervisor beside this one may have made the next generation, which
    /// signs a day later at the earliest.
    private static let pace: TimeInterval = 60
    /// Digits of a generation's number: at two days each they are enough for longer than anything here lasts.
    private static let maximumDigits = 6

    private let state: String
    private let domain: TrustDomain
    private let schedule: KeySchedule
    private let known = Mutex<(ring: MintKeyRing, looked: Date)?>(nil)

    /// - Parameters:
    ///   - state: the state directory.
    ///   - domain: whose agents they vouch for.
    ///   - schedule: when they follow one another.
    package init(in state: String, domain: TrustDomain, schedule: KeySchedule) {
        (self.state, self.domain, self.schedule) = (state, domain, schedule)
    }

    /// The keys at a moment; the first are made at first use, those that follow when they are due.
    ///
    /// Reads files the first time; then on a thread of its own, and what was read before is good until then.
    package func ring(at now: Date) throws -> MintKeyRing {
        try known.withLock { known in
            guard let (ring, looked) = known else {
                let ring = try current(at: now)
                known = (ring, now)
                return ring
            }
            if abs(now.timeIntervalSince(looked)) >= Self.pace {
                known = (ring, now)
                DispatchQueue.global().async { [self] in look(at: now) }
            }
            return ring
        }
    }

    private func look(at now: Date) {
        guard let ring = try? current(at: now) else { return }
        known.withLock { $0 = (ring, now) }
    }

    /// The keys that there are, without making any; nil where there are none.
    package func kept() throws -> MintKeyRing? {
        MintKeyRing(try numbers().compactMap(read), schedule: schedule)
    }

    private func current(at now: Date) throws -> MintKeyRing {
        let numbers = try numbers()
        var generations = try numbers.compactMap(read)
        let newest = numbers.last ?? 1
        // Of the older ones those whose keys are gone are being removed.
        if generations.last?.number != newest { generations.append(try make(newest, at: now)) }
        guard var ring = MintKeyRing(generations, schedule: schedule) else {
            throw Client.LaunchRefusal("there are no keys that vouch for agents in \(state)/keys")
        }
        if ring.nextIsDue <= now {
            // Where none can be made, the one that signs goes on, and it is tried again.
            if let next = try? make(ring.newest.number + 1, at: now) {
                ring = MintKeyRing(ring.generations + [next], schedule: schedule) ?? ring
            }
        }
        let retired = ring.retired(at: now).map(\.number)
        for number in retired { remove(number) }
        return MintKeyRing(ring.generations.filter { !retired.contains($0.number) }, schedule: schedule)
            ?? ring
    }
}

extension MintKeyFiles {
    private enum Part: String, CaseIterable {
        case token = "agent-token.key"
        case authority = "agent-authority.key"
        case certificate = "agent-authority.crt"

        /// `agent-token.key` of the first generation, `agent-token.2.key` of the second.
        func name(_ number: Int) -> String {
            guard number > 1, let point = rawValue.lastPlace(of: ".") else { return rawValue }
            return "\(rawValue[..<point]).\(number).\(rawValue.rest(behind: point))"
        }

        /// The generation whose file this is.
        func number(of name: String) -> Int? {
            if name.isSame(as: rawValue) { return 1 }
            let parts = name.cut(at: ".", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[1].utf8.count <= MintKeyFiles.maximumDigits,
                let number = Int(parts[1]), number > 1, self.name(number).isSame(as: name)
            else { return nil }
            return number
        }

        var maximum: Int { self == .certificate ? MintKeys.maximumCertificate : MintKeys.keyLength }
    }

    /// Those that are whole but for keys that were lost, ascending.
    private func numbers() throws -> [Int] {
        try KeptKeys.names(in: state).compactMap { Part.certificate.number(of: $0) }.sorted()
    }

    /// Nil where a part of it is not there.
    private func read(_ number: Int) throws -> MintKeyRing.Generation? {
        guard let token = try octets(.token, number), let authority = try octets(.authority, number),
            let certificate = try octets(.certificate, number)
        else { return nil }
        return try generation(number, token, authority, certificate)
    }

    /// Makes what of a generation is not there: the certificate last, by which it counts.
    private func make(_ number: Int, at now: Date) throws -> MintKeyRing.Generation {
        let token = try octets(.token, number, orMade: MintKeys.makeKey)
        let authority = try octets(.authority, number, orMade: MintKeys.makeKey)
        let certificate = try octets(.certificate, number) {
            try MintKeys.makeCertificate(authority: authority, domain: domain.name, at: now)
        }
        return try generation(number, token, authority, certificate)
    }

    private func generation(
        _ number: Int,
        _ token: Data,
        _ authority: Data,
        _ certificate: Data
    ) throws -> MintKeyRing.Generation {
        do {
            let keys = try MintKeys(
                token: token,
                authority: authority,
                certificate: certificate,
                domain: domain.name
            )
            return MintKeyRing.Generation(number, keys)
        } catch let other as OtherTrustDomain {
            throw refusal(other, number)
        } catch {
            throw Client.LaunchRefusal(
                "the keys that vouch for agents, agent-* in \(state)/keys, are of no use: \(error); put the right ones "
                    + "back, or set them aside: new ones are made then, which services have to be told of"
            )
        }
    }

    private func octets(_ part: Part, _ number: Int) throws -> Data? {
        try KeptKeys.octets(named: part.name(number), in: state, atMost: part.maximum)
    }

    private func octets(_ part: Part, _ number: Int, orMade make: () throws -> Data) throws -> Data {
        try KeptKeys.octets(named: part.name(number), in: state, atMost: part.maximum, orMade: make)
    }

    /// The certificate last: until it is gone, the removal is tried again.
    private func remove(_ number: Int) {
        for part in Part.allCases {
            guard (try? KeptKeys.remove(part.name(number), in: state)) == true else { return }
        }
    }

    private func refusal(_ other: OtherTrustDomain, _ number: Int) -> Client.LaunchRefusal {
        let certificate = TerminalText.quoted("\(state)/keys/\(Part.certificate.name(number))")
        let certified = other.certified.map { TerminalText.escaped($0) } ?? "none"
        return Client.LaunchRefusal(
            "the trust domain is \(domain.name), and \(certificate), by which services know agents, is of another trust "
                + "domain: \(certified). Either say `trust-domain: \(certified)` in bailey.yaml again; or set it aside "
                + "(mv \(certificate){,.old}): a new one is made at the next launch, and services have to be given it "
                + "(bailey identity bundle)"
        )
    }
}
