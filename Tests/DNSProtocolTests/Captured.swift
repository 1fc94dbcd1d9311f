/// Queries of dig 9.18, captured on loopback as README.md of the protocol says.
enum Captured {
    /// `dig allowed.test A`: EDNS0 with a cookie.
    static let a = hex(
        """
        b3ab0120000100000000000107616c6c6f7765640474657374000001000100002904d000000000000c000a00081d13eb
        af4013f0a4
        """
    )

    /// `dig aLLoWed.TEST AAAA`.
    static let aaaaInMixedCase = hex(
        """
        ce360120000100000000000107614c4c6f576564045445535400001c000100002904d000000000000c000a0008cd91a4
        0d4836d9c2
        """
    )

    /// `dig allowed.test HTTPS`.
    static let https = hex(
        """
        a8780120000100000000000107616c6c6f7765640474657374000041000100002904d000000000000c000a000815911b
        ecba8dafae
        """
    )

    /// `dig +noedns allowed.test A`, as glibc asks.
    static let withoutEDNS = hex(
        """
        3f710120000100000000000007616c6c6f77656404746573740000010001
        """
    )

    /// `dig +dnssec +nsid +padding=128 allowed.test TXT`.
    static let txtWithOptions = hex(
        """
        1fa80120000100000000000107616c6c6f7765640474657374000010000100002904d000008000005700030000000a00
        0827b394212e23e6ad000c00430000000000000000000000000000000000000000000000000000000000000000000000
        0000000000000000000000000000000000000000000000000000000000000000
        """
    )

    /// `dig version.bind CH TXT`.
    static let chaos = hex(
        """
        41b5012000010000000000010776657273696f6e0462696e64000010000300002904d000000000000c000a000874c165
        960ca8e770
        """
    )

    /// `dig +tcp allowed.test`, with its length in front.
    static let stream = hex(
        """
        00359e0a0120000100000000000107616c6c6f7765640474657374000001000100002904d000000000000c000a0008c5
        0ad66618424c1d
        """
    )

    /// The octets of hexadecimal text, line breaks left out.
    static func hex(_ text: String) -> [UInt8] {
        let digits = text.compactMap { $0.hexDigitValue.map { UInt8($0) } }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
