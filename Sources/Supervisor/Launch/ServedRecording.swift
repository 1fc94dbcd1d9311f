internal import Audit
internal import Client

extension SupervisorConfiguration {
    /// Name of the session that answers in place of every server; nil where servers do.
    var servedSession: String? { replayed?.name }

    /// Has the session that a launch names, where it names one, answer in place of every server; the launch has the profile of that
    /// session where it names none.
    ///
    /// Throws where there is no such session, it cannot be served, or its profile was an agent's text: whoever wrote that chose its name,
    /// and it may be another profile's.
    mutating func serveRecording(of words: inout LaunchWords) throws {
        guard let (session, directory) = words.replayed else { return }
        let served = try ServedSession(session, in: directory)
        if words.profile == nil, let profile = served.profile {
            guard !profile.isOwnText else {
                throw LaunchRefusal(
                    "the profile of session \(TerminalText.escaped(session)) was a text of the agent's that launched it, and its name "
                        + "may be that of another one; say which one to run with: -p PROFILE"
                )
            }
            words.profile = profile.name
        }
        replayed = served
    }
}
