internal import Model

/// The recorded result of a statement, line by line.
package struct ReplayRows {
    private let turn: Replay.Turn
    private let body: RecordedBody

    /// Nil where none is on record.
    package init?(_ turn: Replay.Turn) {
        guard turn.request.statement != nil,
            let body = turn.reply?.bodies?.first(where: { $0.side == .response })
        else { return nil }
        (self.turn, self.body) = (turn, body)
    }

    /// Hands over each line, for people or as a JSON object.
    package func lines(in reader: BodyReader, asJSON: Bool, _ use: (String) throws -> Void) throws {
        var rest: [UInt8] = []
        try reader.read(body, of: turn.exchange, run: turn.record.run) { octets in
            rest += octets
            var start = rest.startIndex
            while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                try use(shown(rest[start..<end], asJSON))
                start = end + 1
            }
            rest.removeSubrange(..<start)
        }
        if !rest.isEmpty { try use(shown(rest[...], asJSON)) }
        guard let missing = body.missing else { return }
        let words = "not all of the result is recorded: " + missing
        try use(
            asJSON ? object("missing", TerminalText.quotedJSON(words)) : "  " + TerminalText.escaped(words)
        )
    }

    private func shown(_ line: ArraySlice<UInt8>, _ asJSON: Bool) -> String {
        let text = TerminalText.escapedJSON(String(decoding: line, as: UTF8.self))
        return asJSON ? object("result", text) : "  " + text
    }

    private func object(_ key: String, _ value: String) -> String {
        "{\"event\":\"result\",\"record\":\(turn.record.sequence),\"\(key)\":\(value)}"
    }
}

extension Replay.Turn {
    /// Of an allowed request.
    fileprivate var exchange: UInt64 { request.exchange ?? 0 }
}

extension TerminalText {
    /// A text as a string of JSON.
    fileprivate static func quotedJSON(_ text: String) -> String {
        var json = CanonicalJSON()
        json.string(text)
        return escapedJSON(String(decoding: json.octets, as: UTF8.self))
    }
}
