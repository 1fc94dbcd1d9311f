import Glibc
import TestSupport

/// One case of the corpus that a probe tries: a row of the table, nothing else is needed to add one.
///
/// In the shell text of a row, `{root}`, `{home}`, `{port}` and so on stand for what `Trial` knows.
struct Attack: Sendable {
    let id: String
    /// What is tried; how two rows of one case are told apart.
    let tries: String
    /// The probe and its words, as a shell reads them.
    let words: String
    let control: Control
    /// Lines for the profile of every agent.
    var body = ""
    /// Shell text that root runs in the workspace before anything is launched.
    var prepared: String?
    /// Shell text that root runs in a mount namespace of its own, from which launcher and control are started.
    var host: String?
    /// Whether somebody outside is there to be found.
    var bystander = false
    /// Whether the kernel may end the whole agent, so that the probe says nothing.
    var mayDie = false
    /// Where the sandbox is known not to hold it, and why.
    var gaps: [Standing: String] = [:]

    /// How the same words are shown to succeed without a sandbox.
    enum Control: Sendable {
        /// As they are, by the test's own user, after this shell text. The kernel may lack what is tried: then it says so
        /// by one of these errors.
        case plain(after: String = "", lacking: [String] = [])
        /// The same, where only root can do it.
        case root(lacking: [String] = [])
        /// By a user without rights, where the test's own user might have them.
        case ordinary
        /// By root of namespaces of its own, in which nothing is the machine's, after this shell text.
        case namespaces(after: String = "true")
        /// The machine itself must answer alike.
        case same
    }

    /// Whether only root can set it up, or show it.
    var needsRoot: Bool {
        if case .root = control { return true }
        if case .ordinary = control { return true }
        return host != nil || prepared != nil
    }

    /// Every row that this test process can try.
    static let possible = all.filter { getuid() == 0 || !$0.needsRoot }

    static let all = mounts + network + processes + calls + others
}

extension Attack: CustomStringConvertible {
    var description: String { "\(id): \(tries)" }
}
