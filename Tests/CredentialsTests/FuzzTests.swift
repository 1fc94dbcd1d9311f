import Credentials
import Model
import Profiles
import TestSupport
import Testing

struct FuzzTests {
    @Test("Files of credentials: no trap, read or refused with a place")
    func files() throws {
        let words = [
            "{", "[", ": ", "- ", "\n", "~", "env", "oauth2", "https://", "'", "\"", "!!", "&a", "*a",
            "basic", "query ",
        ]
        try Fuzz("credential-files", texts: [wholeFile], words: words).run { input, _ in
            do throws(ProfileError) {
                _ = try CredentialFile.parse(
                    String(decoding: input, as: UTF8.self),
                    file: "c.yaml",
                    home: "/home/a"
                )
            } catch {
                try Finding.unless(
                    error.diagnostics.allSatisfy { $0.line >= 1 && !$0.message.isEmpty },
                    "no place: \(error)"
                )
                try Finding.unless(!error.diagnostics.isEmpty, "no word")
            }
        }
    }

    /// Gives one answer to every request for a token.
    private struct Issuer: TokenTransport {
        let reply: FormReply

        func post(_ post: FormPost) -> FormReply { reply }
    }

    @Test(
        "Answers of a token endpoint: no trap, a token that can stand in a field or none, and none is told in an error"
    )
    func tokens() throws {
        let texts = [
            #"{"access_token":"t0k3n-of-the-server","token_type":"Bearer","expires_in":3600}"#,
            #"{"access_token":"t0k3n-of-the-server","token_type":"bearer","expires_in":1e9,"scope":"a b"}"#,
            #"{"error":"invalid_client","error_description":"t0k3n-of-the-server"}"#,
            #"{"token_type":"mac","access_token":"t0k3n-of-the-server"}"#,
        ]
        let words = [
            "\"", "{", "}", ",", ":", "null", "-1", "1e400", "-0", "9223372036854775808", "\\u0000", "\\n",
            "\\ud800",
            "access_token", "token_type", "expires_in", "Bearer", "error", "[", " ", "\r\n",
        ]
        let text = """
            bailey: 1
            credentials:
              it:
                from: {oauth2: {token-url: "https://i.test/t", client-id: me, client-secret: {env: CLIENT_SECRET}}}
                as: bearer
                for: ["https://h.example"]
            """
        let definitions = try CredentialFile.parse(text, file: "c.yaml", home: nil)
        try Fuzz("token-replies", texts: texts, words: words).run { input, _ in
            for status in [200, 400] {
                let store = CredentialStore(
                    definitions,
                    environment: ["CLIENT_SECRET": "own-s3cr3t"],
                    onFetch: { _ in }
                )
                store.send(by: Issuer(reply: FormReply(status: status, body: input)))
                do {
                    let value = try store.value(of: "it")
                    try Finding.unless(status == 200 && value.hasPrefix("Bearer "), "no token")
                    try Finding.unless(
                        value.utf8.dropFirst(7).allSatisfy { (0x21...0x7E).contains($0) }
                            && value.utf8.count > 7,
                        "it cannot stand in a field"
                    )
                } catch let error as CredentialFailure {
                    try Finding.unless(
                        !error.message.contains("t0k3n") && !error.message.contains("own-s3cr3t"),
                        "it is told: \(error.message)"
                    )
                }
            }
        }
    }

    @Test("Keys of AWS as sources print them: no trap, a key or none, and none is told in an error")
    func keys() throws {
        let texts = [
            #"{"Version":1,"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"s3cr3tkey","SessionToken":"t0k","Expiration":"2099-01-01T00:00:00Z"}"#,
            "AKIAIOSFODNN7EXAMPLE:s3cr3tkey", "ASIAIOSFODNN7EXAMPLE:s3cr3tkey:t0ken",
        ]
        let words = [
            "\"", "{", ":", "null", "2", "0", "9999999999", "-", "+99:99", "T", "Z", "Expiration", "Version",
            ",", " ",
        ]
        try Fuzz("aws-keys", texts: texts, words: words).run { input, _ in
            let text = String(decoding: input, as: UTF8.self).replacing("\0", with: "")
            let store = try store("env: KEY", "aws-sigv4", environment: ["KEY": text])
            do {
                let parts = try store.value(of: "it").split(separator: ":", omittingEmptySubsequences: false)
                try Finding.unless((2...3).contains(parts.count), "other parts")
                try Finding.unless(
                    parts.allSatisfy { part in
                        !part.isEmpty && part.utf8.allSatisfy { (0x21...0x7E).contains($0) }
                    },
                    "it cannot stand in a field"
                )
            } catch let error as CredentialFailure {
                try Finding.unless(!error.message.contains("s3cr3tkey"), "it is told: \(error.message)")
            }
        }
    }
}
