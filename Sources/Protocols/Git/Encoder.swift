internal import Model

/// Our own answers, as git's smart protocol has them, so that a client shows their text.
package enum GitReply {
    /// To a request for objects: an error line (gitprotocol-pack, "error-line").
    package static func fetch(_ text: String) -> [UInt8] { line("ERR \(plain(text))\n".utf8) }

    /// To a push whose list was not read: the error band, which clients since git 1.6.6 understand.
    package static func push(_ text: String) -> [UInt8] { band(3, "\(plain(text))\n".utf8) + flush }

    /// To a push: why, and that each ref stays as it is (gitprotocol-pack, "Report Status").
    package static func report(_ list: PushList, _ text: String, reason: String) -> [UInt8] {
        var report: [UInt8] = []
        if list.wantsReport {
            report += line("unpack ok\n".utf8)
            for update in list.push.updates { report += line("ng \(update.ref) \(plain(reason))\n".utf8) }
            report += flush
        }
        guard list.hasBands else { return report }
        var answer = band(2, "\(plain(text))\n".utf8)
        var rest = report[...]
        while !rest.isEmpty {
            answer += band(1, rest.prefix(GitLimits.line - GitLimits.prefix - 1))
            rest = rest.dropFirst(GitLimits.line - GitLimits.prefix - 1)
        }
        return answer + flush
    }

    private static let flush = Array("0000".utf8)

    private static func band(_ number: UInt8, _ octets: some Collection<UInt8>) -> [UInt8] {
        line([number] + octets)
    }

    private static func line(_ octets: some Collection<UInt8>) -> [UInt8] {
        let length = octets.count + GitLimits.prefix
        let digits = [12, 8, 4, 0].map { shift in
            let digit = UInt8(truncatingIfNeeded: length >> shift & 15)
            return digit < 10 ? digit + UInt8(ascii: "0") : digit + UInt8(ascii: "a") - 10
        }
        return digits + octets
    }

    /// One line of it, of a length that fits.
    private static func plain(_ text: String) -> String {
        let octets = text.utf8.prefix(GitLimits.text).map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }
        return String(decoding: octets, as: UTF8.self)
    }
}
