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

    mutating func read(_ bytes: ByteBuffer) {
        guard fault == nil else { return }
        do throws(DecodingFault) { try scan.read(bytes) } catch { fault = error }
    }

    /// What the ruling asks for, as far as the body has come.
    ///
    /// - Parameters:
    ///   - secrets: those that count now; any that were first put in meanwhile are looked for in what came.
    ///   - kinds: what may not leave.
    ///   - pieces: what came.
    /// - Returns: the search that goes on with what follows.
    /// - Throws: `DecodingFault` where it could not be read.
    func narrowed(
        to secrets: [SecretSpellings],
        _ kinds: MaskKinds,
        _ pieces: [ByteBuffer]
    ) throws(DecodingFault) -> LeakScan {
        if let fault { throw fault }
        var scan = scan
        scan.narrow(to: kinds)
        let later = scan.missing(of: secrets)
        guard !later.isEmpty else { return scan }
        var more = LeakScan(later)
        try more.begin(fields)
        for piece in pieces { try more.read(piece) }
        scan.add(more)
        return scan
    }
}
