internal import Linux
package import Model

/// What a launch has to prove who launches; where it has nothing, the job's environment may have.
package enum IdentityOffer: Sendable, Hashable {
    /// A token, and the absolute path of the file that it was read from.
    case file(String, IdentityToken)
    /// An assertion of SAML, likewise.
    case assertion(String, IdentityAssertion)
    /// The name of a variable of the order's environment.
    case variable(String)

    /// Why there is none inside an agent.
    package static let insideAgent =
        "--oidc-token-file, --oidc-token-env and --saml-assertion-file say who launches a root agent: inside an agent that is "
        + "known already, and no token changes it"

    /// What the command line said; nil where it said nothing.
    init?(_ words: LaunchWords, from directory: String) throws(LaunchRefusal) {
        if let name = words.tokenVariable {
            self = .variable(name)
            return
        }
        if let file = words.assertionFile {
            self = try Self.assertion(in: WorkingDirectory.absolute(file, from: directory))
            return
        }
        guard let path = words.tokenFile.map({ WorkingDirectory.absolute($0, from: directory) }) else {
            return nil
        }
        guard var octets = ReadFile.bytes(at: path, limit: IdentityToken.maximumLength + 1) else {
            throw LaunchRefusal(
                "cannot read the token in \(path): it is not there, no regular file, or longer than "
                    + "\(IdentityToken.maximumLength >> 10) KiB; name another with --oidc-token-file"
            )
        }
        if octets.last == UInt8(ascii: "\n") { octets.removeLast() }
        guard octets.allSatisfy({ (0x21...0x7E).contains($0) }), !octets.isEmpty,
            let token = IdentityToken(String(decoding: octets, as: UTF8.self))
        else {
            throw LaunchRefusal("\(path) holds no token: one line of printable characters without blanks")
        }
        self = .file(path, token)
    }

    private static func assertion(in path: String) throws(LaunchRefusal) -> IdentityOffer {
        guard let octets = ReadFile.bytes(at: path, limit: IdentityAssertion.maximumFile) else {
            throw LaunchRefusal(
                "cannot read the assertion in \(path): it is not there, no regular file, or longer than "
                    + "\(IdentityAssertion.maximumFile >> 10) KiB; name another with --saml-assertion-file"
            )
        }
        guard let text = String(validating: octets, as: UTF8.self), !text.isEmpty,
            let assertion = IdentityAssertion(text)
        else { throw LaunchRefusal("\(path) holds no assertion: XML in UTF-8, or base64 of that") }
        return .assertion(path, assertion)
    }

    func write(to writer: inout ControlWriter) {
        switch self {
        case .file(let path, let token):
            writer.write(UInt8(0))
            writer.write(path)
            writer.write(token.text)
        case .assertion(let path, let assertion):
            writer.write(UInt8(2))
            writer.write(path)
            writer.write(assertion.text)
        case .variable(let name):
            writer.write(UInt8(1))
            writer.write(name)
        }
    }

    init(from reader: inout ControlReader) throws(ControlError) {
        switch try reader.byte() {
        case 0:
            let path = try reader.text()
            guard let token = IdentityToken(try reader.text()) else {
                throw ControlError("a token is too long")
            }
            self = .file(path, token)
        case 1: self = .variable(try reader.text())
        case 2:
            let path = try reader.text()
            guard let assertion = IdentityAssertion(try reader.text()) else {
                throw ControlError("an assertion is too long")
            }
            self = .assertion(path, assertion)
        case let kind: throw ControlError("unknown offer of an identity \(kind)")
        }
    }
}
