import Credentials
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
}
