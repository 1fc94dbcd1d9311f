import Model
import NIOCore
import NIOHTTP1
import Reflection
import Wire

/// Looks through one request for what must not leave: the secrets that were put in, in any spelling, and what has the
/// shape of a provider's token or of a private key, where no rule names that under `send`.
///
/// Nothing is kept back, so that streams in both directions go on; what is found ends the request before its last
/// octet goes on.
struct LeakSearch {
    private let sending: Sending
    private let secrets: [SecretSpellings]
    private var scan: LeakScan
    /// Nothing follows what was taken last.
    private var isLast = false
    /// The search of what came before the ruling for secrets that were put in meanwhile, and what it has not read.
    private var later: (scan: LeakScan, pieces: ArraySlice<ByteBuffer>)?

    init(_ secrets: [SecretSpellings], _ sending: Sending) {
        self.secrets = secrets
        self.sending = sending
        scan = LeakScan(secrets, Self.looked(for: sending))
    }

    private static func looked(for sending: Sending) -> MaskKinds {
        Sending.everything.subtracting(sending.kinds)
    }

    /// What follows is another message.
    mutating func nextMessage() {
        scan.beginShapes(Self.looked(for: sending))
    }

    /// The same for a message of its own.
    func fresh() -> LeakSearch { LeakSearch(secrets, sending) }

    /// Looks through a head, without what a credential takes the place of, and reads how the body is coded.
    mutating func check(
        _ head: HTTPRequestHead,
        hasBody: Bool,
        _ lineage: Lineage
    ) throws(HTTPFault) {
        var text = ByteBuffer(string: head.uri)
        for (name, value) in head.headers {
            text.writeString("\n\(name)\n\(value)")
            if let pair = Self.basic(value) { text.writeString("\n\(pair)") }
        }
        if try leak(inWhole: text) != nil {
            throw try fault(Self.place(head, self), lineage)
        }
        guard hasBody else { return }
        do throws(DecodingFault) { try scan.begin(head.headers) } catch { throw Self.undecodable(error) }
    }

    /// Looks through the name of the host that is dialled.
    func check(name: String, _ lineage: Lineage) throws(HTTPFault) {
        if let leak = try leak(inWhole: ByteBuffer(string: name)) {
            throw fault((leak, "the host's name"), lineage)
        }
    }

    /// Looks through trailers.
    func check(trailers: HTTPHeaders, _ lineage: Lineage) throws(HTTPFault) {
        for (name, value) in trailers {
            if let leak = try leak(inWhole: ByteBuffer(string: "\(name)\n\(value)")) {
                throw fault((leak, "a trailer field"), lineage)
            }
        }
    }

    /// Reads on through the body, all of this at once; `isLast` says that nothing follows.
    mutating func check(_ bytes: ByteBuffer, isLast: Bool, _ lineage: Lineage) throws(HTTPFault) {
        take(bytes, isLast: isLast)
        var room = Int.max
        _ = try searchOn(within: &room, lineage)
    }

    /// Takes more of the body; what came before is looked through.
    mutating func take(_ bytes: ByteBuffer, isLast: Bool) {
        scan.give(bytes)
        self.isLast = isLast
    }

    /// Goes on where the search of what was read before the ruling stands.
    mutating func take(_ gathered: Gathered) throws(HTTPFault) {
        do throws(DecodingFault) {
            scan = try gathered.search.narrowed(to: Self.looked(for: sending))
            if let more = try gathered.search.later(of: secrets) { later = (more, gathered.pieces[...]) }
        } catch {
            throw Self.undecodable(error)
        }
        isLast = gathered.isWhole || gathered.count.isAll
    }

    /// Looks on through what was taken.
    ///
    /// - Parameters:
    ///   - room: octets that may still be decoded in this turn.
    ///   - lineage: whose request it is.
    /// - Returns: whether it is through.
    /// - Throws: `HTTPFault` where something must not leave, or the body cannot be read.
    mutating func searchOn(within room: inout Int, _ lineage: Lineage) throws(HTTPFault) -> Bool {
        var isThrough = false
        do throws(DecodingFault) {
            if try catchUp(within: &room) { isThrough = try scan.searchOn(within: &room) }
            if isThrough, isLast { try scan.finish() }
        } catch {
            throw Self.undecodable(error)
        }
        if let leak = scan.leak { throw fault((leak, "the request body"), lineage) }
        return isThrough
    }

    /// Looks on for secrets that were put in meanwhile; whether that is through.
    private mutating func catchUp(within room: inout Int) throws(DecodingFault) -> Bool {
        guard var late = later else { return true }
        later = nil
        while true {
            guard try late.scan.searchOn(within: &room) else { break }
            guard let piece = late.pieces.first else {
                scan.add(late.scan)
                return true
            }
            guard room > 0 else { break }
            late.pieces.removeFirst()
            room -= piece.readableBytes
            late.scan.give(piece)
        }
        later = late
        return false
    }

    private func leak(inWhole text: ByteBuffer) throws(HTTPFault) -> LeakScan.Leak? {
        var scan = LeakScan(secrets, Self.looked(for: sending))
        do throws(DecodingFault) {
            try scan.read(text)
            try scan.finish()
        } catch {
            throw Self.undecodable(error)
        }
        return scan.leak
    }

    /// Which part of a head it was.
    private static func place(
        _ head: HTTPRequestHead,
        _ search: LeakSearch
    ) throws(HTTPFault) -> (LeakScan.Leak, String) {
        if let leak = try search.leak(inWhole: ByteBuffer(string: head.uri)) {
            return (leak, "the request target")
        }
        for (name, value) in head.headers {
            let text = "\(name)\n\(value)" + (basic(value).map { "\n\($0)" } ?? "")
            guard let leak = try search.leak(inWhole: ByteBuffer(string: text)) else { continue }
            return (leak, "header field \(Octets.lowercased(name))")
        }
        return (.credential, "the request head")
    }

    /// What `Basic` stands for: user and password.
    private static func basic(_ value: String) -> String? {
        guard let space = value.firstPlace(of: " "), value[..<space].lowercasedASCII == "basic",
            let pair = Base64.decoded(value.rest(behind: space))
        else { return nil }
        return String(decoding: pair, as: Unicode.UTF8.self)
    }

    private func fault(_ found: (leak: LeakScan.Leak, place: String), _ lineage: Lineage) -> HTTPFault {
        let (what, isShape) =
            switch found.leak {
            case .credential: ("the value of a credential", false)
            case .kind(let kind):
                ("what has the shape of a \(kind == .token ? "provider's token" : "private key")", true)
            }
        var fault = HTTPFault(
            .forbidden,
            .secretLeaving,
            "\(what) is in \(found.place)",
            remedy: "Send the placeholder in its place; no rule lets the value itself out."
        )
        guard isShape, case .kind(let kind) = found.leak else { return fault }
        let owner = sending.decidedBy.map { "whoever owns profile \"\($0.profile)\"" } ?? "the operator"
        fault.denial = Denial(
            reason: .secretLeaving,
            message: fault.denial.message
                + ", and \(sending.rule.map { "the rule \($0)" } ?? "no rule") does not name it",
            rule: sending.rule,
            decidedBy: sending.decidedBy,
            remedy:
                "ask \(lineage.principal), or \(owner), to write send: [\(kind.rawValue)] into that rule; "
                + "better, have the gateway put it in (credential:); no agent can change a profile"
        )
        return fault
    }

    private static func undecodable(_ fault: DecodingFault) -> HTTPFault {
        HTTPFault(
            .forbidden,
            .secretLeaving,
            "the request body \(fault), so it cannot be searched for secrets",
            remedy: "Send it without a content coding, or in gzip, deflate, br or zstd."
        )
    }
}
