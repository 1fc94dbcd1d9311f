internal import Crypto
internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import PostgresProtocol

/// Both bodies of an exchange.
struct KeptBodies {
    private var request: KeptBody?
    private var response: KeptBody?

    /// Why no more is kept of one.
    var failure: AuditFailure? { request?.failure ?? response?.failure }

    subscript(side: BodySide) -> KeptBody? {
        get { side == .request ? request : response }
        set { if side == .request { request = newValue } else { response = newValue } }
    }
}

/// What is kept of one body by now.
final class KeptBody {
    private let at: BodyPlace
    private let sink: any BodySink
    private let source: BodyWork.Source
    /// Made for the first octet: most requests have no body.
    private var copy: BodyCopy?
    private var rows = RowCopy()
    /// Not kept yet: what comes in one turn is one piece.
    private var fresh = ByteBuffer()
    private var digest = SHA256()
    private var octets: UInt64 = 0
    private var place: Range<UInt64>?
    private var isOver = false
    private(set) var failure: AuditFailure?

    init(_ source: BodyWork.Source, at place: BodyPlace, in sink: any BodySink) {
        (self.source, at, self.sink) = (source, place, sink)
    }

    func take(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        if copy == nil { copy = BodyCopy(of: at.side, source.form, hiding: source.secrets, source.kinds) }
        copy?.take(bytes) { piece in
            fresh.writeImmutableBuffer(piece)
            if fresh.readableBytes >= GatewayLimits.recordedAhead { keep() }
        }
    }

    func take(_ piece: ResultPiece) { take(rows.take(piece)) }

    func end(isWhole: Bool) {
        guard !isOver else { return }
        isOver = true
        guard let rest = copy?.end(isWhole: isWhole) else { return }
        fresh.writeImmutableBuffer(rest)
        keep()
    }

    /// Hands over what has come.
    func keep() {
        guard fresh.readableBytes > 0, failure == nil else { return }
        let octets = Array(fresh.readableBytesView)
        fresh.clear()
        do throws(AuditFailure) {
            let kept = try sink.append(octets, to: at)
            digest.update(data: octets)
            self.octets += UInt64(octets.count)
            place = (place?.lowerBound ?? kept.lowerBound)..<kept.upperBound
        } catch {
            failure = error
        }
    }

    /// Nil for a message without a body.
    func record() -> RecordedBody? {
        guard let copy else { return nil }
        return RecordedBody(
            side: at.side,
            octets: octets,
            digest: digest.finalize().hex,
            place: place ?? 0..<0,
            coding: copy.coding,
            missing: copy.missing ?? failure?.message
        )
    }
}
