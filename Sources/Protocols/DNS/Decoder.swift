import Model
import Wire

extension DNSQuery {
    /// Reads one query to its last octet (RFC 1035 section 4).
    package init(_ message: [UInt8]) throws(DNSFault) {
        var reader = ByteReader(message)
        guard let id = reader.uint16(), let flags = reader.uint16(), flags & 0x8000 == 0 else {
            throw .unanswerable
        }
        let opcode = flags >> 11 & 15
        guard opcode == 0 else { throw .code(.notImplemented, id: id, opcode: opcode) }
        let malformed = DNSFault.code(.formatError, id: id, opcode: 0)
        guard message.count <= DNSLimits.query, flags & 0x0200 == 0,
            let questions = reader.uint16(), let answers = reader.uint16(),
            let authorities = reader.uint16(), let additionals = reader.uint16(),
            questions == 1, answers == 0, authorities == 0, additionals <= DNSLimits.additionalRecords
        else { throw malformed }
        let start = reader.consumed
        guard let labels = Self.labels(&reader), let type = reader.uint16(), let recordClass = reader.uint16()
        else {
            throw malformed
        }
        question = Array(message[start..<reader.consumed])
        guard let options = Options(&reader, count: Int(additionals)), reader.isAtEnd else { throw malformed }
        self.id = id
        isRecursionDesired = flags & 0x0100 != 0
        isCheckingDisabled = flags & 0x0010 != 0
        name = Self.name(labels)
        self.type = DNSRecordType(type)
        self.recordClass = recordClass
        ednsVersion = options.ednsVersion
    }

    /// The labels of an uncompressed name.
    ///
    /// In a query nothing stands in front of the question that a compression pointer (RFC 1035 section
    /// 4.1.4) could point to.
    private static func labels(_ reader: inout ByteReader) -> [ArraySlice<UInt8>]? {
        var labels: [ArraySlice<UInt8>] = []
        let start = reader.consumed
        while let length = reader.uint8() {
            guard reader.consumed - start + Int(length) <= DNSLimits.name else { return nil }
            guard length > 0 else { return labels }
            guard length <= DNSLimits.label, let label = reader.take(Int(length)) else { return nil }
            labels.append(label)
        }
        return nil
    }

    private static func name(_ labels: [ArraySlice<UInt8>]) -> DNSName? {
        // A dot within a label would make two labels of it.
        guard !labels.isEmpty, !labels.contains(where: { $0.contains(UInt8(ascii: ".")) }) else { return nil }
        return DNSName(
            String(decoding: Array(labels.joined(separator: [UInt8(ascii: ".")])), as: Unicode.UTF8.self)
        )
    }
}

/// What the additional section of a query says.
private struct Options {
    var ednsVersion: UInt8?

    /// Passes over every record; nil for one that is cut off or a second OPT (RFC 6891 section 6.1.1).
    init?(_ reader: inout ByteReader, count: Int) {
        for _ in 0..<count {
            guard let isRoot = Self.passOverName(&reader), let type = reader.uint16(), reader.uint16() != nil,
                let flags = reader.uint32(), reader.vector16() != nil
            else { return nil }
            guard DNSRecordType(type) == .opt else { continue }
            guard isRoot, ednsVersion == nil else { return nil }
            ednsVersion = UInt8(truncatingIfNeeded: flags >> 16)
        }
    }

    /// Whether the name is the root; nil when it is malformed.
    ///
    /// A pointer ends a name, and is not followed.
    private static func passOverName(_ reader: inout ByteReader) -> Bool? {
        let start = reader.consumed
        while let length = reader.uint8() {
            switch length {
            case 0: return reader.consumed - start == 1
            case 1...63:
                guard reader.take(Int(length)) != nil, reader.consumed - start <= DNSLimits.name else {
                    return nil
                }
            case 0xC0...0xFF: return reader.uint8() == nil ? nil : false
            default: return nil
            }
        }
        return nil
    }
}
