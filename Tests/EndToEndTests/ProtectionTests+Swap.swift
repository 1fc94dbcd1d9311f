import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.ProtectionTests {
    /// Ways to have other content at a protected path, or its content under another name.
    private static let swaps = [
        "mv .git/config x", "ln -sfn x .git/config", "ln -sfn x .git/hooks",
        "ln .git/config x; echo evil >> x",
        "echo evil > x; mv -f x .git/config", "mv .git other", "mv .git/hooks other; mkdir .git/hooks",
        "python3 ../exchange.py .git/hooks made", "python3 ../exchange.py .git made",
        "rm -rf .git; mkdir -p .git/hooks", "rm .git/config", "truncate -s0 .git/config",
        "mount --bind made .git/hooks",
    ]

    /// renameat2(2) with RENAME_EXCHANGE.
    private static let exchange = """
        import ctypes, sys
        libc = ctypes.CDLL(None, use_errno=True)
        sys.exit(libc.renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 2) != 0)
        """

    private static let look =
        "cat .git/config .git/hooks/one 2>/dev/null; ls .git .git/hooks 2>/dev/null | grep -v commondir"

    @Test("E08: no rename, link, exchange or mount puts anything else at a protected path", arguments: swaps)
    func swapped(attempt: String) throws {
        let place = try Place()
        func fresh(_ folder: String) throws {
            try place.write("[core]\n", to: "workspace/\(folder)/.git/config")
            try place.write("true\n", to: "workspace/\(folder)/.git/hooks/one")
            try place.write("false\n", to: "workspace/\(folder)/made/one")
        }
        for folder in ["mine", "theirs"] { try fresh(folder) }
        try place.write(Self.exchange, to: "workspace/exchange.py")
        let before = try place.control("cd mine; \(Self.look)").output
        let outcome = try place.agent("cd mine; (\(attempt)) 2>/dev/null; \(Self.look)")
        #expect(outcome.output == before, "\(outcome)")
        #expect(try place.control("cd mine; \(Self.look)").output == before)
        // The control: outside it is done.
        guard !attempt.hasPrefix("mount") else { return }
        let control = try place.control("cd theirs; (\(attempt)) 2>/dev/null; \(Self.look)").output
        #expect(control != before, "the control")
    }

    @Test(
        "E08: a folder that is swapped for a link while children are launched shows none of them what lies behind"
    )
    func swappedUnderChildren() throws {
        let place = try Place()
        try place.write("secret", to: "behind/word")
        try place.write("plain", to: "workspace/open/word")
        let open = place.workspace + "/open"
        try place.profile("parent", "extends: [base]\nchildren: {profiles: [child], depth: 1, count: 2}\n")
        try place.profile("child", "files: {read: [\(open)]}\n")
        let swap = Self.exchange.replacing("sys.exit(", with: "while True: (")
            .replacing("sys.argv[1]", with: "'open'").replacing("sys.argv[2]", with: "'link'")
        let script = """
            ln -sfn '\(place.root)/behind' link
            cat > swap.py <<'END'
            \(swap)
            END
            python3 swap.py & swapper=$!
            READ
            kill $swapper
            """
        // Forty, and on until one was launched: which it is, is chance.
        let loop = """
            for round in $(seq 400); do
                { BEGIN cat open/word; echo; } >>said 2>&1
                [ $round -lt 40 ] || ! grep -q plain said || break
            done
            cat said
            """
        let outcome = try place.agent(
            script.replacing(
                "READ",
                with: loop.replacing("BEGIN", with: "bailey run -p child --")
                    .replacing("cat open/word", with: "cat '\(open)/word'")
            ),
            profile: "parent"
        )
        #expect(!outcome.output.contains("secret"), "\(outcome)")
        #expect(outcome.output.contains("plain"), "some are launched: \(outcome)")
        let control = try place.control(
            script.replacing(
                "READ",
                with: "while [ \"$(cat open/word)\" != secret ]; do :; done; echo seen"
            )
        )
        #expect(control.lines.contains("seen"), "the control: \(control)")
    }
}
