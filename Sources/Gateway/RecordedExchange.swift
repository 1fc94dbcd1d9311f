internal import Crypto
internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOHTTP1
internal import Reflection
internal import Synchronization

/// One exchange with a recording, on threads that may wait for the disk, one step at a time.
///
/// A request is known again by what would be recorded of it: its body is decoded and masked as it was then.
final class RecordedExchange: Sendable {
    /// What came of a part of the request.
    enum Question: Sendable {
        case more
        case answered(HTTPResponseHead)
        case unanswered(UnansweredRequest)
    }

    /// What comes next of the reply.
    enum Piece: Sendable {
        case body([UInt8])
        case end(HTTPHeaders?)
        case unanswered(UnansweredRequest)
    }

    private struct State {
        var method = HTTPMethod.GET
        var copy: BodyCopy?
        var digest = SHA256()
        var isEmpty = true
        /// What is left of the reply, behind its head.
        var answer: RecordedAnswer?
        var hasBody = false
        /// What follows, read ahead.
        var ahead: Piece?
    }

    private let source: any AnswerSource
    private let request: Request
    /// Its head's fields, as they are on record.
    private let fields: HeadFields?
    private let masks: MaskKinds
    private let state = Mutex(State())

    /// - Parameters:
    ///   - request: as it was decided on.
    ///   - fields: those of its head, as they are on record.
    ///   - masks: what the rules mask.
    ///   - source: what answers it.
    init(_ request: Request, _ fields: HeadFields?, masking masks: MaskKinds, from source: any AnswerSource) {
        self.request = request
        self.fields = fields
        self.masks = masks
        self.source = source
    }

    /// Reads on in the request; its answer, once all of it is there.
    func take(_ messages: [HTTPMessage]) -> Question {
        state.withLock { state in
            for message in messages {
                switch message {
                case .requestHead(let head):
                    state.method = head.method
                    state.copy = BodyCopy(of: .request, .document(head.headers), hiding: [], masks)
                case .body(let bytes):
                    if bytes.readableBytes > 0 { state.isEmpty = false }
                    var digest = state.digest
                    state.copy?.take(bytes) { digest.update(data: Array($0.readableBytesView)) }
                    state.digest = digest
                case .end: return answer(&state)
                case .responseHead, .unreadable: return .unanswered(Self.mixedUp)
                }
            }
            return .more
        }
    }

    private func answer(_ state: inout State) -> Question {
        // By what is on record it would be the same as one that asked for another part.
        guard fields?.isWhole(Self.range) != false else { return .unanswered(Self.cutFields(request)) }
        if let rest = state.copy?.end(isWhole: true) {
            state.digest.update(data: Array(rest.readableBytesView))
        }
        let again = RepeatedRequest(
            action: request.summary,
            resource: request.endpoint.description,
            query: request.action.query,
            range: fields?.value(of: Self.range),
            body: body(state)
        )
        do throws(UnansweredRequest) {
            let answer = try source.answer(to: again)
            guard let head = RecordedReply.head(of: answer, to: state.method) else {
                return .unanswered(Self.cutHead(again))
            }
            state.hasBody = RecordedReply.hasBody(head.status, to: state.method)
            state.answer = answer
            return .answered(head)
        } catch {
            return .unanswered(error)
        }
    }

    private func body(_ state: State) -> RepeatedBody {
        if state.isEmpty { return .none }
        if let missing = state.copy?.missing { return .unread(missing) }
        return .digest(state.digest.finalize().hex)
    }

    /// Reads on in the reply; its end comes with the last of its body.
    ///
    /// A client that has all octets leaves, and what ends later would be on record as cut.
    func next() -> [Piece] {
        state.withLock { state in
            let piece = state.ahead ?? Self.read(&state)
            state.ahead = nil
            guard case .body = piece else { return [piece] }
            let following = Self.read(&state)
            if case .end = following { return [piece, following] }
            state.ahead = following
            return [piece]
        }
    }

    private static func read(_ state: inout State) -> Piece {
        guard let answer = state.answer else { return .end(nil) }
        do throws(UnansweredRequest) {
            if state.hasBody, let octets = try answer.body.next() { return .body(octets) }
        } catch {
            return .unanswered(error)
        }
        state.answer = nil
        guard let trailers = answer.trailers, let fields = RecordedReply.fields(trailers) else {
            return answer.trailers == nil ? .end(nil) : .unanswered(cutTrailers)
        }
        return .end(fields)
    }

    private static func cutHead(_ request: RepeatedRequest) -> UnansweredRequest {
        UnansweredRequest(
            "\(request.action) of \(request.resource) is on record, and not all header fields of its reply are: they have "
                + "more than \(HTTPLimits.recorded) octets, or the record was changed"
        )
    }

    private static func cutFields(_ request: Request) -> UnansweredRequest {
        UnansweredRequest(
            "\(request.summary) of \(request.endpoint) has header fields of more than the \(HTTPLimits.recorded) octets that are on "
                + "record, and which part of it it asks for, or that it asks for all, is not known again"
        )
    }

    /// Which part is asked for (RFC 9110 section 14.2).
    private static let range = "range"

    private static let cutTrailers = UnansweredRequest("not all trailer fields of the reply are on record")

    private static let mixedUp = UnansweredRequest("the request is no request")
}
