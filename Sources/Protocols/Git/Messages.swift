package import Model

/// The list at the beginning of a push, and how its client wants to hear what became of it.
package struct PushList: Sendable, Hashable {
    package let push: GitPush
    /// It asks for a line on each ref (`report-status`, `report-status-v2`).
    package let wantsReport: Bool
    /// Its answer is in bands (`side-band-64k`).
    package let hasBands: Bool
}

/// Why a list is refused.
package enum PushFault: Error, Sendable, Hashable, CustomStringConvertible {
    case malformed(String)
    case tooLarge
    /// The commands are in a certificate (`git push --signed`).
    case signed

    package var description: String {
        switch self {
        case .malformed(let words): "the push's list of commands is malformed: \(words)"
        case .tooLarge: "the push's list of commands has more than \(GitPush.maximumList) octets"
        case .signed: "the push is signed, and commands in a certificate are not read"
        }
    }
}
