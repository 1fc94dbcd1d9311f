import GitProtocol
import Model
import NIOCore
import NIOHTTP1
import Reflection

/// The list of commands of a push, read through the body's content coding as it comes.
struct PushReading {
    private var reader = PushListReader()
    private let decoder: ContentDecoder?
    /// Nil until it is whole.
    private(set) var list: PushList?

    /// git's own server undoes gzip and nothing else (http-backend).
    init(_ headers: HTTPHeaders) throws(HTTPFault) {
        switch headers["content-encoding"] {
        case [], ["identity"]: decoder = nil
        case ["gzip"], ["x-gzip"]:
            do throws(DecodingFault) { decoder = try ContentDecoder(.gzip) } catch {
                throw Self.undecodable(error)
            }
        default: throw Self.undecodable(.unknownCoding)
        }
    }

    /// Reads on.
    mutating func read(_ bytes: ByteBuffer) throws(HTTPFault) {
        // What follows a list is not decoded: it may be many times its size.
        guard list == nil else { return }
        guard let decoder else { return try take(bytes) }
        decoder.give(bytes)
        while list == nil, let piece = try next(of: decoder) { try take(piece) }
    }

    private func next(of decoder: ContentDecoder) throws(HTTPFault) -> ByteBuffer? {
        do throws(DecodingFault) {
            return try decoder.next()
        } catch {
            throw Self.undecodable(error)
        }
    }

    /// Nothing follows.
    mutating func end() throws(HTTPFault) {
        guard list == nil else { return }
        do throws(PushFault) { list = try reader.end() } catch { throw Self.fault(error) }
    }

    private mutating func take(_ bytes: ByteBuffer) throws(HTTPFault) {
        guard list == nil else { return }
        do throws(PushFault) { list = try reader.read(bytes.readableBytesView) } catch {
            throw Self.fault(error)
        }
    }

    private static func fault(_ fault: PushFault) -> HTTPFault {
        let words = fault.description
        return switch fault {
        case .malformed:
            .malformed(words, remedy: "Push with git; what a list may hold is in gitprotocol-pack.")
        case .tooLarge:
            HTTPFault(.payloadTooLarge, .malformed, words, remedy: "Push fewer refs at a time.")
        case .signed:
            HTTPFault(.notImplemented, .unsupported, words, remedy: "Push without --signed.")
        }
    }

    private static func undecodable(_ fault: DecodingFault) -> HTTPFault {
        .malformed(
            "the push \(fault), so its list of commands cannot be read",
            remedy: "Send it without a content coding, or in gzip."
        )
    }
}

// Reading as much of a push as decides it.
extension HTTPEngine {
    /// The ruling hangs on the refs: what follows their list is not held.
    mutating func gatherPush(for asking: Asking) -> Actions {
        var checked = asking.checked
        let gathered = asking.gathered ?? Gathered(checked, reader.patterns, spellings.outward)
        do throws(HTTPFault) {
            var reading = try PushReading(checked.head.headers)
            for piece in gathered.pieces { try reading.read(piece) }
            if gathered.isWhole { try reading.end() }
            if let list = reading.list { return askAgain(checked.learning(list), gathered) }
            let actions = continued(&checked)
            state = .gathering(Gathering(checked, for: .push, gathered, push: reading))
            return actions
        } catch {
            return refuseGathered(checked, nil, error)
        }
    }
}

extension Gathering {
    /// Reads on in the list, where that is what is gathered; nil while it is not whole.
    func readPush(_ bytes: ByteBuffer) throws(HTTPFault) -> PushList? {
        try push?.read(bytes)
        return push?.list
    }
}

extension CheckedRequest {
    /// Takes down what a push asks for, and how its client is told that it may not.
    func learning(_ list: PushList) -> CheckedRequest {
        var checked = self
        checked.request.body.push = list.push
        if case .gitPush = manner { checked.manner = .gitPush(list) }
        return checked
    }
}
