internal import Audit
internal import Client
internal import Model
internal import Policy
internal import Profiles

extension SupervisorConfiguration {
    /// Name of the session that answers in place of every server; nil where servers do.
    var servedSession: String? { replayed?.name }

    /// Has the session that a launch names, where it names one, answer in place of every server; the launch has the profile of that
    /// session where it names none.
    ///
    /// - Returns: the profile that was taken from the session; nil where the launch names one, or none is on record.
    /// - Throws: where there is no such session, it cannot be served, or its profile was an agent's text: whoever wrote that chose its name,
    /// and it may be another profile's.
    mutating func serveRecording(of words: inout LaunchWords) throws -> RecordedProfile? {
        guard let (session, directory) = words.replayed else { return nil }
        let served = try ServedSession(session, in: directory)
        var taken: RecordedProfile?
        if words.profile == nil, let profile = served.profile {
            guard !profile.isOwnText else {
                throw LaunchRefusal(
                    "the profile of session \(TerminalText.escaped(session)) was a text of the agent's that launched it, and its name "
                        + "may be that of another one; say which one to run with: -p PROFILE"
                )
            }
            words.profile = profile.name
            taken = profile
        }
        replayed = served
        return taken
    }
}

extension RecordedProfile {
    /// What the user should know of a profile that is another one by now; nil where it is the same, or does not read, which the
    /// supervisor says.
    func change(by loader: ProfileLoader) -> String? {
        guard let now = try? loader.load(name: name), !now.digest.isSame(as: digest) else { return nil }
        return
            "profile '\(TerminalText.escaped(name))' is not as it was when the session was recorded, or its folders lie elsewhere: its "
            + "digest was \(digest), and is \(now.digest); the command runs with it as it is now"
    }
}
