internal import Model

/// One provider's token: a fixed prefix and a body.
struct TokenShape: Sendable {
    /// What the body must look like before it is taken for a secret.
    enum Body: Sendable {
        /// At least so many letters, digits, `_` or `-`.
        case atLeast(Int)
        /// Letters, digits, `_`, `-` with a stretch that looks random: words joined by dashes do not.
        case random
        /// Exactly so many upper-case letters and digits, and then no further one.
        case upperExactly(Int)
        /// Dotted base64url parts (RFC 7515 section 3.1): two dots at least.
        case dotted
    }

    let prefix: [UInt8]
    let body: Body
    /// Whether the prefix counts only at the start of a word.
    let startsWord: Bool

    private init(_ prefix: String, _ body: Body, startsWord: Bool = false) {
        self.prefix = Array(prefix.utf8)
        self.body = body
        self.startsWord = startsWord
    }

    /// The named shapes, most specific first.
    ///
    /// Sources: each provider's documentation of its token format.
    static let all: [TokenShape] = [
        // GitHub: personal, OAuth, user-to-server, server-to-server, refresh; fine-grained.
        TokenShape("ghp_", .atLeast(30)), TokenShape("gho_", .atLeast(30)),
        TokenShape("ghu_", .atLeast(30)), TokenShape("ghs_", .atLeast(30)),
        TokenShape("ghr_", .atLeast(30)), TokenShape("github_pat_", .atLeast(40)),
        // GitLab: personal, runner, deploy, trigger, CI job, agent.
        TokenShape("glpat-", .atLeast(20)), TokenShape("glrt-", .atLeast(20)),
        TokenShape("gldt-", .atLeast(20)), TokenShape("glptt-", .atLeast(20)),
        TokenShape("glcbt-", .atLeast(20)), TokenShape("glagent-", .atLeast(20)),
        // Model providers.
        TokenShape("sk-ant-", .atLeast(20)), TokenShape("sk-proj-", .atLeast(20)),
        TokenShape("sk-svcacct-", .atLeast(20)), TokenShape("sk-or-v1-", .atLeast(20)),
        TokenShape("sk-", .random, startsWord: true), TokenShape("hf_", .atLeast(30), startsWord: true),
        // Payment and mail.
        TokenShape("sk_live_", .atLeast(16)), TokenShape("sk_test_", .atLeast(16)),
        TokenShape("rk_live_", .atLeast(16)), TokenShape("whsec_", .atLeast(24)),
        TokenShape("SG.", .dotted, startsWord: true),
        // AWS access key ids, long-lived and temporary.
        TokenShape("AKIA", .upperExactly(16), startsWord: true),
        TokenShape("ASIA", .upperExactly(16), startsWord: true),
        // Slack.
        TokenShape("xoxb-", .atLeast(10)), TokenShape("xoxp-", .atLeast(10)),
        TokenShape("xoxa-", .atLeast(10)), TokenShape("xoxr-", .atLeast(10)),
        TokenShape("xoxs-", .atLeast(10)), TokenShape("xoxe-", .atLeast(10)),
        TokenShape("xapp-", .atLeast(10)),
        // Google: API key, OAuth access token.
        TokenShape("AIza", .atLeast(35)), TokenShape("ya29.", .atLeast(20)),
        // Package registries and clouds.
        TokenShape("npm_", .random, startsWord: true), TokenShape("pypi-", .random),
        TokenShape("rubygems_", .atLeast(40)), TokenShape("dckr_pat_", .atLeast(20)),
        TokenShape("dop_v1_", .atLeast(40)), TokenShape("shpat_", .atLeast(30)),
        TokenShape("hvs.", .atLeast(20), startsWord: true),
        TokenShape("AGE-SECRET-KEY-1", .atLeast(40)),
        // JSON Web Token (RFC 7519): `{"` in base64url.
        TokenShape("eyJ", .dotted, startsWord: true),
    ]

    /// The shapes that begin with each octet, by its value: a scan asks at every place of a text.
    private static let byFirstOctet: [[TokenShape]] = (0...255).map { octet in
        all.filter { $0.prefix.first == octet }
    }

    /// The shapes that begin with this octet.
    static func beginning(with octet: UInt8) -> [TokenShape] { byFirstOctet[Int(octet)] }
}

extension TokenShape {
    /// The octet behind the token that starts at `start`; nil when there is none of this shape.
    func end(in text: [UInt8], at start: Int) -> Int? {
        if startsWord && start > 0 && text[start - 1].isTokenOctet { return nil }
        guard text.count - start > prefix.count, text[start..<start + prefix.count].elementsEqual(prefix)
        else { return nil }
        let bodyStart = start + prefix.count
        switch body {
        case .atLeast(let count):
            return runEnd(text, bodyStart, \.isTokenOctet, atLeast: count)
        case .random:
            let window = text[bodyStart...].prefix(MaskLimits.random).prefix(while: \.isTokenOctet)
            return window.hasRandomStretch ? runEnd(text, bodyStart, \.isTokenOctet, atLeast: 1) : nil
        case .upperExactly(let count):
            let end = runEnd(text, bodyStart, \.isTokenOctet, atLeast: count)
            guard end == bodyStart + count, text[bodyStart..<bodyStart + count].allSatisfy(\.isUpperOrDigit)
            else { return nil }
            return end
        case .dotted:
            return dottedEnd(text, bodyStart)
        }
    }

    /// The end of a run of body octets; nil when it is shorter than it must be.
    private func runEnd(
        _ text: [UInt8],
        _ start: Int,
        _ isBody: (UInt8) -> Bool,
        atLeast count: Int
    ) -> Int? {
        guard text.count - start >= count, text[start..<start + count].allSatisfy(isBody) else { return nil }
        return text[(start + count)...].firstIndex { !isBody($0) } ?? text.count
    }

    /// Parts of at least 8 octets, but the last, which may be empty (an unsecured JWT).
    private func dottedEnd(_ text: [UInt8], _ start: Int) -> Int? {
        var index = start
        for _ in 0..<2 {
            let part = text[index...].prefix(while: \.isTokenOctet)
            guard part.count >= 8, part.endIndex < text.count, text[part.endIndex] == UInt8(ascii: ".")
            else { return nil }
            index = part.endIndex + 1
        }
        return text[index...].firstIndex { !$0.isTokenOctet && $0 != UInt8(ascii: ".") } ?? text.count
    }
}

extension TokenShape {
    /// The same of a stretch of a document, where its prefix stands: what follows that is the secret.
    func sighting(at start: Int, _ text: RawSpan, _ sweep: Sweep) -> Sweep.Sighting {
        let before = sweep.octet(text, start - 1)
        if startsWord || sweep.isStrict, before.isTokenOctet { return .nothing }
        let bodyStart = start + prefix.count
        if sweep.isStrict { return strict(bodyStart, start, text, sweep) }
        let window: Int
        switch body {
        case .atLeast(let count): window = count
        case .upperExactly(let count): window = count + 1
        case .random: window = MaskLimits.random
        case .dotted: return dotted(bodyStart, start, text, sweep)
        }
        let length = sweep.run(text, bodyStart, upTo: window, \.isTokenOctet)
        if length < window, sweep.goesOn(text, bodyStart + length) { return .undecided(from: start) }
        switch body {
        case .atLeast(let count) where length < count: return .nothing
        case .upperExactly(let count):
            let range = bodyStart..<bodyStart + length
            guard length == count, range.allSatisfy({ text.octet($0).isUpperOrDigit }) else {
                return .nothing
            }
            return .found(range, .token, from: start)
        case .random where !(bodyStart..<bodyStart + length).map({ text.octet($0) }).hasRandomStretch:
            return .nothing
        case .atLeast, .random, .dotted:
            return MaskedRun.token.sighting(bodyStart, .token, text, sweep, from: start)
        }
    }

    /// The same, sure: as many different octets as chance gives, letters and digits among them, and a whole word.
    private func strict(_ body: Int, _ start: Int, _ text: RawSpan, _ sweep: Sweep) -> Sweep.Sighting {
        if case .dotted = self.body { return .nothing }
        let length = sweep.run(text, body, upTo: MaskLimits.random, \.isTokenOctet)
        let octets = (body..<body + length).map { text.octet($0) }
        if isSure(octets) { return MaskedRun.token.sighting(body, .token, text, sweep, from: start) }
        return length < MaskLimits.random && sweep.goesOn(text, body + length)
            ? .undecided(from: start) : .nothing
    }

    private func isSure(_ octets: [UInt8]) -> Bool {
        let isLong =
            switch body {
            case .atLeast(let count): octets.count >= count
            case .random: octets.hasRandomStretch
            // The id of an AWS key, which stands in every request that is signed, is no secret.
            case .upperExactly, .dotted: false
            }
        return isLong && Set(octets).count >= MaskLimits.different && octets.contains(where: \.isDigit)
            && octets.contains { $0.isLower || $0.isUpper }
    }

    /// Parts of at least 8 octets, but the last; so long that the parts do not end counts as one.
    private func dotted(_ body: Int, _ start: Int, _ text: RawSpan, _ sweep: Sweep) -> Sweep.Sighting {
        var index = body
        for _ in 0..<2 {
            let room = body + MaskLimits.dotted - index
            let length = sweep.run(text, index, upTo: room, \.isTokenOctet)
            if length == room { break }
            if sweep.goesOn(text, index + length) { return .undecided(from: start) }
            guard length >= 8, sweep.octet(text, index + length) == UInt8(ascii: ".") else { return .nothing }
            index += length + 1
        }
        return MaskedRun.dotted.sighting(body, .token, text, sweep, from: start)
    }
}
