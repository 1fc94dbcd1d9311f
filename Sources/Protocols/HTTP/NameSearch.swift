package import Model
import NIOCore
package import Reflection

/// Looks through a host's name for what must not leave: resolvers are asked for it, and the opening of TLS says it, before any
/// request goes out.
package enum NameSearch {
    /// - Parameters:
    ///   - host: where is dialled; an address holds nothing.
    ///   - spellings: what requests are searched for.
    ///   - sending: what the rules let out.
    ///   - lineage: who is told.
    /// - Returns: why it is not dialled; nil where there is nothing in its name.
    package static func denial(
        of host: Host,
        _ spellings: SpellingsCache,
        _ sending: Sending,
        _ lineage: Lineage
    ) -> Denial? {
        guard case .name(let name) = host else { return nil }
        return LeakSearch(spellings.outward, sending).denial(ofName: name.text, lineage)
    }
}

extension LeakSearch {
    fileprivate func denial(ofName name: String, _ lineage: Lineage) -> Denial? {
        do throws(HTTPFault) {
            try check(name: name, lineage)
            return nil
        } catch {
            return error.denial
        }
    }
}
