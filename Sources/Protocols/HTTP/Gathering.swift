package import Model
import NIOCore
import NIOHTTP1
import Reflection
package import Wire

/// What of a body was read before its request was allowed: nothing of it has been forwarded, and exactly this will be.
struct Gathered {
    private let kept = KeptOctets()
    /// Watches it, and what comes behind it, for placeholders.
    var scan: PlaceholderScan
    /// Looks for what must not leave.
    private(set) var search: GatheredSearch
    /// What is still to come of it.
    var count: BodyCount
    /// All of it is here.
    private(set) var isWhole = false
    private(set) var trailers: HTTPHeaders?

    init(_ checked: CheckedRequest, _ patterns: PlaceholderPatterns, _ secrets: [SecretSpellings]) {
        scan = PlaceholderScan(patterns)
        search = GatheredSearch(checked, secrets)
        count = BodyCount(checked.framing)
    }

    var pieces: [ByteBuffer] { kept.pieces }
    var octets: Int { kept.count }

    mutating func add(_ bytes: ByteBuffer) {
        kept.append(bytes)
        search.give(bytes)
    }

    /// Looks on through what has come; whether it is through.
    mutating func searchOn(within room: inout Int) -> Bool { search.searchOn(within: &room) }

    mutating func end(_ trailers: HTTPHeaders?) {
        isWhole = true
        self.trailers = trailers
    }
}

/// A request that can be decided on only when more of it has been read.
///
/// A class, the engine's own, as `Relaying` is: every message changes it, and there may be one for each octet of the body.
final class Gathering {
    var checked: CheckedRequest
    let interest: BodyInterest
    var gathered: Gathered
    /// Reads it as it comes, where that is what it is gathered for.
    var walker: JSONWalker?
    var push: PushReading?
    /// What came last, until it is looked through; nil where all is.
    var unsearched: ByteBuffer?

    init(
        _ checked: CheckedRequest,
        for interest: BodyInterest,
        _ gathered: Gathered,
        walker: JSONWalker? = nil,
        push: PushReading? = nil
    ) {
        (self.checked, self.interest, self.gathered) = (checked, interest, gathered)
        (self.walker, self.push) = (walker, push)
    }
}

// Reading a body before its request is decided on.
extension HTTPEngine {
    /// Octets that are held of the body that is decided on, or of a reply's message that is looked through; 0 while none are.
    package var gatheredOctets: Int {
        switch state {
        case .gathering(let gathering): gathering.gathered.octets
        case .asking(let asking): asking.gathered?.octets ?? 0
        case .relaying(let exchange): exchange.unsearchedOctets + (exchange.search?.heldOctets ?? 0)
        default: 0
        }
    }

    /// The ruling needs more of the request than its head.
    mutating func gather(_ interest: BodyInterest, for asking: Asking) -> Actions {
        var checked = asking.checked
        // Asked for what is known: the driver would go on for ever.
        guard !checked.request.body.tells(interest) else { return close() }
        if interest == .push { return gatherPush(for: asking) }
        var walker: JSONWalker?
        if case .json(let pointers) = interest {
            // What does not say that it is JSON is none: it need not be read for that.
            guard JSONBody.isDeclared(checked.head.headers) else {
                checked.request.body.json = .unreadable
                return askAgain(checked, asking.gathered)
            }
            walker = JSONWalker(pointers)
            for piece in asking.gathered?.pieces ?? [] { walker?.read(piece.readableBytesSpan) }
        }
        if interest == .content, checked.framing == .none {
            checked.learnContent(nil)
            return askAgain(checked, nil)
        }
        if let gathered = asking.gathered, gathered.isWhole {
            checked.learn(interest, gathered, &walker)
            return askAgain(checked, gathered)
        }
        guard checked.request.body.length.map({ $0 <= UInt64(HTTPLimits.gathered) }) ?? true else {
            return refuseGathered(checked, nil, Self.tooLarge)
        }
        let actions = continued(&checked)
        let gathered = asking.gathered ?? Gathered(checked, reader.patterns, spellings.outward)
        state = .gathering(Gathering(checked, for: interest, gathered, walker: walker))
        return actions
    }

    /// A client that waits for it is told to send the body.
    func continued(_ checked: inout CheckedRequest) -> Actions {
        guard checked.wantsContinue else { return [] }
        checked.wantsContinue = false
        return [.reply(.responseHead(HTTPResponseHead(version: .http1_1, status: .continue)))]
    }

    /// One client message while a body is read.
    mutating func received(_ message: HTTPMessage, in gathering: Gathering) -> Actions {
        let checked = gathering.checked
        switch message {
        case .body(let bytes):
            guard checked.framing != .none, gathering.gathered.count.take(bytes.readableBytes) else {
                return close()
            }
            if let found = gathering.gathered.scan.scan(bytes) {
                return refuseGathered(checked, nil, Credentials.misused(found, "the request body"))
            }
            gathering.gathered.add(bytes)
            gathering.unsearched = bytes
            return searchGathered(gathering)
        case .end(let trailers):
            guard gathering.gathered.count.isComplete else { return close() }
            do {
                gathering.gathered.end(try requestTrailers(trailers, checked.framing))
                try gathering.push?.end()
                if let list = gathering.push?.list {
                    return askAgain(checked.learning(list), gathering.gathered)
                }
                gathering.checked.learn(gathering.interest, gathering.gathered, &gathering.walker)
                return askAgain(gathering.checked, gathering.gathered)
            } catch {
                return refuseGathered(checked, nil, error)
            }
        case .unreadable(let fault):
            return refuseGathered(checked, nil, Self.fault(fault))
        case .requestHead, .responseHead:
            return close()
        }
    }

    /// Looks on through what came last of a body that is read, and reads it once it is looked through.
    mutating func searchGathered(_ gathering: Gathering) -> Actions {
        guard let bytes = gathering.unsearched, gathering.gathered.searchOn(within: &room) else { return [] }
        gathering.unsearched = nil
        let checked = gathering.checked
        gathering.walker?.read(bytes.readableBytesSpan)
        do {
            if let list = try gathering.readPush(bytes) {
                return askAgain(checked.learning(list), gathering.gathered)
            }
        } catch {
            return refuseGathered(checked, nil, error)
        }
        guard gathering.gathered.octets <= HTTPLimits.gathered else {
            return refuseGathered(checked, nil, Self.tooLarge)
        }
        return []
    }

    /// The driver holds too many octets of this agent's bodies.
    package mutating func refuseGathering(_ denial: Denial) -> [EngineAction<HTTPMessage>] {
        guard case .gathering(let gathering) = state else { return refuseExchange(denial) }
        // What waited behind it is thrown away, or nobody would read on.
        return refuseGathered(gathering.checked, nil, HTTPFault(denial)) + pump()
    }

    /// The client went away in the middle of it.
    mutating func gatheringEnded(_ gathering: Gathering) -> Actions {
        let fault = HTTPFault.malformed("the connection ended before the body that is decided on was there")
        return [.refused(freshID(), gathering.checked.request, fault.denial)] + close()
    }

    mutating func askAgain(_ checked: CheckedRequest, _ gathered: Gathered?) -> Actions {
        let id = freshID()
        state = .asking(Asking(id: id, checked: checked, gathered: gathered))
        return [.ask(id, checked.request)]
    }

    mutating func refuseGathered(
        _ checked: CheckedRequest,
        _ gathered: Gathered?,
        _ fault: HTTPFault
    ) -> Actions {
        [.refused(freshID(), checked.request, fault.denial)]
            + refuse(checked, fault.status, fault.denial, gathered)
    }

    private static var tooLarge: HTTPFault {
        HTTPFault(
            .payloadTooLarge,
            .malformed,
            "the body has more than \(HTTPLimits.gathered) octets, and the request cannot be decided on without it",
            remedy: "Send less at a time."
        )
    }
}

extension CheckedRequest {
    /// Takes down what the whole body says.
    fileprivate mutating func learn(
        _ interest: BodyInterest,
        _ gathered: Gathered,
        _ walker: inout JSONWalker?
    ) {
        request.body.length = UInt64(clamping: gathered.octets)
        switch interest {
        case .digest: request.body.isDigested = true
        case .json: request.body.json = walker?.finish() ?? .unreadable
        case .push: break
        case .content: learnContent(gathered)
        }
    }
}
