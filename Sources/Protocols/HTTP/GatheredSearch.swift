import Model
import NIOCore
import NIOHTTP1
import Reflection

/// The search of a body that is read before its request is decided on, as it comes: all of it at once, when the ruling is
/// there, would keep every other connection of the loop waiting for seconds.
///
/// What the ruling lets out is not known yet, so everything is looked for that any may ask for, and what is found counts
/// only then.
struct GatheredSearch {
    private var scan: LeakScan
    /// Why it could not be read to its end.
    private var fault: DecodingFault?
    private let fields: HTTPHeaders

    init(_ checked: CheckedRequest, _ secrets: [SecretSpellings]) {
        scan = LeakScan.ofAll(secrets)
        fields = checked.framing == .none ? [:] : checked.head.headers
        do throws(DecodingFault) { try scan.begin(fields) } catch { fault = error }
    }

    /// Gives it what has come; what came before is looked through.
    mutating func give(_ bytes: ByteBuffer) {
        if fault == nil { scan.give(bytes) }
    }

    /// Looks on through what it was given; whether it is through.
    mutating func searchOn(within room: inout Int) -> Bool {
        guard fault == nil else { return true }
        do throws(DecodingFault) {
            return try scan.searchOn(within: &room)
        } catch {
            fault = error
            return true
        }
    }

    /// What the ruling asks for, as far as the body has come.
    ///
    /// - Parameter kinds: what may not leave.
    /// - Returns: the search that goes on with what follows.
    /// - Throws: `DecodingFault` where it could not be read.
    func narrowed(to kinds: MaskKinds) throws(DecodingFault) -> LeakScan {
        if let fault { throw fault }
        var scan = scan
        scan.narrow(to: kinds)
        return scan
    }

    /// The search of what came for secrets that were first put in meanwhile.
    ///
    /// - Parameter secrets: those that count now.
    /// - Returns: nil where there are no others.
    /// - Throws: `DecodingFault` where it could not be read.
    func later(of secrets: [SecretSpellings]) throws(DecodingFault) -> LeakScan? {
        let missing = scan.missing(of: secrets)
        guard !missing.isEmpty else { return nil }
        var later = LeakScan(missing)
        try later.begin(fields)
        return later
    }
}
