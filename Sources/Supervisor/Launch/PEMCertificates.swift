/// The certificates of a PEM file (RFC 7468), for formats that want them in DER.
///
/// One pass over the host's bundle, which every supervisor reads at its start.
package enum PEMCertificates {
    private static let begin = Array("-----BEGIN CERTIFICATE-----\n".utf8)
    private static let dash = UInt8(ascii: "-")
    private static let padding = UInt8(ascii: "=")
    /// By byte: its six bits (RFC 4648 section 4), or 255 for what is none of base64's.
    private static let digits: [UInt8] = {
        var digits = [UInt8](repeating: 255, count: 256)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (value, byte) in alphabet.utf8.enumerated() {
            digits[Int(byte)] = UInt8(value)
        }
        return digits
    }()

    /// Each certificate's DER bytes; a block that is not base64 is left out.
    package static func decoded(_ pem: [UInt8]) -> [[UInt8]] {
        var certificates: [[UInt8]] = []
        var line = 0
        while line < pem.count {
            if pem[line] == dash, pem[line...].starts(with: begin) {
                let body = line + begin.count
                let end = pem[body...].firstIndex(of: dash) ?? pem.endIndex
                if let der = bytes(of: pem[body..<end]) { certificates.append(der) }
                line = end
            }
            line = (pem[line...].firstIndex(of: UInt8(ascii: "\n")) ?? pem.endIndex) + 1
        }
        return certificates
    }

    /// What base64 stands for, bytes that are none of its passed over; nil when its end is cut.
    private static func bytes(of text: ArraySlice<UInt8>) -> [UInt8]? {
        let digits = digits
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3 + 3)
        var (group, count, padded) = (UInt32(0), 0, 0)
        for byte in text {
            if byte == padding { padded += 1 }
            let value = digits[Int(byte)]
            guard value < 64 else { continue }
            guard padded == 0 else { return nil }
            group = group << 6 | UInt32(value)
            count += 1
            guard count == 4 else { continue }
            for shift: UInt32 in [16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: group >> shift)) }
            (group, count) = (0, 0)
        }
        guard (count + padded) % 4 == 0, count != 1 else { return nil }
        if count > 1 { bytes.append(UInt8(truncatingIfNeeded: group >> (count == 2 ? 4 : 10))) }
        if count > 2 { bytes.append(UInt8(truncatingIfNeeded: group >> 2)) }
        return bytes
    }
}
