internal import Model

/// What is masked before anything is written: every secret shape, and a set of exact values.
package struct SecretMask: Sendable {
    /// Octets of the shortest text that could hold anything.
    package static let shortest = KnownSecrets.minimumLength
    private let values: [String]
    private let known: KnownSecrets

    package init(knownSecrets: [String] = []) {
        values = knownSecrets
        known = KnownSecrets(knownSecrets)
    }

    /// The same mask with more exact values.
    package func adding(_ secrets: [String]) -> SecretMask {
        SecretMask(knownSecrets: values + secrets)
    }

    package func text(_ text: String) -> String { SecretShapes.masked(known.masked(text)) }

    /// The same of a text that is long and mostly holds nothing: it is looked through for what could be one first, by a set
    /// that takes milliseconds to make.
    package func longText(_ text: String) -> String {
        let text = known.mayOccur(in: text) ? known.masked(text) : text
        return Suspicion.isAroused(by: text) ? SecretShapes.masked(text) : text
    }

    /// The same of a text with ends that were cut off before a mark, `…`: there what one of the exact values may begin with is
    /// hidden as well.
    package func cutText(_ text: String) -> String {
        let parts = longText(text).cut(at: "…", omittingEmptySubsequences: false)
        return parts.enumerated().map { place, part in
            let octets = Array(part.utf8)
            let hidden = place < parts.count - 1 ? beginning(in: octets[...]) : 0
            guard hidden >= Self.shortest else { return String(part) }
            return String(decoding: octets.dropLast(hidden), as: UTF8.self) + SecretShapes.hidden
        }.joined(separator: "…")
    }

    /// Where something is hidden in octets.
    package func ranges(in octets: [UInt8]) -> [Range<Int>] {
        (known.mayOccur(in: octets) ? known.ranges(in: octets) : [])
            + (Suspicion.isAroused(by: octets) ? SecretShapes.ranges(in: octets) : [])
    }

    /// Octets at the end of some that one of the exact values may begin with.
    package func beginning(in octets: ArraySlice<UInt8>) -> Int { known.beginning(in: octets) }

    /// A command line.
    ///
    /// A flag with a secret name hides the argument behind it; a flag that takes `user:password` hides the
    /// password in it.
    package func arguments(_ arguments: [String]) -> [String] {
        var masked: [String] = []
        var flag = Flag.other
        for argument in arguments {
            switch flag {
            case .secret where argument.utf8.first != UInt8(ascii: "-"): masked.append(SecretShapes.hidden)
            case .user where argument.utf8.contains(UInt8(ascii: ":")):
                masked.append(Self.maskedUser(argument))
            case .secret, .user, .other: masked.append(text(argument))
            }
            flag = Flag(argument)
        }
        return masked
    }

    private enum Flag {
        case secret
        case user
        case other

        init(_ argument: String) {
            let name = argument.utf8.drop { $0 == UInt8(ascii: "-") }
            if name.count == argument.utf8.count || argument.utf8.contains(UInt8(ascii: "=")) {
                self = .other
            } else if ["-u", "--user", "-U", "--proxy-user"].contains(argument) {
                self = .user
            } else {
                self = SecretName(name) == .strong ? .secret : .other
            }
        }
    }

    private static func maskedUser(_ argument: String) -> String {
        let user = argument.utf8.prefix { $0 != UInt8(ascii: ":") }
        return "\(Substring(user)):\(SecretShapes.hidden)"
    }
}
