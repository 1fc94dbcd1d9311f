import Foundation
import Glibc
import TestSupport
import Testing

/// The keys that vouch for agents, as they follow one another.
extension EndToEnd.AgentIdentityTests {
    /// Puts keys in the place of a generation's that were made so many days ago; by another program, as the files are documented.
    private func age(_ generation: Int, days: Int) throws {
        let script = """
            import datetime, os, sys
            from cryptography import x509
            from cryptography.hazmat.primitives import hashes, serialization
            from cryptography.hazmat.primitives.asymmetric import ec
            folder, generation, days = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
            token, authority = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
            made = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)
            name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Agents of example.org")])
            certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(authority.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(made - datetime.timedelta(seconds=60)).not_valid_after(made + datetime.timedelta(days=3650))
                .add_extension(x509.BasicConstraints(True, 0), True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority.public_key()), False)
                .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://example.org")]), False)
                .sign(authority, hashes.SHA256()))
            middle = "" if generation == 1 else ".%d" % generation
            scalar = lambda key: key.private_numbers().private_value.to_bytes(32, "big")
            os.umask(0o077)
            for name, octets in (("agent-token%s.key", scalar(token)), ("agent-authority%s.key", scalar(authority)),
                    ("agent-authority%s.crt", certificate.public_bytes(serialization.Encoding.DER))):
                with open(folder + "/" + name % middle, "wb") as file: file.write(octets)

            """
        try place.write(script, to: "age.py")
        let words = ["/usr/bin/python3", place.root + "/age.py", keys, "\(generation)", "\(days)"]
        let outcome = try outside(words)
        try #require(outcome.code == 0, "\(outcome)")
    }

    private var keys: String { place.root + "/state/bailey/keys" }

    private func outside(_ command: [String]) throws -> Outcome {
        try Command.run(command, environment: place.environment, directory: place.root)
    }

    private struct Key: Decodable {
        let number: Int
        let state: String
        let kid: String
    }

    private func listed() throws -> [Key] {
        let outcome = try place.bailey(["identity", "keys", "--json"])
        #expect(outcome.code == 0, "\(outcome)")
        return try outcome.lines.map { try JSONDecoder().decode(Key.self, from: Data($0.utf8)) }
    }

    private func ids(_ set: String) throws -> [String] {
        struct Set: Decodable {
            struct Key: Decodable { let kid: String }
            let keys: [Key]
        }
        return try JSONDecoder().decode(Set.self, from: Data(set.utf8)).keys.map(\.kid)
    }

    @Test(
        "Keys that are set aside, certificates too, are replaced at once: the old ones sign and are published no more"
    )
    func replaced() throws {
        let old = try #require(try listed().first).kid
        #expect(try signing() == old)
        let script = "mkdir -m 700 \"$1/aside\" && mv \"$1\"/keys/agent-* \"$1/aside/\""
        let moved = try outside(["/bin/sh", "-c", script, "sh", place.root + "/state/bailey"])
        try #require(moved.code == 0, "\(moved)")
        let new = try listed()
        #expect(new.map(\.number) == [1] && new.map(\.kid) != [old] && new.map(\.state) == ["signs"])
        let bundle = try place.bailey(["identity", "bundle"])
        #expect(try bundle.code == 0 && ids(bundle.output) == new.map(\.kid), "\(bundle)")
        #expect(try signing() == new.first?.kid)
    }

    /// Which key the token of an agent's request is signed with, as a server sees it.
    private func signing() throws -> String {
        let mark = UUID().uuidString
        let outcome = try place.agent(
            "curl -sS -m30 https://allowed.test:\(servers.tlsPort)/shown/\(mark)",
            profile: "ci"
        )
        #expect(outcome.code == 0, "\(outcome)")
        let line = try #require(try servers.lines(with: "/shown/\(mark)").first)
        let token = try #require(line.split(separator: "Bearer ").last?.split(separator: ".").first)
        let padded = String(token).replacing("-", with: "+").replacing("_", with: "/")
        let octets = padded + String(repeating: "=", count: (4 - padded.utf8.count % 4) % 4)
        struct Header: Decodable { let kid: String }
        let header = try #require(Data(base64Encoded: octets))
        return try JSONDecoder().decode(Header.self, from: header).kid
    }

    @Test(
        "The next key is published by command, by file and by `bailey serve` before it signs; the old one goes when what it signed is over"
    )
    func rotation() throws {
        try age(1, days: 380)
        let both = try listed()
        #expect(both.map(\.state) == ["signs", "next"] && both.map(\.number) == [1, 2], "\(both)")
        #expect(try place.bailey(["identity", "bundle", "--output", place.root]).code == 0)
        #expect(
            try ids(String(contentsOfFile: place.root + "/jwks.json", encoding: .utf8)) == both.map(\.kid)
        )
        let authorities = try String(contentsOfFile: place.root + "/bundle.pem", encoding: .utf8)
        #expect(authorities.components(separatedBy: "BEGIN CERTIFICATE").count == 3)
        #expect(try signing() == both[0].kid)
        let port = try Port.free()
        try place.write(
            servers.operatorConfiguration
                + "\ntrust-domain: example.org\nidentity: {publish: \"127.0.0.1:\(port)\"}\n",
            to: place.configuration + "/bailey.yaml"
        )
        let server = try RunningCommand(
            place.server,
            environment: place.environment,
            directory: place.root
        )
        #expect(server.awaitErrors("serving at"))
        let fetched = try outside(["curl", "-sSf", "-m30", "http://127.0.0.1:\(port)/jwks.json"])
        #expect(try ids(fetched.output) == both.map(\.kid))
        kill(server.processIdentifier, SIGTERM)
        #expect(server.finish().code == 0)
        // Half a year later, and more than a day.
        try age(1, days: 600)
        try age(2, days: 200)
        let one = try listed()
        #expect(one.map(\.state) == ["signs"] && one.map(\.number) == [2], "\(one)")
        #expect(try signing() == one[0].kid)
        #expect(!FileManager.default.fileExists(atPath: keys + "/agent-token.key"))
        let text = try place.bailey(["identity", "keys"])
        #expect(text.lines.count == 2 && text.lines[1].hasPrefix("the next is made "), "\(text)")
    }
}
