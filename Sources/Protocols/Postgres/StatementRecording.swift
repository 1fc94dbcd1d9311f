package import Model
internal import NIOCore

/// What goes on record of a session's statements: masked of all that any rule for its database masks, whichever rule allows
/// the statement.
package struct StatementRecording: Sendable {
    /// What is looked for in texts and parameters.
    package var kinds: MaskKinds
    /// Where columns are masked, any literal and any parameter may be a value of one: none is shown.
    package var hidesValues: Bool

    package init(kinds: MaskKinds = [], hidesValues: Bool = false) {
        (self.kinds, self.hidesValues) = (kinds, hidesValues)
    }

    /// The text of a message, in which what must not be shown is hidden already.
    package func text(_ octets: [UInt8]) -> RecordedText {
        let start = octets.prefix(StatementRecordLimits.read)
        let more = octets.count - start.count
        guard !kinds.isEmpty else { return RecordedText(start, more: more) }
        guard let masked = masked(ByteBuffer(bytes: start)) else { return .hidden }
        return RecordedText(masked.readableBytesView, more: more)
    }

    /// Some texts, each masked by itself; all at once, since to begin a search costs more than to make it.
    private func masked(_ text: ByteBuffer) -> ByteBuffer? {
        do throws(PostgresFault) { return try MaskBatch(text, kinds).octets } catch { return nil }
    }

    /// What stands behind the names in a Bind.
    ///
    /// - Parameters:
    ///   - body: formats of the parameters, and the parameters.
    ///   - types: their numbers in the catalog, as far as they are known.
    ///   - isHidden: they may be secrets.
    /// - Returns: nil without any, and for what cannot be read, which the server refuses.
    func parameters(_ body: ByteBuffer, types: [UInt32], isHidden: Bool) -> RecordedParameters? {
        var body = body
        guard let formats = body.readFormats(), let count = body.readInteger(as: UInt16.self),
            formats.count <= 1 || formats.count == Int(count)
        else { return nil }
        guard count > 0 else { return nil }
        var values: [ParameterText?] = []
        var room = StatementRecordLimits.read
        while values.count < min(Int(count), StatementRecordLimits.parameters), room > 0 {
            guard let length = body.readInteger(as: Int32.self) else { return nil }
            guard length >= 0 else {
                values.append(nil)
                continue
            }
            guard let value = body.readSlice(length: Int(length)) else { return nil }
            let place = values.count
            let isBinary = formats.count > 1 ? formats[place] == 1 : formats.first == 1
            let type = place < types.count ? types[place] : 0
            let text =
                isHidden || hidesValues
                ? ParameterText.hidden
                : ParameterText(value, type: type, isBinary: isBinary, isSearched: !kinds.isEmpty)
            room -= text.octets.count
            values.append(text)
        }
        return RecordedParameters(shown(values), more: Int(count) - values.count)
    }

    private func shown(_ values: [ParameterText?]) -> [RecordedText?] {
        guard !kinds.isEmpty, values.contains(where: { $0?.isPlain == false }) else {
            return values.map { $0.map { RecordedText($0.octets, more: $0.more) } }
        }
        var joined = ByteBuffer()
        for value in values {
            if let value { joined.writeBytes(value.octets) }
            joined.writeInteger(UInt8(ascii: "\n"))
        }
        guard var masked = masked(joined) else { return values.map { $0.map { _ in .hidden } } }
        return values.map { value in
            let slice = masked.readSlice(length: value?.octets.count ?? 0)
            masked.moveReaderIndex(forwardBy: 1)
            return value.map { value in
                slice.map { RecordedText($0.readableBytesView, more: value.more) } ?? .hidden
            }
        }
    }
}

extension RecordedText {
    init(_ octets: some Collection<UInt8>, more: Int) {
        self.init(String(decoding: octets, as: Unicode.UTF8.self), more: more)
    }
}

extension ByteBuffer {
    /// A count and so many formats; nil where they are not there.
    fileprivate mutating func readFormats() -> [Int16]? {
        guard let count = readInteger(as: UInt16.self), readableBytes >= 2 * Int(count) else { return nil }
        var formats: [Int16] = []
        formats.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let format = readInteger(as: Int16.self) else { return nil }
            formats.append(format)
        }
        return formats
    }
}
