internal import Model
internal import NIOCore

/// What the results of a statement are masked of.
struct Masks {
    var kinds: MaskKinds = []
    var columns = ColumnMasks()

    var isEmpty: Bool { kinds.isEmpty && columns.isEmpty }

    mutating func formUnion(_ other: Masks) {
        kinds.formUnion(other.kinds)
        if !other.columns.isEmpty { columns.formUnion(other.columns.masks) }
    }

    func union(_ other: Masks) -> Masks {
        var all = self
        all.formUnion(other)
        return all
    }

    /// Those of columns that statements use for more than to be shown.
    func exposed(by read: ReadStatements) -> Set<ColumnMask> {
        read.exposes.isEmpty ? [] : read.exposes.intersection(columns.masks)
    }

    /// The payloads of whole CopyData messages, searched as one text; what was found.
    static func copy(
        _ messages: ByteBuffer,
        _ kinds: MaskKinds
    ) throws(PostgresFault) -> (messages: ByteBuffer, found: [MaskKind: Int]) {
        var text = ByteBuffer()
        var parts: [(place: Int, range: Range<Int>)] = []
        var place = messages.readerIndex
        while let length = messages.getInteger(at: place + 1, as: UInt32.self) {
            guard let payload = messages.getSlice(at: place + FrameReader.header, length: Int(length) - 4)
            else {
                break
            }
            let start = text.readableBytes
            text.writeImmutableBuffer(payload)
            parts.append((place + FrameReader.header, start..<text.readableBytes))
            place += 1 + Int(length)
        }
        let batch = try MaskBatch(text, kinds)
        guard !batch.isClean else { return (messages, [:]) }
        var masked = messages
        for part in parts {
            if let fresh = try batch.masked(part.range) { masked.setBuffer(fresh, at: part.place) }
        }
        return (masked, batch.found)
    }

    /// ErrorResponse or NoticeResponse: with what could hold a value taken out or masked; nil where nothing is left of it.
    func message(_ message: ByteBuffer, isError: Bool) throws(PostgresFault) -> ByteBuffer? {
        guard !isEmpty else { return message }
        var body = message
        body.moveReaderIndex(forwardBy: FrameReader.header)
        let fields = ErrorFields(body)
        if !columns.isEmpty, !Self.isWithoutData(fields.code) {
            guard isError else { return nil }
            return PostgresError(
                severity: fields.severity,
                code: fields.code,
                message: "the database's message is not shown: columns of this statement are masked",
                hint: "the code \(fields.code) says what it is about; ask the operator for the server's log"
            ).octets
        }
        guard !kinds.isEmpty else { return message }
        let batch = try MaskBatch(body, kinds)
        guard let fresh = try batch.masked(0..<body.readableBytes) else { return message }
        var masked = message
        masked.setBuffer(fresh, at: body.readerIndex)
        return masked
    }

    /// Classes of SQLSTATE whose messages hold names and no values of columns (PostgreSQL 15, appendix A).
    private static func isWithoutData(_ code: String) -> Bool {
        [
            "02", "03", "08", "0A", "25", "26", "28", "34", "3B", "3D", "3F", "40", "42", "53", "54", "55",
            "57",
            "58",
        ].contains { code.begins(with: $0) }
    }
}

extension Denial {
    /// A statement whose result would show what masks hide.
    static func exposing(_ masks: Set<ColumnMask>) -> Denial {
        let names = masks.map(\.description).sorted()
        let listed = names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", …" : "")
        return Denial(
            reason: .denied,
            message: "\(listed) is masked, and this statement may do more with it than show it masked",
            rule: nil,
            decidedBy: nil,
            remedy:
                "select it as a plain column, or compare it with = and a constant behind WHERE; for anything else "
                + "ask whoever wrote the profile for a rule without that mask"
        )
    }
}
