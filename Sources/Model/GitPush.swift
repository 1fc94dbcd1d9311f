/// What a push to a repository asks for, as its list of commands says (gitprotocol-pack, "Reference Update Request and
/// Packfile Transfer").
package struct GitPush: Sendable, Hashable {
    /// What becomes of one ref.
    package struct Update: Sendable, Hashable {
        /// `refs/heads/main`.
        package let ref: String
        package let isDeletion: Bool

        package init(ref: String, isDeletion: Bool = false) {
            (self.ref, self.isDeletion) = (ref, isDeletion)
        }
    }

    /// In the order of the list; none in the request by which a client asks whether it may push.
    package let updates: [Update]
    /// It has options (`git push -o`), by which a server may do more than update these refs.
    package let hasOptions: Bool

    /// Octets of a list, all its pkt-lines together.
    ///
    /// Some 350 updates: a push of an agent's has a handful, and each is held against each rule for the repository.
    package static let maximumList = 32_768
    /// Updates of one list: of two object ids, a name and what is around them each has 92 octets at least.
    package static let maximumUpdates = maximumList / 92
    /// Refs that a text about it names.
    private static let named = 32

    package init(_ updates: [Update], hasOptions: Bool = false) {
        (self.updates, self.hasOptions) = (updates, hasOptions)
    }

    /// Whether a text is the whole name of a ref (git-check-ref-format), as a server takes it for one to change.
    package static func isRef(_ text: some StringProtocol) -> Bool {
        let octets = Array(text.utf8)
        guard octets.starts(with: "refs/".utf8), octets.last != UInt8(ascii: "."),
            !octets.contains(where: isForbidden), text.firstPlace(ofText: "@{") == nil
        else { return false }
        let parts = text.cut(at: "/", omittingEmptySubsequences: false)
        return parts.allSatisfy { part in
            !part.isEmpty && !part.begins(with: ".") && !part.ends(with: ".lock")
                && part.firstPlace(ofText: "..") == nil
        }
    }

    private static func isForbidden(_ octet: UInt8) -> Bool {
        octet <= 0x20 || octet == 0x7F || " ~^:?*[\\".utf8.contains(octet)
    }

    /// As a refspec has them: ` refs/heads/main :refs/heads/gone`.
    var words: String {
        let words = updates.prefix(Self.named).map { " \($0.isDeletion ? ":" : "")\($0.ref)" }
        let more = updates.count - words.count
        return words.joined() + (more > 0 ? " and \(more) more" : "")
    }
}

/// What a request is to those who speak a protocol of their own over HTTP, by its head.
package enum RequestKind: Sendable, Hashable {
    case plain
    /// A call of gRPC.
    case call
    /// git's smart protocol (gitprotocol-http): a repository is read.
    case gitFetch
    /// The same: refs of a repository are to be changed.
    case gitPush
}

/// Where a repository's requests go (gitprotocol-http, "URL Format", "Smart Clients").
package enum GitService: String, Sendable, Hashable, CaseIterable {
    case uploadPack = "git-upload-pack"
    case receivePack = "git-receive-pack"

    /// What the first request of either asks for, by `?service=`.
    package static let opening = "/info/refs"

    package var kind: RequestKind { self == .uploadPack ? .gitFetch : .gitPush }

    /// The query of the first request.
    package var query: String { "service=\(rawValue)" }

    /// The repository's own path; `/` for one that is the whole host.
    static func repository(of path: String) -> Substring {
        for suffix in allCases.map({ "/" + $0.rawValue }) + [opening] where path.ends(with: suffix) {
            let rest = path.dropLast(bytes: suffix.utf8.count)
            return rest.isEmpty ? "/" : rest
        }
        return path[...]
    }
}
