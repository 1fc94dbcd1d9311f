/// Every bound of the search for what was put into a request, with its source.
package enum ReflectionLimits {
    /// Octets of the shortest secret that is looked for.
    ///
    /// A shorter one is found by chance: six octets stand at a given place of random text once in 2^40 (five bits a
    /// character, either case, three alignments), four do so in every large download.
    package static let shortest = 6
    /// Octets of the longest: a token with many claims has 3 KiB, and the tables of this one take 24 MiB at most.
    package static let longest = 4096
    /// Octets of the shortest that a request is refused for: a password of eight letters is a word that many texts hold.
    package static let shortestOutward = 12
    /// Secrets that requests are searched for, the last ones; each is a pass over the body.
    package static let outward = 32
    /// Octets of all spellings together, which this many of secret come to (13 for each octet, and Basic has three).
    static let spellings = 163_840
    /// Secrets that the replies of one host are searched for, the last ones that it was sent: two credentials, each before
    /// and after a rotation.
    package static let ofHost = 4
    /// Octets that these may have together, unless it is one: with each other as long as the longest they would not fit
    /// into one table.
    static let longestTogether = longest / 2
    /// Hosts that are told apart; what later ones are sent is looked for in the replies of all.
    package static let hosts = 1_024
    /// Secrets whose tables are kept; a profile names a handful.
    package static let remembered = 16
    /// Content codings on top of each other; RFC 9110 section 8.4 names no bound, and nothing in use has two.
    package static let layers = 2
    /// What one octet may become: `DeflateInflateRatioLimit` of Apache's mod_deflate; text comes to 20.
    package static let ratio = 200
    /// Octets that a coded body may become whatever its ratio: a page of blanks is no bomb.
    package static let unmeasured = 1_048_576
    /// Octets of a call's compressed message that is undone whole: what gRPC's own clients take
    /// (`GRPC_DEFAULT_MAX_RECV_MESSAGE_LENGTH`, `grpc_types.h`).
    package static let message = 4_194_304
    /// Octets that are decoded at a time: one read of a socket.
    package static let piece = 65_536
    /// What a piece counts beside its octets where those of a turn are bounded: each is a search of its own, however short.
    package static let pieceCost = 512
}
