/// One live agent, as `bailey ps` shows it.
package struct AgentSummary: Sendable, Hashable {
    package var agent: String
    /// Nil for a root agent.
    package var parent: String?
    package var name: String
    package var profile: String
    /// Who launched its run.
    package var principal: String
    /// Its SPIFFE id; nil where it would be too long for one.
    package var spiffe: String?
    /// Seconds since its launch.
    package var age: Int32
    /// It is cut off: whatever it tries outside is refused.
    package var isRevoked: Bool
    package var argv: [String]

    package init(
        agent: String,
        parent: String?,
        name: String,
        profile: String,
        principal: String,
        spiffe: String?,
        age: Int32,
        isRevoked: Bool,
        argv: [String]
    ) {
        self.agent = agent
        self.parent = parent
        self.name = name
        self.profile = profile
        self.principal = principal
        self.spiffe = spiffe
        self.age = age
        self.isRevoked = isRevoked
        self.argv = argv
    }

    /// Bytes of arguments that a summary shows, their lengths included.
    static let maximumArguments = 256
    /// Summaries in one answer: with two names of at most 255 bytes, a subject of 600 and an id of 2048 they fit into a socket's
    /// buffer, 208 KiB by default (net.core.wmem_default), and nobody waits for the one who reads them.
    package static let perAnswer = 56

    /// As many arguments as fit.
    package static func shortened(_ argv: [String]) -> [String] {
        var room = maximumArguments
        var kept: [String] = []
        for argument in argv {
            room -= argument.utf8.count + MemoryLayout<Int32>.size
            guard room >= 0 else { return kept + ["…"] }
            kept.append(argument)
        }
        return kept
    }

    func write(to writer: inout ControlWriter) {
        writer.write(agent)
        writer.write(parent)
        writer.write(name)
        writer.write(profile)
        writer.write(principal)
        writer.write(spiffe)
        writer.write(age)
        writer.write(isRevoked)
        writer.write(argv)
    }

    init(from reader: inout ControlReader) throws(ControlError) {
        agent = try reader.text()
        parent = try reader.optionalText()
        name = try reader.text()
        profile = try reader.text()
        principal = try reader.text()
        spiffe = try reader.optionalText()
        age = try reader.integer()
        isRevoked = try reader.flag()
        argv = try reader.list()
    }
}
