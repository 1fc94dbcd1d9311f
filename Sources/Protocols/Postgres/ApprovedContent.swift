internal import Crypto
package import Model
internal import NIOCore
package import Wire

extension PostgresSession {
    /// Whether a statement is to be prepared under an id, which is decided when its parameters are known.
    package func isPreparing(_ id: RulingID) -> Bool {
        if case .ruling(id, .parse) = wait { true } else { false }
    }

    /// What an approval of the statements under an id is bound to; nil for what is not asked now, or cannot be approved.
    package func askedContent(of id: RulingID, as user: String) -> RequestContent? {
        switch wait {
        case .ruling(id, .query(let message, _)):
            let octets = message.readableBytesView
            // Behind the type and the length, without the NUL at its end.
            let text = octets.dropFirst(FrameReader.header).dropLast()
            return RequestContent(
                octets: UInt64(octets.count),
                digest: SHA256.hash(data: Array(octets)).hex,
                context: user,
                preview: RequestContent.preview(text)
            )
        case .ruling(id, .bind(_, let portal, _)), .ruling(id, .execute(_, let portal, _)):
            guard let asked = portal.asked else { return nil }
            return RequestContent(
                octets: UInt64(asked.octets),
                digest: asked.digest,
                context: user,
                preview: asked.preview
            )
        default: return nil
        }
    }
}

/// The text of a prepared statement that rules ask about, for each execution of it to be asked about by itself.
struct AskedText {
    /// Of its text and the types that its parameters have by it.
    private let hash: SHA256
    private let octets: Int
    private let start: [UInt8]
    /// Octets of the text.
    private let length: Int

    /// - Parameter parse: the message, which was read before.
    init(_ parse: ByteBuffer) {
        var body = parse
        body.moveReaderIndex(forwardBy: min(FrameReader.header, body.readableBytes))
        _ = body.readTerminated()
        let view = body.readableBytesView
        var hash = SHA256()
        hash.update(data: Array(view))
        self.hash = hash
        octets = view.count
        let text = view.prefix { $0 != 0 }
        length = text.count
        start = Array(text.prefix(RequestContent.maximumPreview + 1))
    }

    /// With parameters.
    ///
    /// - Parameters:
    ///   - values: what stands behind the names in a Bind.
    ///   - types: as far as they are known.
    ///   - isHidden: they may be secrets.
    /// - Returns: what an approval of it is bound to.
    func with(_ values: ByteBuffer, types: [UInt32], isHidden: Bool) -> AskedExecution {
        var hash = hash
        hash.update(data: Array(values.readableBytesView))
        let parameters = StatementRecording().parameters(values, types: types, isHidden: isHidden)
        return AskedExecution(
            octets: octets + values.readableBytes,
            digest: hash.finalize().hex,
            preview: preview(parameters)
        )
    }

    /// The parameters first: nothing in the text can pass for one of them.
    private func preview(_ parameters: RecordedParameters?) -> String {
        guard let parameters else { return text(atMost: RequestContent.maximumPreview) }
        let count = parameters.values.count + parameters.more
        var lines = "\(count) parameter\(count == 1 ? "" : "s"):\n"
        for (place, value) in parameters.values.enumerated() {
            let line = "$\(place + 1) = \(Self.shown(value))\n"
            guard lines.utf8.count + line.utf8.count <= RequestContent.maximumPreview / 2 else {
                lines += "… and \(count - place) more\n"
                break
            }
            lines += line
        }
        lines += "of the statement:\n"
        return lines + text(atMost: RequestContent.maximumPreview - lines.utf8.count)
    }

    private func text(atMost most: Int) -> String {
        let shown = String(decoding: start.prefix(most), as: Unicode.UTF8.self)
        return length > most ? shown + "…" : shown
    }

    /// Octets of one parameter that are shown.
    private static let shownValue = 128

    /// In one line, whatever is in it.
    private static func shown(_ value: RecordedText?) -> String {
        guard let value else { return "NULL" }
        let cut = value.cut(to: shownValue)
        return String(reflecting: cut.text) + (cut.more > 0 ? "… and \(cut.more) more octets" : "")
    }
}

/// A prepared statement with its parameters, for an approval to be bound to.
struct AskedExecution {
    let octets: Int
    /// SHA-256 of the Parse behind its name and the Bind behind its names, lower-case hex.
    let digest: String
    let preview: String
}
