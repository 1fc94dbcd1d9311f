import Foundation
import TestSupport
import Testing

extension Escapes {
    /// `bailey-saml`, as a document that found a mistake in libxml2 or xmlsec would have it.
    @Suite("The reader of assertions")
    struct ReaderTests {
        private func taken(_ moment: String, _ call: String) throws -> Outcome {
            let reader = URL(filePath: Binary.path).deletingLastPathComponent().path + "/bailey-saml"
            return try Command.run(
                [try Attacker.compiled(attacker("hijack")), moment, call, reader],
                environment: ["PATH": "/usr/bin:/bin"],
                directory: "/",
                // No key, and a document.
                input: Data("SAM1\u{0}<a/>".utf8)
            )
        }

        @Test(
            "A reader that a document took over opens, connects, starts and signals nothing: its filter ends it. Before the document is parsed it could",
            arguments: ["open", "socket", "execve", "fork", "kill"]
        )
        func confined(call: String) throws {
            let control = try taken("before", call)
            #expect(control.code == 0 && control.output == "Seccomp:\t0\n\(call): done\n", "\(control)")
            let outcome = try taken("after", call)
            #expect(
                outcome.code == 0 && outcome.output == "Seccomp:\t2\n\(call): killed by signal 31\n",
                "\(outcome)"
            )
        }
    }
}
