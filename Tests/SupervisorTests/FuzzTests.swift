import Client
import Supervisor
import TestSupport
import Testing

struct FuzzTests {
    @Test("Messages of the control protocol: no trap, and what is read is written as it came")
    func messages() throws {
        let seeds = ControlMessageTests.requests.map(\.bytes) + ControlMessageTests.replies.map(\.bytes)
        try Fuzz("control-messages", seeds: seeds, words: ["ci", "\u{0}\u{0}\u{0}\u{1}"]).run { input, _ in
            if let request = try? ControlRequest(bytes: input) {
                try Finding.unless(request.bytes == input, "\(request) is written otherwise")
            }
            if let reply = try? ControlReply(bytes: input) {
                try Finding.unless(reply.bytes == input, "\(reply) is written otherwise")
            }
        }
    }

    @Test("Words of bailey run: no trap")
    func arguments() throws {
        let texts = [
            "-p\nci\n-w\n/ws\n--\nmake\n-j2", "--profiles=/x\n--allow-degraded\ncgroups\nsh", "-h", "-p",
            "--name\na\nb",
        ]
        try Fuzz("run-arguments", texts: texts, words: ["-", "--", "\n", "=", "-p\n", "-pci", "--\n"]).run {
            input,
            _ in
            let words = String(decoding: input, as: UTF8.self).split(
                separator: "\n",
                omittingEmptySubsequences: false
            )
            _ = RunArguments.parse(words.map(String.init))
        }
    }
}
