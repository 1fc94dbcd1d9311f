/// Every bound of the search for what is masked, with its source.
enum MaskLimits {
    /// Octets of a local part and of a domain (RFC 5321 sections 4.5.3.1.1 and 4.5.3.1.2).
    static let localPart = 64
    static let domain = 255
    /// Octets that are kept back at most where nothing has been recognised: the longest address.
    static let word = localPart + 1 + domain
    /// Digits of the longest number: ISO/IEC 7812-1.
    static let digits = 19
    /// Octets of the longest number as it is printed: 19 digits in single groups, twice as many and two parentheses.
    static let number = 40
    /// Octets of the label of a PEM block: the longest in use is `ENCRYPTED PRIVATE KEY`, or `PGP PRIVATE KEY BLOCK`.
    static let label = 64
    /// Octets of the first two parts of a dotted token: headers with a certificate have 2 KiB.
    ///
    /// What is longer is taken for one.
    static let dotted = 4096
    /// Different octets of a token that is no word and not masked: of 16 random letters and digits fewer than these are
    /// different once in 10^5 times.
    static let different = 8
    /// Octets of a token that are judged to tell whether it looks random.
    static let random = 256
}
