import Client
import Model
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

    @Test("Links that answer: no trap, and none is taken but as it was signed")
    func links() throws {
        let signer = ApprovalLink.Signer(key: Array(0..<32))
        let now = Timestamp(milliseconds: 1_700_000_000_000)
        let seeds = [true, false].map { approves in
            signer.path(
                ApprovalLink(
                    question: "1f2e3d4c5b6a-1",
                    approves: approves,
                    expires: Timestamp(milliseconds: now.milliseconds + 60_000),
                    webhook: 0,
                    digest: String(repeating: "ab", count: 32)
                )
            )
        }
        try Fuzz("approval-links", texts: seeds, words: ["/", "approve", "deny", "/a/", "0"]).run {
            input,
            _ in
            let path = String(decoding: input, as: UTF8.self)
            guard let link = try? signer.link(path, at: now) else {
                return try Finding.unless(!seeds.contains(path), "a link that was signed is refused")
            }
            try Finding.unless(signer.path(link).utf8.elementsEqual(input), "\(path) is taken for another")
            try Finding.unless(seeds.contains(path), "\(path) was never signed")
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
