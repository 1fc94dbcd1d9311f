internal import Model
package import NIOCore

/// Some of a result that is recorded, as its client received it.
package enum ResultPiece: Sendable {
    /// What the columns of the rows behind it are.
    case columns([ResultColumn])
    /// DataRow and CopyData messages, in whatever pieces.
    case messages(ByteBuffer)
}

/// Writes a result down, a line of JSON for each of its parts: `{"columns":["id","name"]}`, `["1","Ann",null]` of a row,
/// `{"copy":"1\tAnn\n"}` of what COPY sends.
package struct RowCopy {
    private var columns: [ResultColumn] = []
    private var held = ByteBuffer()
    /// Octets of a message that is too long to be held.
    private var skipped = 0

    package init() {}

    /// The lines of what has come whole.
    package mutating func take(_ piece: ResultPiece) -> ByteBuffer {
        var lines = ByteBuffer()
        switch piece {
        case .columns(let columns):
            self.columns = columns
            var line = JSONLine()
            line.open("{\"columns\":[")
            for column in columns { line.add(string: column.name.utf8) }
            line.close("]}", &lines)
        case .messages(let messages):
            held.writeImmutableBuffer(messages)
            while takeMessage(&lines) {}
            held.discardReadBytes()
        }
        return lines
    }

    /// False where none is whole.
    private mutating func takeMessage(_ lines: inout ByteBuffer) -> Bool {
        if skipped > 0 {
            let count = min(skipped, held.readableBytes)
            held.moveReaderIndex(forwardBy: count)
            skipped -= count
            return skipped == 0 && held.readableBytes > 0
        }
        guard let (tag, wide) = held.getMultipleIntegers(at: held.readerIndex, as: (UInt8, UInt32).self),
            wide >= 4
        else { return false }
        let length = Int(wide) + 1
        guard length <= PostgresLimits.held else {
            lines.writeString("{\"missing\":\"\(length) octets: one row or part of a COPY\"}\n")
            skipped = length
            return true
        }
        guard var message = held.readSlice(length: length) else { return false }
        message.moveReaderIndex(forwardBy: FrameReader.header)
        if tag == Tag.dataRow { row(message, &lines) } else { copy(message, &lines) }
        return true
    }

    private func row(_ body: ByteBuffer, _ lines: inout ByteBuffer) {
        var body = body
        let count = body.readInteger(as: UInt16.self) ?? 0
        var line = JSONLine()
        line.open("[")
        for place in 0..<Int(count) {
            guard let length = body.readInteger(as: Int32.self) else { break }
            guard length >= 0 else {
                line.addNull()
                continue
            }
            guard let value = body.readSlice(length: Int(length)) else { break }
            let column = place < columns.count ? columns[place] : nil
            guard column?.isBinary == true else {
                line.add(string: value.readableBytesView)
                continue
            }
            line.add(string: ParameterText(binary: value, type: column?.type ?? 0, isWhole: true).octets)
        }
        line.close("]", &lines)
    }

    private func copy(_ data: ByteBuffer, _ lines: inout ByteBuffer) {
        var line = JSONLine()
        if String(validating: data.readableBytesView, as: Unicode.UTF8.self) != nil {
            line.open("{\"copy\":")
            line.add(string: data.readableBytesView)
        } else {
            line.open("{\"copy-hex\":")
            line.add(string: data.readableBytesView.hex.utf8)
        }
        line.close("}", &lines)
    }
}

/// One line of JSON (RFC 8259), as it grows.
private struct JSONLine {
    private var octets = ByteBuffer()
    private var isFirst = true

    mutating func open(_ text: String) { octets.writeString(text) }

    mutating func close(_ text: String, _ lines: inout ByteBuffer) {
        octets.writeString(text + "\n")
        lines.writeBuffer(&octets)
    }

    mutating func addNull() {
        separate()
        octets.writeString("null")
    }

    /// A string; octets that are no UTF-8 are replaced.
    mutating func add(string: some Collection<UInt8>) {
        separate()
        octets.writeInteger(UInt8(ascii: "\""))
        if string.allSatisfy({
            $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
        }) {
            octets.writeBytes(string)
        } else {
            for octet in String(decoding: string, as: Unicode.UTF8.self).utf8 { escape(octet) }
        }
        octets.writeInteger(UInt8(ascii: "\""))
    }

    private mutating func separate() {
        if !isFirst { octets.writeInteger(UInt8(ascii: ",")) }
        isFirst = false
    }

    private mutating func escape(_ octet: UInt8) {
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): octets.writeMultipleIntegers(UInt8(ascii: "\\"), octet)
        case 0x0A: octets.writeString("\\n")
        case 0x09: octets.writeString("\\t")
        case 0x00..<0x20, 0x7F: octets.writeString("\\u00" + CollectionOfOne(octet).hex)
        default: octets.writeInteger(octet)
        }
    }
}
