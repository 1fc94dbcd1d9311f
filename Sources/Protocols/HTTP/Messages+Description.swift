import NIOCore
import NIOHTTP1

// What is sent upstream holds injected credentials, what is received may hold the client's own: no description of
// a message shows a target, a field value or a body.
extension HTTPMessage: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String {
        switch self {
        case .requestHead(let head): "\(head.method.rawValue) request, \(head.headers.count) fields"
        case .responseHead(let head): "\(head.status.code) response, \(head.headers.count) fields"
        case .body(let bytes): "body, \(bytes.readableBytes) octets"
        case .end(let trailers): "end, \(trailers?.count ?? 0) trailers"
        case .unreadable(let why): "unreadable: \(why)"
        }
    }

    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
