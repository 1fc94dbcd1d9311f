import GitProtocol
import Model
import TestSupport
import Testing

struct FuzzTests {
    @Test("The list of a push: no trap, the same in pieces, refs that are refs, no more than its limit")
    func pushList() throws {
        let ids = "\(String(repeating: "0", count: 40)) \(String(repeating: "a", count: 40))"
        let fuzz = Fuzz(
            "git-push-list",
            texts: [
                "0000", line("\(ids) refs/heads/a\0report-status side-band-64k") + "0000PACK",
                line("\(ids) refs/heads/a\0push-options") + line("\(ids) refs/b") + "0000" + line("x")
                    + "0000PACK",
                line("shallow \(String(repeating: "b", count: 40))") + line("\(ids) refs/heads/a\n") + "0000",
            ],
            words: ["0000", "0001", "0004", "fff0", "refs/heads/", "PACK", "push-cert", " ", "\n", ".."]
        )
        try fuzz.run { input, random in
            func read(_ pieces: [[UInt8]]) -> Result<PushList, PushFault> {
                var reader = PushListReader()
                do throws(PushFault) {
                    for piece in pieces {
                        if let list = try reader.read(piece) { return .success(list) }
                    }
                    return .success(try reader.end())
                } catch {
                    return .failure(error)
                }
            }
            let whole = read([input])
            try Finding.unless(whole == read(input.pieces(of: 9, &random)), "in pieces it is another")
            guard case .success(let list) = whole else { return }
            try Finding.unless(list.push.updates.allSatisfy { GitPush.isRef($0.ref) }, "no ref")
            try Finding.unless(list.push.updates.count <= GitPush.maximumUpdates, "too many")
            let answer = GitReply.report(list, "text", reason: "reason")
            try Finding.unless(answer.count < 4 * GitPush.maximumList, "a long answer")
        }
    }
}
