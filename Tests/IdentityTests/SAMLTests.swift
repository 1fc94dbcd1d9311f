import AssertionSupport
import Foundation
import Identity
import Model
import TestSupport
import Testing

/// What the tests of assertions share: making it takes seconds.
struct SAMLFixture: Sendable {
    let provider: AssertionProvider
    let cases: [String: AssertionProvider.Attack]
    /// When all of it was made, about.
    let made: Timestamp

    static let shared = Result { try SAMLFixture() }

    private init() throws {
        provider = try AssertionProvider()
        made = WallClock.now()
        cases = Dictionary(uniqueKeysWithValues: try provider.attacks().map { ($0.name, $0) })
    }

    /// bailey-saml as it was built, beside the binary that tests run.
    static let program = ProcessInfo.processInfo.environment["BAILEY"].map {
        URL(filePath: $0).deletingLastPathComponent().appending(path: "bailey-saml").path()
    }

    func issuer(
        certificates: [String] = ["idp"],
        entity: String = AssertionProvider.entity,
        audiences: [String] = ["bailey"],
        recipient: String? = nil,
        subject: SubjectTemplate = .assertion,
        groups: String = "groups"
    ) -> Issuer {
        var issuer = Issuer(
            name: "corp",
            url: entity,
            audiences: audiences,
            subject: subject,
            groups: groups,
            claims: ["department"]
        )
        issuer.keys = .certificates(certificates.map(provider.certificate))
        issuer.recipient = recipient
        return issuer
    }

    func text(_ name: String) throws -> String { try #require(cases[name], "\(name)").text }

    func identity(
        of text: String,
        _ issuer: Issuer? = nil,
        after seconds: Int64 = 0,
        program: String? = program
    ) throws(TokenFault) -> ProvenIdentity {
        let now =
            seconds == 0 ? WallClock.now() : Timestamp(milliseconds: made.milliseconds + seconds * 1_000)
        let prover = AssertionProver([issuer ?? self.issuer()], program: program, clock: { now })
        guard let assertion = IdentityAssertion(text) else { preconditionFailure("longer than any file") }
        return try prover.identity(of: assertion)
    }

    /// Which check failed; nil where none did.
    func fault(
        in text: String,
        _ issuer: Issuer? = nil,
        after seconds: Int64 = 0,
        program: String? = program
    ) -> TokenFault? {
        do throws(TokenFault) {
            _ = try identity(of: text, issuer, after: seconds, program: program)
            return nil
        } catch {
            return error
        }
    }
}

@Suite(
    "Assertions of SAML",
    .enabled(if: AssertionProvider.isThere, "needs xmlsec1 and python3-pysaml2 (make deps-tests)"),
    .enabled(if: SAMLFixture.program != nil, "needs BAILEY, the binary that was built")
)
struct SAMLTests {
    let fixture: SAMLFixture

    init() throws { fixture = try SAMLFixture.shared.get() }

    @Test(
        "What the identity provider signed is taken: the subject, the groups, the kept attributes, until its end"
    )
    func taken() throws {
        let good = fixture.cases.values.filter { $0.name.hasPrefix("good") }
        #expect(good.count == 8)
        for one in good {
            let identity = try fixture.identity(of: one.text)
            #expect(identity.subject == "alice" && identity.issuer == "corp", "\(one.name)")
            #expect(
                identity.groups == ["admins", "payments"] && identity.claims == ["department": ["research"]]
            )
            let life = identity.expiry.milliseconds - fixture.made.milliseconds
            #expect((3_590_000...3_700_000).contains(life), "\(one.name)")
            #expect(identity.principal(uid: 7).subject == "saml:corp:alice")
        }
    }

    /// What is refused, and by which check.
    static let refused: [(String, TokenFault.Check)] = [
        ("XSW1", .form), ("XSW2", .form), ("XSW3", .form), ("XSW4", .form), ("XSW5", .form), ("XSW6", .form),
        ("XSW7", .form), ("XSW8", .form), ("signature in an extension", .signature),
        ("external entity", .form),
        ("entity bomb", .form), ("external document type", .form), ("two assertions", .form),
        ("unsigned", .signature),
        ("changed", .signature), ("changed group", .signature), ("other key", .signature),
        ("key in KeyInfo", .signature), ("HMAC by public key", .algorithm), ("SHA-1", .algorithm),
        ("SHA-1 digest", .algorithm), ("comment in NameID", .form), ("comment", .form),
        ("character data", .form),
        ("instruction", .form), ("other audience", .audience), ("transient", .subject), ("oversized", .size),
        ("deep", .form), ("deep within", .form), ("not XML", .form), ("truncated", .form), ("empty", .form),
        ("UTF-16", .signature), ("XSLT transform", .transform), ("XPath transform", .transform),
        ("transform that leaves out content", .transform), ("duplicate IDs", .reference),
        ("ID of XML", .form),
        ("several references", .reference), ("empty URI", .reference), ("no URI", .reference),
        ("encrypted", .form),
        ("one-time use", .conditions), ("proxy restriction", .conditions), ("unknown condition", .conditions),
        ("no conditions", .conditions), ("no audience", .audience), ("no end", .expiry),
        ("not bearer", .confirmation),
        ("session over", .expiry),
    ]

    @Test(
        "What bad input gets: refused with which check failed, and nothing of the assertion",
        arguments: refused.map(\.0)
    )
    func refusal(_ name: String) throws {
        let text = try fixture.text(name)
        let fault = try #require(fixture.fault(in: text), "\(name) was taken")
        #expect(fault.check == Self.refused.first { $0.0 == name }?.1, "\(name): \(fault)")
        let said = "\(fault)"
        #expect(said.hasPrefix("the assertion's \(fault.check.rawValue) check failed: "), "\(said)")
        for secret in ["alice", "root", "payments", "research", "id-"] {
            #expect(!said.contains(secret), "\(said)")
        }
    }

    @Test("Every document that the provider and the attackers make is either good or refused")
    func complete() {
        let known = Set(Self.refused.map(\.0))
        #expect(known == Set(fixture.cases.keys.filter { !$0.hasPrefix("good") }))
    }

    @Test(
        "The control: who looks at the first signature alone finds it good, though it is refused",
        arguments: [
            "XSW2", "XSW3", "XSW4", "XSW5", "XSW7", "two assertions", "key in KeyInfo", "SHA-1",
            "SHA-1 digest",
            "comment in NameID", "XSLT transform", "XPath transform", "transform that leaves out content",
            "several references", "empty URI", "signature in an extension", "external document type",
        ]
    )
    func passes(_ name: String) throws {
        #expect(try #require(fixture.cases[name]).passes)
        #expect(fixture.fault(in: try fixture.text(name)) != nil)
    }

    @Test("It is good from its beginning to its end by the clock, give or take the leeway")
    func times() throws {
        let good = try fixture.text("good")
        #expect(fixture.fault(in: good, after: 3_900)?.check == .expiry)
        #expect(fixture.fault(in: good, after: 3_620) == nil)
        #expect(fixture.fault(in: good, after: -60)?.check == .notBefore)
        let short = try fixture.provider.response(minutes: -1)
        #expect(fixture.fault(in: short)?.check == .expiry)
    }

    @Test("From another identity provider, or for another recipient, it is refused")
    func others() throws {
        let good = try fixture.text("good")
        #expect(
            fixture.fault(in: good, fixture.issuer(entity: "https://other.example.org"))?.check == .issuer
        )
        let wrong = fixture.issuer(recipient: "https://other.example.org/acs")
        #expect(fixture.fault(in: good, wrong)?.check == .confirmation)
        let right = fixture.issuer(recipient: AssertionProvider.recipient)
        #expect(fixture.fault(in: good, right) == nil)
        #expect(fixture.fault(in: good, fixture.issuer(audiences: ["x"]))?.check == .audience)
        #expect(fixture.fault(in: good, fixture.issuer(audiences: ["x", "bailey"])) == nil)
    }

    @Test(
        "Several certificates are for rotation: what any of them signed is taken, RSA or ECDSA, and nothing else"
    )
    func rotation() throws {
        let both = fixture.issuer(certificates: ["idp", "other"])
        #expect(fixture.fault(in: try fixture.text("good"), both) == nil)
        #expect(fixture.fault(in: try fixture.text("other key"), both) == nil)
        let curve = try fixture.provider.response(
            #""algorithm": "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256""#,
            key: "ec"
        )
        #expect(fixture.fault(in: curve, fixture.issuer(certificates: ["idp", "ec"])) == nil)
        #expect(fixture.fault(in: curve, both)?.check == .signature)
    }

    @Test("A certificate that is none, is not there or has a weak key is refused by its check")
    func certificates() throws {
        let good = try fixture.text("good")
        #expect(fixture.fault(in: good, fixture.issuer(certificates: ["absent"]))?.check == .key)
        try "no certificate".write(
            toFile: fixture.provider.certificate("none"),
            atomically: true,
            encoding: .utf8
        )
        #expect(fixture.fault(in: good, fixture.issuer(certificates: ["none"]))?.check == .key)
        let weak = fixture.provider.certificate("weak")
        let made = try Command.run(
            ["/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=x"]
                + ["-keyout", weak + ".key", "-out", weak],
            environment: ["PATH": "/usr/bin:/bin"],
            directory: fixture.provider.folder
        )
        try #require(made.code == 0, "\(made)")
        let fault = fixture.fault(in: good, fixture.issuer(certificates: ["weak"]))
        #expect(
            fault?.check == .key && fault?.reason.contains("2048") == true,
            "\(String(describing: fault))"
        )
    }

    @Test(
        "The subject is the NameID, an attribute, or text with attributes; one that is not there is refused"
    )
    func subjects() throws {
        let good = try fixture.text("good")
        let both = try #require(SubjectTemplate("{department}/{NameID}"))
        #expect(try fixture.identity(of: good, fixture.issuer(subject: both)).subject == "research/alice")
        let absent = try #require(SubjectTemplate("mail"))
        #expect(fixture.fault(in: good, fixture.issuer(subject: absent))?.check == .subject)
        let department = try #require(SubjectTemplate("department"))
        let transient = try fixture.text("transient")
        #expect(
            try fixture.identity(of: transient, fixture.issuer(subject: department)).subject == "research"
        )
    }

    @Test("A reader that crashes, hangs up, is not there or answers with something else is a refusal")
    func crashes() throws {
        let good = try fixture.text("good")
        func script(_ name: String, _ body: String) throws -> String {
            let path = fixture.provider.folder + "/" + name
            try "#!/bin/sh\n\(body)\n".write(toFile: path, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
            return path
        }
        let programs: [String?] = [
            nil, "/nonexistent", "/bin/false", "/bin/true", try script("crash", "kill -SEGV $$"),
            try script("liar", "echo '{\"assertion\": {}}'"),
            try script("noise", "head -c 3000000 /dev/zero"),
            try script("partial", "printf '{\"assertion\": {\"version\": \"2.0\"'"),
        ]
        for program in programs {
            let fault = try #require(fixture.fault(in: good, program: program), "\(program ?? "none")")
            #expect("\(fault)".hasPrefix("the assertion's "), "\(fault)")
        }
    }
}

extension FuzzTests {
    @Test(
        "Assertions: the reader never crashes, and none is taken but one that says what the signed one says",
        .enabled(
            if: AssertionProvider.isThere && SAMLFixture.program != nil,
            "needs xmlsec1 and python3-pysaml2 (make deps-tests)"
        )
    )
    func assertions() throws {
        let fixture = try SAMLFixture.shared.get()
        let words = [
            "<", ">", "&", "</", "/>", "&#0;", "&lt;", "<!--", "<![CDATA[", "<?x?>", "<!DOCTYPE", "ID=\"x\"",
            "xml:id=\"x\"",
            "Assertion", "Signature", "xmlns=\"\"", "alice", "#", "Transform", "Reference",
        ]
        let good = try fixture.identity(of: fixture.text("good"))
        var tried = 0
        try Fuzz("identity-assertions", texts: [fixture.text("good")], words: words).run { input, _ in
            let text = String(decoding: input, as: UTF8.self)
            tried += 1
            do throws(TokenFault) {
                let identity = try fixture.identity(of: text)
                #expect(identity == good)
            } catch {
                #expect(!error.reason.contains("gave no answer"), "\(error)")
            }
        }
        #expect(tried > 0)
    }
}
