internal import Audit
internal import Client

extension SupervisorConfiguration {
    /// Name of the session that answers in place of every server; nil where servers do.
    var servedSession: String? { replayed?.name }

    /// Has the session that a launch names, where it names one, answer in place of every server; the launch has the profile of that
    /// session where it names none.
    ///
    /// Throws where there is no such session, or it cannot be served.
    mutating func serveRecording(of words: inout LaunchWords) throws {
        guard let (session, directory) = words.replayed else { return }
        let served = try ServedSession(session, in: directory)
        if words.profile == nil { words.profile = served.profile }
        replayed = served
    }
}
