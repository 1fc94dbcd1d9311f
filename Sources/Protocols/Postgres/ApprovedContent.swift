internal import Crypto
package import Model
internal import NIOCore
package import Wire

extension PostgresSession {
    /// What an approval of the statements under an id is bound to; nil for what is not asked now, or is no simple query.
    ///
    /// A prepared statement is carried out as often as its client likes, with other parameters each time: what could be
    /// approved is not known when it is decided.
    package func askedContent(of id: RulingID, as user: String) -> RequestContent? {
        guard case .ruling(id, .query(let message, _)) = wait else { return nil }
        let octets = message.readableBytesView
        // Behind the type and the length, without the NUL at its end.
        let text = octets.dropFirst(FrameReader.header).dropLast()
        return RequestContent(
            octets: UInt64(octets.count),
            digest: SHA256.hash(data: Array(octets)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
                .joined(),
            context: user,
            preview: RequestContent.preview(text)
        )
    }
}
