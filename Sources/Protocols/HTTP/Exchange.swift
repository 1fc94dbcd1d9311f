import Reflection
import Wire

/// One request whose ruling is outstanding.
struct Asking {
    let id: RulingID
    let checked: CheckedRequest
    /// What was read of its body for the ruling.
    var gathered: Gathered?
}

/// One request that was allowed, until both its directions are complete.
///
/// A class, the engine's own: it is large, and every message changes it.
final class Relaying {
    let id: RulingID
    let checked: CheckedRequest
    /// Watches the body for placeholders.
    var scan: PlaceholderScan
    /// What is still to come of either body.
    var requestBody: BodyCount
    var responseBody = BodyCount(.none)
    var requestEnded = false
    /// Octets that the rules still leave to a body of unknown length; nil for any number.
    var room: UInt64?
    /// Nil until the final response head has come.
    var response: CheckedResponse?
    var interimResponses = 0
    /// Looks for the credential that was put in; nil without one.
    var search: ReplySearch?
    /// What hosts had been sent by then.
    var noted: UInt64 = 0
    /// Its reply's body cannot be searched from its midst on.
    var isHidden = false

    /// Looks for what must not leave.
    var leaks: LeakSearch
    /// What goes out once it is looked through; nil where nothing waits for that.
    var unsearched: [EngineAction<HTTPMessage>]?
    /// Octets that were read before the ruling, where they wait for it.
    var unsearchedOctets = 0
    /// What came from the upstream behind octets of its reply that are not looked through yet, and whether it ended then.
    var late = HeldMessages()
    var hasLateEnd = false
    /// All that has come of the reply's body is looked through.
    var isReplySearched: Bool { search?.isThrough ?? true }

    init(
        _ asking: Asking,
        _ patterns: PlaceholderPatterns,
        _ search: ReplySearch?,
        _ leaks: LeakSearch
    ) {
        self.leaks = leaks
        id = asking.id
        checked = asking.checked
        scan = asking.gathered?.scan ?? PlaceholderScan(patterns)
        requestBody = asking.gathered?.count ?? BodyCount(asking.checked.framing)
        requestEnded = asking.gathered?.isWhole ?? false
        self.search = search
    }
}

extension Relaying {
    /// Whether the rules let so many octets more pass.
    func takes(_ octets: Int) -> Bool {
        guard let room else { return true }
        guard let octets = UInt64(exactly: octets), octets <= room else { return false }
        self.room = room - octets
        return true
    }
}

/// The rest of a refused request's body, read and thrown away.
struct Draining {
    let closes: Bool
    /// Octets that are still taken.
    var budget: Int
}

/// Where the conversation is.
///
/// ```
///          head            ruled: allowed                  both ends
///   idle ────────► asking ───────────────► relaying ─────────────────────► idle
///    │  ▲             │ ▲                      │ response ended first
///    │  │     ruled: read ▼ enough is here
///    │  │          gathering
///    │  │ body's end  │ ruled: denied          ▼
///    │  └────────── draining ◄─────────────────┘
///    │ CONNECT        │ over budget, or last request      relaying ── 101 ──► webSocket
///    ▼                ▼                                                         │
///  handedOver       closed ◄── any fault, from everywhere ◄─────────────────────┘ close frames, or an end
/// ```
///
/// RFC 9112 knows no state between a request and its forwarding; `asking` and `gathering` are ours. One exchange is under way at a
/// time: pipelined requests wait in `HeldMessages`.
enum HTTPState {
    case idle
    case asking(Asking)
    case gathering(Gathering)
    case relaying(Relaying)
    case draining(Draining)
    case webSocket(WebSocketExchange)
    case handedOver
    case closed
}
